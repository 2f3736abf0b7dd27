//! The queue of a lane: bounded by count and by bytes, and quick to push to.
//!
//! What makes pushing slow is memory that another processor has in its cache. So the reader doesn't
//! free the alerts that it is done with, but gives them back, and each push frees one: the next
//! alert is then made of memory that this processor had last.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use pigear_alert::Alert;

use crate::handler::Gather;
use crate::lane::WhenFull;
use settled_counter::SettledCounter;

mod settled_counter;
#[cfg(test)]
mod tests;

/// About so many bytes of alerts that its reader is done with are kept in a queue, at most.
const MAX_SPENT: usize = 1 << 20;

/// What a queue may hold, or some of that. What its reader has in hand counts too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) alerts: usize,
    pub(crate) bytes: usize,
}

/// What became of an alert that was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Queued,
    /// There was no room.
    Full,
    /// Nothing is let in any more.
    Closed,
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
    state: Mutex<QueueState>,
    filled: Condvar,
    freed: Condvar,
}

#[derive(Default)]
struct QueueState {
    waiting: VecDeque<(Arc<Alert>, usize)>,
    /// Alerts and bytes that wait or are in the reader's hand.
    alerts: usize,
    bytes: usize,
    /// Alerts in the reader's hand of which nobody knows yet what becomes of them.
    unsettled: usize,
    settled_counter: SettledCounter,
    /// Alerts that the reader is done with.
    spent: Vec<Arc<Alert>>,
    /// How many must wait for the reader to be woken; `None` if it doesn't sleep.
    wakes_at: Option<usize>,
    closed: bool,
    /// The reader was given up: what it still does counts no more.
    left_behind: bool,
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
                state.settled_counter.turn_away();
                return Pushed::Full;
            }
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return Pushed::Closed;
        }
        state.settled_counter.let_in();
        state.alerts += 1;
        state.bytes += bytes;
        state.waiting.push_back((alert, bytes));
        let wake = state.wakes_at.is_some_and(|enough| state.waiting.len() >= enough);
        if wake {
            state.wakes_at = None;
        }
        let spent = state.spent.pop();
        drop(state);
        drop(spent);
        if wake {
            self.filled.notify_one();
        }
        Pushed::Queued
    }

    /// Waits for alerts as `gather` says, for the first no longer than until `due`, and moves them
    /// into `batch`, in place of those that are in it. What is due already comes before alerts.
    pub(crate) fn take(&self, batch: &mut Batch, gather: Gather, due: Option<Instant>) -> Taken {
        self.give_back(batch);
        let (mut state, taken) = self.wait(gather, due);
        if taken == Taken::Alerts {
            let n = state.waiting.len().min(gather.most.max(1));
            state.unsettled = n;
            for (alert, bytes) in state.waiting.drain(..n) {
                batch.alerts.push(alert);
                batch.bytes += bytes;
            }
        }
        taken
    }

    fn wait(&self, gather: Gather, due: Option<Instant>) -> (MutexGuard<'_, QueueState>, Taken) {
        let mut state = self.state();
        if !state.closed && due.is_some_and(|due| due <= Instant::now()) {
            return (state, Taken::Due);
        }
        let mut until = due;
        let mut wanted = 1;
        loop {
            let waiting = state.waiting.len();
            if waiting > 0 && wanted == 1 {
                wanted = gather.enough.max(1);
                until = Some(Instant::now() + gather.delay).filter(|_| wanted > 1);
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let enough = waiting >= wanted;
            let ended = state.closed || left.is_some_and(|left| left.is_zero());
            if enough || ended {
                state.wakes_at = None;
                let taken = match waiting {
                    0 if state.closed => Taken::Closed,
                    0 => Taken::Due,
                    _ => Taken::Alerts,
                };
                return (state, taken);
            }
            state.wakes_at = Some(wanted);
            state = match left {
                None => self.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    let woken = self.filled.wait_timeout(state, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Gives back the room of a batch, and its first alerts. The rest is freed here, but not under
    /// the lock, which would keep the writer waiting.
    fn give_back(&self, batch: &mut Batch) {
        let Bounds { alerts, bytes } = batch.room();
        batch.alerts.truncate(alerts * MAX_SPENT / bytes.max(MAX_SPENT));
        batch.bytes = 0;
        let mut state = self.state();
        state.release(Bounds { alerts, bytes });
        std::mem::swap(&mut state.spent, &mut batch.alerts);
        drop(state);
        batch.alerts.clear();
        if self.when_full == WhenFull::Wait {
            self.freed.notify_all();
        }
    }

    /// Whether nothing waits. Whoever only wants to rest a little while nothing waits need not be
    /// woken, and so costs the writer nothing.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.state();
        state.waiting.is_empty() && !state.closed
    }

    /// How many alerts wait, without those in the reader's hand.
    pub(crate) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// The last alerts that wait, in their order.
    pub(crate) fn newest(&self, most: usize) -> Vec<Arc<Alert>> {
        let state = self.state();
        let older = state.waiting.len().saturating_sub(most);
        state.waiting.iter().skip(older).map(|(alert, _)| Arc::clone(alert)).collect()
    }

    /// Whether the queue has room for many batches like this.
    pub(crate) fn holds_many_times(&self, batch: &Batch) -> bool {
        const MANY_TIMES: usize = 64;
        let Bounds { alerts, bytes } = batch.room();
        alerts <= self.bounds.alerts / MANY_TIMES && bytes <= self.bounds.bytes / MANY_TIMES
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
        let bytes = dropped.iter().map(|(_, bytes)| bytes).sum();
        state.release(Bounds { alerts: dropped.len(), bytes });
        drop(state);
        dropped.len() as u64
    }

    /// Counts what became of the first `n` alerts in the reader's hand; `None` if they count as dropped
    /// already, since the reader was left behind.
    pub(crate) fn settle<T>(&self, n: usize, count: impl FnOnce() -> T) -> Option<T> {
        self.settle_as(n, count, SettledCounter::done)
    }

    /// The same for any `n` of those in its hand.
    pub(crate) fn settle_some<T>(&self, n: usize, count: impl FnOnce() -> T) -> Option<T> {
        self.settle_as(n, count, SettledCounter::set_aside)
    }

    /// The same for `n` that the reader won't deal with, nor with any more.
    pub(crate) fn give_up<T>(&self, n: usize, count: impl FnOnce() -> T) -> Option<T> {
        self.settle_as(n, count, |settled_counter, _| settled_counter.give_up())
    }

    fn settle_as<T>(
        &self,
        n: usize,
        count: impl FnOnce() -> T,
        tell: impl FnOnce(&mut SettledCounter, usize),
    ) -> Option<T> {
        let mut state = self.state();
        if state.left_behind {
            return None;
        }
        state.unsettled -= n;
        tell(&mut state.settled_counter, n);
        if state.unsettled == 0 {
            state.settled_counter.batch_done();
        }
        Some(count())
    }

    /// How many of the first alerts that were pushed the reader is done with, whatever became of them.
    /// Those that it never dealt with, since it ended before, are not among them.
    pub(crate) fn settled(&self) -> u64 {
        self.state().settled_counter.first()
    }

    /// Gives up on a reader that is still busy, and returns how many alerts that concerns: what
    /// waits, and what it has in hand.
    pub(crate) fn leave_behind(&self) -> u64 {
        let waiting = self.abandon();
        let mut state = self.state();
        state.left_behind = true;
        waiting + std::mem::take(&mut state.unsettled) as u64
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueState {
    /// An alert that is larger than the whole bound still fits into an empty queue.
    fn has_room(&self, bounds: Bounds, bytes: usize) -> bool {
        self.alerts == 0 || (self.alerts < bounds.alerts && self.bytes + bytes <= bounds.bytes)
    }

    fn release(&mut self, room: Bounds) {
        self.alerts -= room.alerts;
        self.bytes -= room.bytes;
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

    /// The room that they take.
    fn room(&self) -> Bounds {
        Bounds { alerts: self.alerts.len(), bytes: self.bytes }
    }
}
