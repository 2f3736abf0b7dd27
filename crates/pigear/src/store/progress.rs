//! Communication between the writer and the lanes that read.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use pigear_alert::Alert;

/// How far storing is, and which lanes wait for it.
#[derive(Default)]
pub(super) struct Progress {
    state: Mutex<ProgressState>,
    changed: Condvar,
}

#[derive(Default)]
pub(super) struct ProgressState {
    /// The id of the last stored alert.
    pub(super) last: i64,
    /// Storing has ended.
    pub(super) ended: bool,
    lanes: Vec<Lane>,
    /// Lanes whose handlers were removed, with their names: they stay in the store until they are dropped there.
    left: Vec<(usize, String)>,
}

/// The state of one lane.
struct Lane {
    /// It ends once it has all stored alerts.
    closing: bool,
    /// Its deadline, once that is set.
    end_by: Option<Instant>,
    /// How much may wait in memory.
    bounds: Bounds,
    /// Alerts that could not be stored, each with the last stored alert before it, and its size.
    waiting: VecDeque<(i64, Arc<Alert>, usize)>,
    bytes: usize,
    dropped: u64,
    /// How many alerts came unstored, and how many dead letters stand for that are sent again.
    unstored: u64,
    letters: u64,
    /// The lane is closed.
    abandoned: bool,
    /// It was dropped from the store when this was the last stored alert: nothing comes for it any more.
    dropped_at: Option<i64>,
    /// How many alerts must have come before the lane is woken; `None` if it doesn't sleep.
    wakes_at: Option<u64>,
}

impl Lane {
    /// A number that grows by each alert that comes for the lane.
    fn came(&self, last: i64) -> u64 {
        last.unsigned_abs() + self.unstored
    }
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

    /// Changes the state, and wakes waiting threads.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut ProgressState) -> T) -> T {
        let result = change(&mut self.state());
        self.changed.notify_all();
        result
    }

    /// Notes that alerts came, and wakes waiting threads if these are enough for one of them.
    pub(super) fn come(&self, change: impl FnOnce(&mut ProgressState)) {
        let mut state = self.state();
        change(&mut state);
        let are_enough = state.are_enough();
        drop(state);
        if are_enough {
            self.changed.notify_all();
        }
    }

    /// Waits until so many more alerts have come for a lane, or something else has changed, at most until the
    /// deadline.
    pub(super) fn wait<'a>(
        &self,
        mut state: MutexGuard<'a, ProgressState>,
        (lane, more): (usize, usize),
        until: Instant,
    ) -> MutexGuard<'a, ProgressState> {
        state.sleep(lane, more);
        let left = until.saturating_duration_since(Instant::now());
        let woken = self.changed.wait_timeout(state, left);
        let mut state = woken.unwrap_or_else(PoisonError::into_inner).0;
        state.wake(lane);
        state
    }
}

impl ProgressState {
    /// Adds a lane, and returns its number.
    pub(super) fn add_lane(&mut self, bounds: Bounds) -> usize {
        let waiting = VecDeque::new();
        self.lanes.push(Lane {
            closing: false,
            end_by: None,
            bounds,
            waiting,
            bytes: 0,
            dropped: 0,
            unstored: 0,
            letters: 0,
            abandoned: false,
            dropped_at: None,
            wakes_at: None,
        });
        self.lanes.len() - 1
    }

    /// A lane is to end once it has all stored alerts.
    pub(super) fn close(&mut self, lane: usize) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.closing = true;
        }
    }

    /// Whether a lane is to end once it has all stored alerts.
    pub(super) fn is_closing(&self, lane: usize) -> bool {
        self.lanes.get(lane).is_some_and(|lane| lane.closing)
    }

    /// Sets a lane's deadline.
    pub(super) fn set_end(&mut self, lane: usize, time: Instant) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.end_by = Some(time);
        }
    }

    /// A lane's deadline, once it is set.
    pub(super) fn end_by(&self, lane: usize) -> Option<Instant> {
        self.lanes.get(lane)?.end_by
    }

    /// Passes alerts that could not be stored to all lanes.
    pub(super) fn hand_on(&mut self, alerts: &[Arc<Alert>]) {
        let last = self.last;
        for lane in self.lanes.iter_mut().filter(|lane| lane.dropped_at.is_none()) {
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

    /// The handler of a lane was removed, and the lane has ended.
    pub(super) fn leave(&mut self, lane: usize, name: &str) {
        self.left.push((lane, name.to_owned()));
    }

    /// The lanes that were left and, as far as is known, are still in the store.
    pub(super) fn left(&self) -> Vec<(usize, String)> {
        self.left.clone()
    }

    /// A lane that was left was dropped from the store.
    pub(super) fn drop_lane(&mut self, lane: usize) {
        self.left.retain(|(left, _)| *left != lane);
        let last = self.last;
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.dropped_at = Some(last);
        }
    }

    /// Whether a lane was dropped from the store.
    pub(super) fn is_dropped(&self, lane: usize) -> bool {
        self.lanes.get(lane).is_some_and(|lane| lane.dropped_at.is_some())
    }

    /// The last stored alert that came for a lane.
    pub(super) fn last_of(&self, lane: usize) -> i64 {
        self.lanes.get(lane).and_then(|lane| lane.dropped_at).unwrap_or(self.last)
    }

    /// How many alerts wait in memory for a lane.
    pub(super) fn unstored(&self, lane: usize) -> usize {
        self.lanes.get(lane).map_or(0, |lane| lane.waiting.len())
    }

    /// A lane sleeps until so many more alerts have come.
    fn sleep(&mut self, lane: usize, more: usize) {
        let last = self.last;
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.wakes_at = Some(lane.came(last) + more as u64);
        }
    }

    fn wake(&mut self, lane: usize) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.wakes_at = None;
        }
    }

    /// Whether a lane sleeps for which enough alerts have come.
    fn are_enough(&self) -> bool {
        let are_enough =
            |lane: &Lane| lane.wakes_at.is_some_and(|enough| lane.came(self.last) >= enough);
        self.lanes.iter().any(are_enough)
    }

    /// How far a lane should read in the store before it takes alerts from memory.
    pub(super) fn readable(&self, lane: usize) -> i64 {
        let first = self.lanes.get(lane).and_then(|lane| lane.waiting.front());
        first.map_or(self.last, |(last, _, _)| *last)
    }

    /// The first alerts in memory of a lane that has read up to `done`, at most this many.
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

    /// Counts the alerts of dead letters of a lane that are sent again.
    pub(super) fn add_letters(&mut self, lane: usize, alerts: u64) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.letters += alerts;
        }
    }

    /// How many alerts came for a lane in addition to the stored ones.
    pub(super) fn came_besides(&self, lane: usize) -> u64 {
        self.lanes.get(lane).map_or(0, |lane| lane.unstored + lane.letters)
    }

    /// Drops the alerts in memory of a lane, and returns how many were lost.
    pub(super) fn abandon(&mut self, lane: usize) -> u64 {
        let Some(lane) = self.lanes.get_mut(lane) else { return 0 };
        lane.abandoned = true;
        lane.bytes = 0;
        lane.waiting.drain(..).count() as u64 + std::mem::take(&mut lane.dropped)
    }

    /// How many alerts found no room in memory since the last call.
    pub(super) fn take_dropped(&mut self, lane: usize) -> u64 {
        self.lanes.get_mut(lane).map_or(0, |lane| std::mem::take(&mut lane.dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_not_woken_before_enough_alerts_have_come_for_it() {
        let mut state = ProgressState::default();
        let bounds = Bounds { alerts: 10, bytes: 1_000_000 };
        let [collects, waits] = [(); 2].map(|()| state.add_lane(bounds));
        state.last = 5;
        assert!(!state.are_enough(), "none sleeps");
        state.sleep(collects, 3);
        state.last += 1;
        assert!(!state.are_enough());
        state.sleep(waits, 1);
        state.last += 1;
        assert!(state.are_enough());
        state.wake(waits);
        assert!(!state.are_enough());
        // What could not be stored counts as well.
        state.hand_on(&[crate::store::tests::all_alerts().remove(0)]);
        assert!(state.are_enough());
        state.wake(collects);
        assert!(!state.are_enough());
    }
}
