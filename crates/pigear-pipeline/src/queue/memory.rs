//! A queue in memory, bounded by count and by bytes.
//!
//! Two things keep pushing fast. First, the reader isn't woken for every alert: after a batch it polls
//! for a millisecond before it sleeps, and while it polls, a push costs only a lock and a store. So
//! waking costs nothing at high rates, and at low ones an alert is still handled at once. At high rates
//! it polls less often, while the queue stays nearly empty: each poll costs as much processor time as
//! several alerts.
//!
//! Second, memory in another processor's cache is slow to free. So the reader returns processed
//! alerts, and each push frees one: the next alert is then allocated from memory in this processor's
//! cache.

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
use crate::policy::{BatchPolicy, SourceMode, WhenFull};
use settled_counter::SettledCounter;

/// How long the reader pauses before it sleeps …
const PAUSE: Duration = Duration::from_millis(1);
/// … and how long after a batch of this many alerts.
const LONG_PAUSE: Duration = Duration::from_millis(4);
const LARGE_BATCH: usize = 16;

/// The most bytes, roughly, of processed alerts that a queue keeps.
const MAX_PROCESSED: usize = 1 << 20;

/// The capacity of a queue, or a part of it. Alerts that the reader has taken count too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) alerts: usize,
    pub(crate) bytes: usize,
}

/// The result of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Queued,
    Full,
    /// The queue is closed.
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
    /// Alerts and bytes that wait or that the reader has taken.
    alerts: usize,
    bytes: usize,
    /// Alerts that were pushed, with or without success.
    received: u64,
    settled: SettledCounter,
    /// When the first alert of the reader's batch was received.
    taken_since: Option<Timestamp>,
    /// Processed alerts, to be freed.
    processed: Vec<Arc<Alert>>,
    /// How many must wait before the reader is woken; `None` if it doesn't sleep.
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

    /// Adds an alert of `size` bytes. If the queue is full, and both source and policy allow it, the
    /// source waits until there is room or the queue is closed.
    pub(crate) fn push(&self, alert: Arc<Alert>, bytes: usize, mode: SourceMode) -> Pushed {
        let mut state = self.state();
        state.received += 1;
        while !state.closed && !state.has_room(self.bounds, bytes) {
            state.pressed = true;
            if state.wakes_at.take().is_some() {
                self.filled.notify_one();
            }
            if !self.when_full.waits(mode) {
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
        let processed = state.processed.pop();
        drop(state);
        drop(processed);
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
        // The time at which the first alert has waited long enough.
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

    /// Returns the room of a batch, and its first alerts. The others are freed here, but not under the
    /// lock, which would block the writer.
    fn release_batch(&self, batch: &mut Batch) {
        let Bounds { alerts, bytes } = room_of(batch);
        batch.alerts.truncate(alerts * MAX_PROCESSED / bytes.max(MAX_PROCESSED));
        batch.bytes = 0;
        let mut state = self.state();
        state.release(Bounds { alerts, bytes });
        state.taken_since = None;
        std::mem::swap(&mut state.processed, &mut batch.alerts);
        drop(state);
        batch.alerts.clear();
        if self.when_full != WhenFull::DropNewest {
            self.freed.notify_all();
        }
    }

    /// Pauses after a batch, if no alert waits. A pausing reader is not woken, and so costs the writer
    /// nothing. One that collects is woken once for a whole batch anyway.
    fn pause_after(&self, batch: &Batch, policy: BatchPolicy) {
        if batch.alerts.is_empty() || !self.is_idle() {
            return;
        }
        if batch.alerts.len() >= LARGE_BATCH && self.holds_many_times(batch) {
            thread::sleep(LONG_PAUSE);
        } else if policy.delay <= PAUSE {
            thread::sleep(PAUSE);
        }
    }

    fn is_idle(&self) -> bool {
        let state = self.state();
        state.waiting.is_empty() && !state.closed
    }

    /// Makes the lane send what it has collected, once it has taken what waits.
    pub(crate) fn flush(&self) {
        self.state().flush = true;
        self.filled.notify_all();
    }

    /// How many alerts the reader has settled, from the first that was pushed. Alerts that it never got,
    /// because it ended before, don't count.
    pub(crate) fn settled(&self) -> u64 {
        self.state().settled.first()
    }

    /// Whether the queue has room for many batches of this size.
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
    /// An alert larger than the whole limit still fits into an empty queue.
    fn has_room(&self, bounds: Bounds, bytes: usize) -> bool {
        self.alerts == 0 || (self.alerts < bounds.alerts && self.bytes + bytes <= bounds.bytes)
    }

    fn release(&mut self, room: Bounds) {
        self.alerts -= room.alerts;
        self.bytes -= room.bytes;
    }
}

/// Whether there is such a time, and it has passed.
fn is_over(time: Option<Instant>, now: Instant) -> bool {
    time.is_some_and(|time| time <= now)
}

/// The room that a batch takes.
fn room_of(batch: &Batch) -> Bounds {
    Bounds { alerts: batch.alerts.len(), bytes: batch.bytes }
}

impl Queue for MemoryQueue {
    /// What is due is returned before alerts, until the queue is closed.
    fn take(&self, batch: &mut Batch, policy: BatchPolicy, until: Option<Instant>) -> Taken {
        self.pause_after(batch, policy);
        self.release_batch(batch);
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

    fn interrupt(&self) {
        self.flush();
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
