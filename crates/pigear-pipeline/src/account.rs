//! The account of a lane: what became of every alert.
//!
//! At every moment, for every lane:
//!
//! ```text
//! received = handled + dropped + failed + filtered + muted + waiting
//! ```
//!
//! `received` is counted by the lane's queue, all others but `waiting` here: each alert exactly once,
//! when its fate is known. `waiting` is the remainder: alerts in the queue, in the handler, or in a
//! group that is not sent yet.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use pigear_alert::plural;
use tracing::{error, warn};

use crate::event_counter::LogTimer;
use crate::lane_times::LaneTimes;
use crate::queue::Queue;
use crate::totals::{Fate, Totals};

/// A counter that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    count: AtomicU64,
    log: LogTimer,
}

impl Counter {
    /// Adds `n`, and returns the new count.
    pub(crate) fn add(&self, n: u64) -> u64 {
        self.count.fetch_add(n, Ordering::Relaxed) + n
    }

    /// Adds one, and returns the new count if it should be [logged](crate::event_counter).
    pub(crate) fn add_and_log(&self) -> Option<u64> {
        Some(self.add(1)).filter(|count| self.log.is_due(*count, 1))
    }

    pub(crate) fn get(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// The account of one lane.
pub(crate) struct Account {
    queue: Arc<dyn Queue>,
    state: Mutex<AccountState>,
    /// Alerts that passed because a filter failed.
    pub(crate) filter_failed: Counter,
    /// Alerts that were left out only because a field wasn't known.
    pub(crate) filtered_unknown: Counter,
    /// How long its lane takes.
    pub(crate) times: LaneTimes,
    /// Whether the lane has a filter.
    is_filtered: AtomicBool,
    /// Whether the lane has a limit.
    is_limited: AtomicBool,
}

#[derive(Default)]
struct AccountState {
    /// What became of alerts, those of the lane before included.
    totals: Totals,
    /// What the lane of this name had settled that was removed before this one was added.
    before: Totals,
    /// When dropped and failed alerts were logged.
    dropped_log: LogTimer,
    failed_log: LogTimer,
    /// Nothing more is counted: an abandoned handler may still be running.
    closed: Option<LeftAlerts>,
    /// The handler's reader or user wants no more alerts.
    is_unwanted: bool,
}

impl AccountState {
    /// Counts alerts, and returns the new count if it should be logged.
    fn count(&mut self, fate: Fate, alerts: u64) -> Option<u64> {
        self.totals.add(fate, alerts);
        let log = match fate {
            Fate::Dropped => &self.dropped_log,
            Fate::Failed => &self.failed_log,
            Fate::Handled | Fate::Filtered | Fate::Muted => return None,
        };
        Some(self.totals.get(fate)).filter(|count| log.is_due(*count, alerts))
    }
}

/// What happens to alerts that wait in memory when a lane ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftAlerts {
    /// They are lost.
    Dropped,
    /// Their source reads them again in the next run from there: `the log`, for messages.
    ReadAgain(&'static str),
}

impl Account {
    pub(crate) fn new(queue: Arc<dyn Queue>, is_filtered: bool, is_limited: bool) -> Self {
        Self {
            queue,
            state: Mutex::default(),
            filter_failed: Counter::default(),
            filtered_unknown: Counter::default(),
            times: LaneTimes::default(),
            is_filtered: is_filtered.into(),
            is_limited: is_limited.into(),
        }
    }

    /// The lane has a filter, or a limit, from now on. What was counted before stays.
    pub(crate) fn add_kinds(&self, is_filtered: bool, is_limited: bool) {
        self.is_filtered.fetch_or(is_filtered, Ordering::Relaxed);
        self.is_limited.fetch_or(is_limited, Ordering::Relaxed);
    }

    /// Whether the lane has, or had, a filter.
    pub(crate) fn is_filtered(&self) -> bool {
        self.is_filtered.load(Ordering::Relaxed)
    }

    /// Whether the lane has, or had, a limit.
    pub(crate) fn is_limited(&self) -> bool {
        self.is_limited.load(Ordering::Relaxed)
    }

    /// Goes on with the counters of a lane of the same name that has ended. Nothing is counted here yet.
    pub(crate) fn go_on_from(&self, last: &Self) {
        let (settled, _) = last.read();
        {
            let mut state = self.state();
            state.before = settled;
            state.totals = state.totals + settled;
        }
        self.filter_failed.add(last.filter_failed.get());
        self.filtered_unknown.add(last.filtered_unknown.get());
        self.times.add(&last.times);
        self.add_kinds(last.is_filtered(), last.is_limited());
    }

    /// Notes that the handler's reader or user wants no more alerts, unless the handler was abandoned before.
    pub(crate) fn set_unwanted(&self) {
        let mut state = self.state();
        state.is_unwanted |= state.closed.is_none();
    }

    /// Whether the handler's reader or user wants no more alerts: those that still come are dropped.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.state().is_unwanted
    }

    /// Counts alerts by their fate. Returns the new count of those that were dropped or failed if it should be logged,
    /// and `None` if the account is closed and they already count as dropped.
    pub(crate) fn settle(&self, fate: Fate, alerts: u64) -> Option<u64> {
        let mut state = self.state();
        if state.closed.is_some() {
            self.drop_waiting(&mut state);
            return None;
        }
        state.count(fate, alerts)
    }

    /// Counts what the queue of this lane lost since it was last asked. The lane itself asks while it takes
    /// alerts; so this is for a lane that has ended, or waits for its handler.
    pub(crate) fn count_lost(&self, name: &str) {
        if self.outlives_process() {
            self.count_as_lost(name, self.queue.take_lost());
        }
    }

    /// Counts alerts that a queue that outlives the process could not store or read, also when the account
    /// is closed: nothing else does.
    pub(crate) fn count_as_lost(&self, name: &str, lost: Totals) {
        let counted = |fate, alerts| self.state().count(fate, alerts);
        if let Some(count) = counted(Fate::Dropped, lost.dropped) {
            warn!("handler {name}: {} dropped so far", plural::count(count, "alert"));
        }
        if let Some(count) = counted(Fate::Failed, lost.failed) {
            error!("handler {name}: {} so far", plural::count(count, "dead letter"));
        }
    }

    /// Closes the account. If the alerts that wait are delivered again in the next run, they keep waiting,
    /// and so do later ones. Otherwise they count as dropped. Returns how many wait in memory.
    pub(crate) fn close(&self, left: LeftAlerts) -> u64 {
        let mut state = self.state();
        state.closed = Some(left);
        self.drop_waiting(&mut state)
    }

    fn drop_waiting(&self, state: &mut AccountState) -> u64 {
        if self.outlives_process() {
            return 0;
        }
        let received = self.queue.received() + state.before.sum();
        let waiting = received.saturating_sub(state.totals.sum());
        if matches!(state.closed, Some(LeftAlerts::ReadAgain(_))) {
            return waiting;
        }
        state.totals.dropped += waiting;
        waiting
    }

    /// The totals of all alerts so far, and how many were received.
    pub(crate) fn read(&self) -> (Totals, u64) {
        let state = self.state();
        // In this order: no alert is settled before it is received.
        let totals = state.totals;
        let received = self.queue.received() + state.before.sum();
        (totals, received.max(totals.sum()))
    }

    /// For how many milliseconds an alert has been in memory only: the oldest of those that wait.
    pub(crate) fn oldest_in_memory_ms(&self) -> Option<u64> {
        let age = Timestamp::now().duration_since(self.queue.oldest_in_memory()?);
        // The clock may have been set back.
        Some(u64::try_from(age.as_millis()).unwrap_or_default())
    }

    /// These totals and those of earlier runs, where the queue keeps them: it knows what a lane before had settled.
    pub(crate) fn since_first_use(&self, totals: Totals) -> Option<Totals> {
        Some(self.queue.earlier()? + (totals - self.state().before))
    }

    /// Whether waiting alerts are delivered again in the next run.
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
