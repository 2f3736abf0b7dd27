//! What the one who stores and the lanes that read tell each other.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use pigear_alert::Alert;

/// How far storing has come, and who waits for that.
#[derive(Default)]
pub(super) struct Progress {
    state: Mutex<ProgressState>,
    changed: Condvar,
}

#[derive(Default)]
pub(super) struct ProgressState {
    /// The last alert that is stored.
    pub(super) last: i64,
    /// Nothing more will be stored.
    pub(super) ended: bool,
    /// The lanes end once they have all that is stored.
    pub(super) closing: bool,
    lanes: Vec<Lane>,
}

/// What there is for one lane.
struct Lane {
    /// By when it must be done, once that is known.
    end_by: Option<Instant>,
    /// How much may wait in memory.
    bounds: Bounds,
    /// What could not be stored.
    /// Each with the last alert that was stored before it, and its size.
    waiting: VecDeque<(i64, Arc<Alert>, usize)>,
    bytes: usize,
    dropped: u64,
    /// How many came that were not stored, and how many dead letters that are sent again.
    unstored: u64,
    letters: u64,
    /// Nothing more is let in.
    abandoned: bool,
}

/// How much may wait in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) alerts: usize,
    pub(super) bytes: usize,
}

impl Progress {
    pub(super) fn state(&self) -> MutexGuard<'_, ProgressState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something that others wait for.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut ProgressState) -> T) -> T {
        let result = change(&mut self.state());
        self.changed.notify_all();
        result
    }

    /// Waits for a change, until then at the latest.
    pub(super) fn wait<'a>(
        &self,
        state: MutexGuard<'a, ProgressState>,
        until: Instant,
    ) -> MutexGuard<'a, ProgressState> {
        let left = until.saturating_duration_since(Instant::now());
        self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
    }
}

impl ProgressState {
    /// Adds a lane, and returns its number.
    pub(super) fn add_lane(&mut self, bounds: Bounds) -> usize {
        let waiting = VecDeque::new();
        self.lanes.push(Lane {
            end_by: None,
            bounds,
            waiting,
            bytes: 0,
            dropped: 0,
            unstored: 0,
            letters: 0,
            abandoned: false,
        });
        self.lanes.len() - 1
    }

    /// Says by when a lane must be done.
    pub(super) fn set_end(&mut self, lane: usize, time: Instant) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.end_by = Some(time);
        }
    }

    /// By when a lane must be done, once that is known.
    pub(super) fn end_by(&self, lane: usize) -> Option<Instant> {
        self.lanes.get(lane)?.end_by
    }

    /// Hands alerts that could not be stored to all lanes.
    pub(super) fn hand_on(&mut self, alerts: &[Arc<Alert>]) {
        let last = self.last;
        for lane in &mut self.lanes {
            lane.unstored += alerts.len() as u64;
            for alert in alerts {
                let bytes = alert.memory();
                let full = lane.abandoned
                    || lane.waiting.len() >= lane.bounds.alerts
                    || lane.bytes + bytes > lane.bounds.bytes;
                if full {
                    lane.dropped += 1;
                } else {
                    lane.bytes += bytes;
                    lane.waiting.push_back((last, Arc::clone(alert), bytes));
                }
            }
        }
    }

    /// How many alerts wait in memory for a lane.
    pub(super) fn unstored(&self, lane: usize) -> usize {
        self.lanes.get(lane).map_or(0, |lane| lane.waiting.len())
    }

    /// Up to where a lane should read before it takes what waits in memory.
    pub(super) fn readable(&self, lane: usize) -> i64 {
        let first = self.lanes.get(lane).and_then(|lane| lane.waiting.front());
        first.map_or(self.last, |(last, _, _)| *last)
    }

    /// The first of what waits in memory for a lane that has read up to `done`, at most so many.
    pub(super) fn take_unstored(&mut self, lane: usize, done: i64, most: usize) -> Vec<Arc<Alert>> {
        let mut taken = Vec::new();
        let Some(lane) = self.lanes.get_mut(lane) else { return taken };
        while taken.len() < most
            && lane.waiting.front().is_some_and(|(last, _, _)| *last <= done)
            && let Some((_, alert, bytes)) = lane.waiting.pop_front()
        {
            lane.bytes -= bytes;
            taken.push(alert);
        }
        taken
    }

    /// Dead letters of a lane are sent again.
    pub(super) fn add_letters(&mut self, lane: usize, letters: usize) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.letters += letters as u64;
        }
    }

    /// How many alerts came for a lane besides those that were stored.
    pub(super) fn came_besides(&self, lane: usize) -> u64 {
        self.lanes.get(lane).map_or(0, |lane| lane.unstored + lane.letters)
    }

    /// Throws away what waits in memory for a lane, and returns how many alerts were lost there.
    pub(super) fn abandon(&mut self, lane: usize) -> u64 {
        let Some(lane) = self.lanes.get_mut(lane) else { return 0 };
        lane.abandoned = true;
        lane.bytes = 0;
        lane.waiting.drain(..).count() as u64 + std::mem::take(&mut lane.dropped)
    }

    /// How many alerts found no room in memory since this was last asked.
    pub(super) fn take_dropped(&mut self, lane: usize) -> u64 {
        self.lanes.get_mut(lane).map_or(0, |lane| std::mem::take(&mut lane.dropped))
    }
}
