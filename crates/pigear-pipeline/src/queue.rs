//! The queue of a lane: bounded by count and by bytes, and quick to push to.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use pigear_alert::Alert;

use crate::handler::Gather;
use crate::lane::WhenFull;

/// What a queue may hold. What its reader has in hand counts too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) alerts: usize,
    pub(crate) bytes: usize,
}

/// What became of an alert that was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Queued,
    Dropped,
}

/// What came of waiting for alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// There are some.
    Alerts,
    /// None came before it was time for something else.
    Due,
    /// There are none, and none will come.
    Closed,
}

/// A queue with one reader.
pub(crate) struct Queue {
    bounds: Bounds,
    when_full: WhenFull,
    state: Mutex<State>,
    filled: Condvar,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(Arc<Alert>, usize)>,
    /// Alerts and bytes that wait or are in the reader's hand.
    alerts: usize,
    bytes: usize,
    /// How many must wait for the reader to be woken; none if it doesn't sleep.
    wakes_at: Option<usize>,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds, when_full: WhenFull) -> Self {
        let state = Mutex::default();
        Self { bounds, when_full, state, filled: Condvar::new(), freed: Condvar::new() }
    }

    /// Adds an alert of so many bytes. Waits only if the queue was told to wait when full, and then
    /// until there is room or the queue is closed.
    pub(crate) fn push(&self, alert: Arc<Alert>, bytes: usize) -> Pushed {
        let mut state = self.state();
        while !state.closed && !state.has_room(self.bounds, bytes) {
            if self.when_full == WhenFull::DropNewest {
                return Pushed::Dropped;
            }
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return Pushed::Dropped;
        }
        state.alerts += 1;
        state.bytes += bytes;
        state.waiting.push_back((alert, bytes));
        let wake = state.wakes_at.is_some_and(|enough| state.waiting.len() >= enough);
        if wake {
            state.wakes_at = None;
        }
        drop(state);
        if wake {
            self.filled.notify_one();
        }
        Pushed::Queued
    }

    /// Waits for alerts as `gather` says, but not beyond `due` for the first, and moves them into
    /// `batch`. Gives back the room of the batch before.
    pub(crate) fn take(&self, batch: &mut Batch, gather: Gather, due: Option<Instant>) -> Taken {
        let mut state = self.state();
        state.release(batch);
        if self.when_full == WhenFull::Wait {
            self.freed.notify_all();
        }
        let (mut state, taken) = self.wait(state, gather, due);
        if taken == Taken::Alerts {
            let n = state.waiting.len().min(gather.most.max(1));
            for (alert, bytes) in state.waiting.drain(..n) {
                batch.alerts.push(alert);
                batch.bytes += bytes;
            }
        }
        state.wakes_at = None;
        taken
    }

    fn wait<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        gather: Gather,
        due: Option<Instant>,
    ) -> (MutexGuard<'a, State>, Taken) {
        let mut until = due;
        let mut waits_for = 1;
        loop {
            let waiting = state.waiting.len();
            if waiting >= gather.enough || (waiting > 0 && (state.closed || gather.delay.is_zero()))
            {
                return (state, Taken::Alerts);
            }
            if state.closed {
                return (state, Taken::Closed);
            }
            if waiting > 0 && waits_for == 1 {
                waits_for = gather.enough;
                until = Some(Instant::now() + gather.delay);
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            state.wakes_at = Some(waits_for);
            state = match left {
                None => self.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => {
                    let taken = if waiting > 0 { Taken::Alerts } else { Taken::Due };
                    return (state, taken);
                }
                Some(left) => {
                    let woken = self.filled.wait_timeout(state, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Whether nothing waits. Whoever only wants to rest a little while nothing waits need not be
    /// woken, and so costs the writer nothing.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.state();
        state.waiting.is_empty() && !state.closed
    }

    /// Lets nothing more in. What waits can still be taken.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_all();
        self.freed.notify_all();
    }

    /// Closes the queue, throws away what waits, and returns how many that were.
    pub(crate) fn abandon(&self) -> u64 {
        self.close();
        let mut state = self.state();
        let dropped = std::mem::take(&mut state.waiting);
        state.alerts -= dropped.len();
        state.bytes -= dropped.iter().map(|(_, bytes)| bytes).sum::<usize>();
        dropped.len() as u64
    }

    /// How many alerts the reader has in hand, if nothing waits.
    pub(crate) fn in_hand(&self) -> u64 {
        self.state().alerts as u64
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// An alert that is larger than the whole bound still fits into an empty queue.
    fn has_room(&self, bounds: Bounds, bytes: usize) -> bool {
        self.alerts == 0 || (self.alerts < bounds.alerts && self.bytes + bytes <= bounds.bytes)
    }

    fn release(&mut self, batch: &mut Batch) {
        self.alerts -= batch.alerts.len();
        self.bytes -= batch.bytes;
        batch.alerts.clear();
        batch.bytes = 0;
    }
}

/// Alerts in the reader's hand.
#[derive(Default)]
pub(crate) struct Batch {
    alerts: Vec<Arc<Alert>>,
    bytes: usize,
}

impl Batch {
    pub(crate) fn alerts(&self) -> &[Arc<Alert>] {
        &self.alerts
    }
}
