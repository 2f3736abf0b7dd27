//! The account of a lane: what became of every alert.
//!
//! At every moment, for every lane:
//!
//! ```text
//! received = handled + dropped + failed + filtered + muted + waiting
//! ```
//!
//! `received` is counted by the lane's queue, all others but `waiting` here, each alert exactly once
//! and only when it is known what became of it. `waiting` is what is left: alerts that wait in the
//! queue, that the handler has, or that it has collected for a message.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::queue::Queue;
use crate::totals::{Fate, Totals};

/// A counter that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`, and returns the new count.
    pub(crate) fn add(&self, n: u64) -> u64 {
        self.0.fetch_add(n, Ordering::Relaxed) + n
    }

    /// Adds one, and returns the new count if that is worth a line in the log: at powers of two, so
    /// that a flood of the same doesn't become a flood of lines.
    pub(crate) fn add_and_log(&self) -> Option<u64> {
        self.add_some_and_log(1)
    }

    /// The same for `n` at once: worth a line if they reach or pass a power of two.
    pub(crate) fn add_some_and_log(&self, n: u64) -> Option<u64> {
        worth_a_line(self.add(n), n)
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A count, if adding the last `n` reached or passed a power of two.
fn worth_a_line(count: u64, n: u64) -> Option<u64> {
    Some(count).filter(|count| count.checked_ilog2() != (count - n).checked_ilog2())
}

/// The account of one lane.
pub(crate) struct Account {
    queue: Arc<dyn Queue>,
    state: Mutex<AccountState>,
    /// Alerts of which the filter could not tell, and which it let through.
    pub(crate) filter_failed: Counter,
    /// Whether alerts pass through a filter.
    pub(crate) is_filtered: bool,
    /// Whether a limit leaves alerts out.
    pub(crate) is_limited: bool,
}

#[derive(Default)]
struct AccountState {
    totals: Totals,
    /// Nothing more is settled: what a handler that was left behind still does counts no more.
    closed: bool,
}

impl Account {
    pub(crate) fn new(queue: Arc<dyn Queue>, is_filtered: bool, is_limited: bool) -> Self {
        let (state, filter_failed) = (Mutex::default(), Counter::default());
        Self { queue, state, filter_failed, is_filtered, is_limited }
    }

    /// Counts what became of some alerts. Returns the new count if that is worth a line in the log,
    /// and nothing if they count as dropped already.
    pub(crate) fn settle(&self, fate: Fate, alerts: u64) -> Option<u64> {
        let mut state = self.state();
        if state.closed {
            self.drop_waiting(&mut state);
            return None;
        }
        state.totals.add(fate, alerts);
        worth_a_line(state.totals.get(fate), alerts)
    }

    /// Closes the account. What waits in memory counts as dropped, and so does what still comes; what
    /// waits in a queue that outlives the process goes on waiting. Returns how many were dropped.
    pub(crate) fn close(&self) -> u64 {
        let mut state = self.state();
        state.closed = true;
        self.drop_waiting(&mut state)
    }

    fn drop_waiting(&self, state: &mut AccountState) -> u64 {
        if self.outlives_process() {
            return 0;
        }
        let waiting = self.queue.received().saturating_sub(state.totals.sum());
        state.totals.dropped += waiting;
        waiting
    }

    /// What became of all alerts so far, and how many have come.
    pub(crate) fn read(&self) -> (Totals, u64) {
        let state = self.state();
        // In this order: nothing is settled before it has come.
        let totals = state.totals;
        let received = self.queue.received();
        (totals, received.max(totals.sum()))
    }

    /// For how many milliseconds an alert has been in memory only: the oldest of those that wait.
    pub(crate) fn oldest_in_memory_ms(&self) -> Option<u64> {
        let age = Timestamp::now().duration_since(self.queue.oldest_in_memory()?);
        // The clock may have been set back.
        Some(u64::try_from(age.as_millis()).unwrap_or_default())
    }

    /// The account of earlier runs, where the queue keeps one.
    pub(crate) fn earlier(&self) -> Option<Totals> {
        self.queue.earlier()
    }

    /// Whether alerts that wait come again in the next run.
    pub(crate) fn outlives_process(&self) -> bool {
        self.queue.outlives_process()
    }

    fn state(&self) -> MutexGuard<'_, AccountState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (totals, received) = self.read();
        f.debug_struct("Account")
            .field("received", &received)
            .field("totals", &totals)
            .finish_non_exhaustive()
    }
}
