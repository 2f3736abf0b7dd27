//! Counters: what came in, and what became of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::Serialize;

use crate::journal::Journal;

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
        let count = self.add(n);
        let before = count - n;
        Some(count).filter(|count| count.checked_ilog2() != before.checked_ilog2())
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of a pipeline, counted up while it runs.
#[derive(Debug, Default)]
pub struct Stats {
    pub(crate) received: Counter,
    pub(crate) malformed: Counter,
    pub(crate) refused: Counter,
    pub(crate) receive_errors: Counter,
    pub(crate) stray_packets: Counter,
    pub(crate) missed: Counter,
    pub(crate) completed: Counter,
    pub(crate) incomplete: Counter,
    lanes: Mutex<BTreeMap<String, Arc<LaneCounters>>>,
}

/// The counters of one lane.
#[derive(Default)]
pub(crate) struct LaneCounters {
    pub(crate) handled: Counter,
    pub(crate) dropped: Counter,
    pub(crate) failed: Counter,
    /// Where the alerts of a durable lane wait.
    pub(crate) journal: OnceLock<Arc<dyn Journal>>,
    /// Only where there is a filter.
    pub(crate) filter: OnceLock<FilterCounters>,
}

/// The counters of one lane's filter.
#[derive(Debug, Default)]
pub(crate) struct FilterCounters {
    pub(crate) filtered: Counter,
    pub(crate) failed: Counter,
}

/// The counters at one moment.
///
/// Once a pipeline has ended, each lane's `handled`, `dropped`, `failed` and `filtered` add up to
/// `received`; but a durable lane also handles what earlier runs have left, and leaves what it could not
/// handle to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// Alerts received: those that were malformed or refused are not among them.
    pub received: u64,
    /// Datagrams that are no alerts.
    pub malformed: u64,
    /// Datagrams from senders that are not allowed to send.
    pub refused: u64,
    /// How often the system gave an error instead of a datagram.
    #[serde(skip_serializing_if = "is_zero")]
    pub receive_errors: u64,
    /// Packets and other records of Snort's log that could not be added to their event: it is not in the
    /// log, or was handed on long before, or had no more room.
    #[serde(skip_serializing_if = "is_zero")]
    pub stray_packets: u64,
    /// Alerts that Snort numbered and that were never received: an estimate, since Snort numbers
    /// events too that it does not send.
    pub missed: u64,
    /// Alerts that were completed from Snort's log: those that lacked something, and those whose event
    /// was there already.
    #[serde(skip_serializing_if = "is_zero")]
    pub completed: u64,
    /// Alerts that lack something, and that Snort's log had nothing for in time.
    #[serde(skip_serializing_if = "is_zero")]
    pub incomplete: u64,
    /// What became of the alerts, for each handler.
    pub handlers: BTreeMap<String, LaneSnapshot>,
}

/// The counters of one handler at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LaneSnapshot {
    /// Alerts that the handler dealt with.
    pub handled: u64,
    /// Alerts that found the handler's queue full, or were still in it when time was up.
    pub dropped: u64,
    /// Alerts that the handler could not deal with.
    pub failed: u64,
    /// Alerts that are stored and not yet handled, where the handler's lane is a durable one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<u64>,
    /// Alerts that its filter left out. Absent where there is no filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filtered: Option<u64>,
    /// Alerts of which its filter could not tell, and which it therefore let through: the other
    /// counters have them too. Absent where there is no filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_failed: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Stats {
    /// The counters as they are now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let lane =
            |(name, counters): (&String, &Arc<LaneCounters>)| (name.clone(), counters.snapshot());
        Snapshot {
            received: self.received.get(),
            malformed: self.malformed.get(),
            refused: self.refused.get(),
            receive_errors: self.receive_errors.get(),
            stray_packets: self.stray_packets.get(),
            missed: self.missed.get(),
            completed: self.completed.get(),
            incomplete: self.incomplete.get(),
            handlers: self.lanes().iter().map(lane).collect(),
        }
    }

    /// Counters for one more lane, with the name that it got: a name that is taken gets a number.
    pub(crate) fn add_lane(&self, name: &str) -> (String, Arc<LaneCounters>) {
        let mut lanes = self.lanes();
        let mut unique = name.to_owned();
        let mut n = 1;
        while lanes.contains_key(&unique) {
            n += 1;
            unique = format!("{name}-{n}");
        }
        let counters = Arc::clone(lanes.entry(unique.clone()).or_default());
        (unique, counters)
    }

    fn lanes(&self) -> MutexGuard<'_, BTreeMap<String, Arc<LaneCounters>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LaneCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.snapshot().fmt(f)
    }
}

impl LaneCounters {
    fn snapshot(&self) -> LaneSnapshot {
        LaneSnapshot {
            handled: self.handled.get(),
            dropped: self.dropped.get(),
            failed: self.failed.get(),
            lag: self.journal.get().map(|journal| journal.lag()),
            filtered: self.filter.get().map(|filter| filter.filtered.get()),
            filter_failed: self.filter.get().map(|filter| filter.failed.get()),
        }
    }
}
