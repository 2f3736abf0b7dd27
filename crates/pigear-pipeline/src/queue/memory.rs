//! A queue in memory: bounded by count and by bytes, and quick to push to.
//!
//! Two things keep pushing quick. The reader isn't woken for every alert: having worked off its queue
//! it rests for a millisecond before it goes to sleep, and while it rests a push is no more than a lock
//! and a store. So waking costs nothing at high rates, and at low ones an alert is still handled at
//! once. When many alerts come it rests for longer, as long as the queue stays nearly empty: each time
//! that it looks costs the processor as much as several alerts.
//!
//! And memory that another processor has in its cache is slow to free. So the reader doesn't free the
//! alerts that it is done with, but gives them back, and each push frees one: the next alert is then
//! made of memory that this processor had last.

mod settled_counter;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pigear_alert::Alert;

use super::{Batch, Queue, Settlement, Taken};
use crate::policy::{BatchPolicy, Patience, WhenFull};
use settled_counter::SettledCounter;

/// How long the reader rests before it sleeps …
const REST: Duration = Duration::from_millis(1);
/// … and how long after a batch of this many alerts.
const LONG_REST: Duration = Duration::from_millis(4);
const MANY: usize = 16;

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

/// A queue with one reader.
pub(crate) struct MemoryQueue {
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
    /// Alerts that came, let in or not.
    received: u64,
    settled: SettledCounter,
    /// When the first alert of the reader's batch was received.
    taken_since: Option<Timestamp>,
    /// Alerts that the reader is done with.
    spent: Vec<Arc<Alert>>,
    /// How many must wait for the reader to be woken; `None` if it doesn't sleep.
    wakes_at: Option<usize>,
    /// An alert found no room since the last batch.
    pressed: bool,
    /// The reader is to be told that a source waits until everything is settled.
    flush: bool,
    closed: bool,
}

impl MemoryQueue {
    pub(crate) fn new(bounds: Bounds, when_full: WhenFull) -> Self {
        let state = Mutex::default();
        Self { bounds, when_full, state, filled: Condvar::new(), freed: Condvar::new() }
    }

    /// Adds an alert of so many bytes. If the queue is full, the source waits if it can and the queue
    /// lets it, until there is room or the queue is closed.
    pub(crate) fn push(&self, alert: Arc<Alert>, bytes: usize, patience: Patience) -> Pushed {
        let mut state = self.state();
        state.received += 1;
        while !state.closed && !state.has_room(self.bounds, bytes) {
            state.pressed = true;
            if state.wakes_at.take().is_some() {
                self.filled.notify_one();
            }
            if !self.when_full.waits(patience) {
                state.settled.turn_away();
                return Pushed::Full;
            }
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return Pushed::Closed;
        }
        state.settled.let_in();
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

    fn wait(
        &self,
        policy: BatchPolicy,
        due: Option<Instant>,
    ) -> (MutexGuard<'_, QueueState>, Taken) {
        let mut state = self.state();
        if !state.closed && is_over(due, Instant::now()) {
            return (state, Taken::Due);
        }
        // When the first alert has waited for long enough.
        let mut collected = None;
        loop {
            let now = Instant::now();
            let waiting = state.waiting.len();
            if waiting > 0 && collected.is_none() {
                collected = now.checked_add(policy.delay);
            }
            let enough = policy.enough.clamp(1, self.bounds.alerts.max(1));
            let wanted = if waiting == 0 { 1 } else { enough };
            let hurry = state.closed || state.pressed || state.flush || is_over(collected, now);
            let ready = waiting > 0 && (waiting >= wanted || hurry);
            if ready || state.closed || state.flush || is_over(due, now) {
                state.wakes_at = None;
                let taken = match waiting {
                    _ if ready => Taken::Alerts,
                    0 if state.closed => Taken::Closed,
                    0 if std::mem::take(&mut state.flush) => Taken::Flush,
                    _ => Taken::Due,
                };
                return (state, taken);
            }
            state.wakes_at = Some(wanted);
            let until = [collected, due].into_iter().flatten().min();
            state = match until.map(|until| until.saturating_duration_since(now)) {
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
        let Bounds { alerts, bytes } = room_of(batch);
        batch.alerts.truncate(alerts * MAX_SPENT / bytes.max(MAX_SPENT));
        batch.bytes = 0;
        let mut state = self.state();
        state.release(Bounds { alerts, bytes });
        state.taken_since = None;
        std::mem::swap(&mut state.spent, &mut batch.alerts);
        drop(state);
        batch.alerts.clear();
        if self.when_full != WhenFull::DropNewest {
            self.freed.notify_all();
        }
    }

    /// Rests a little after a batch, if nothing waits. A resting reader is not woken, and so costs the
    /// writer nothing.
    fn rest_after(&self, batch: &Batch) {
        if !batch.alerts.is_empty() && self.is_idle() {
            let many = batch.alerts.len() >= MANY && self.holds_many_times(batch);
            thread::sleep(if many { LONG_REST } else { REST });
        }
    }

    fn is_idle(&self) -> bool {
        let state = self.state();
        state.waiting.is_empty() && !state.closed
    }

    /// Has the lane send what it has collected, once it has taken what waits.
    pub(crate) fn flush(&self) {
        self.state().flush = true;
        self.filled.notify_all();
    }

    /// How many of the first alerts that were pushed the reader has settled, whatever became of them.
    /// Those that it never got to, since it ended before, are not among them.
    pub(crate) fn settled(&self) -> u64 {
        self.state().settled.first()
    }

    /// Whether the queue has room for many batches like this.
    fn holds_many_times(&self, batch: &Batch) -> bool {
        const MANY_TIMES: usize = 64;
        let Bounds { alerts, bytes } = room_of(batch);
        alerts <= self.bounds.alerts / MANY_TIMES && bytes <= self.bounds.bytes / MANY_TIMES
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

/// Whether there is such a time, and it has come.
fn is_over(time: Option<Instant>, now: Instant) -> bool {
    time.is_some_and(|time| time <= now)
}

/// The room that a batch takes.
fn room_of(batch: &Batch) -> Bounds {
    Bounds { alerts: batch.alerts.len(), bytes: batch.bytes }
}

impl Queue for MemoryQueue {
    /// What is due already comes before alerts, until the queue is closed.
    fn take(&self, batch: &mut Batch, policy: BatchPolicy, until: Option<Instant>) -> Taken {
        self.rest_after(batch);
        self.give_back(batch);
        let (mut state, taken) = self.wait(policy, until);
        if taken == Taken::Alerts {
            let n = state.waiting.len().min(policy.most.max(1));
            for (alert, bytes) in state.waiting.drain(..n) {
                batch.alerts.push(alert);
                batch.bytes += bytes;
            }
            state.pressed = false;
            state.taken_since = batch.alerts.first().map(|alert| alert.received);
        }
        taken
    }

    fn settle(&self, settlement: &Settlement) {
        self.state().settled.settle(settlement.settled);
    }

    fn received(&self) -> u64 {
        self.state().received
    }

    fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    fn oldest_in_memory(&self) -> Option<Timestamp> {
        let state = self.state();
        let waiting = || state.waiting.front().map(|(alert, _)| alert.received);
        state.taken_since.or_else(waiting)
    }

    fn newest(&self, most: usize) -> Vec<Arc<Alert>> {
        let state = self.state();
        let older = state.waiting.len().saturating_sub(most);
        state.waiting.iter().skip(older).map(|(alert, _)| Arc::clone(alert)).collect()
    }

    fn close(&self) {
        self.state().closed = true;
        self.filled.notify_all();
        self.freed.notify_all();
    }

    fn is_closed(&self) -> bool {
        self.state().closed
    }

    fn abandon(&self) -> u64 {
        self.close();
        let mut state = self.state();
        let dropped = std::mem::take(&mut state.waiting);
        let bytes = dropped.iter().map(|(_, bytes)| bytes).sum();
        state.release(Bounds { alerts: dropped.len(), bytes });
        drop(state);
        dropped.len() as u64
    }
}
