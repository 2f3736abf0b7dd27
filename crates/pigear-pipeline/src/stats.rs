//! The counters of a pipeline.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::account::{Account, Counter};
use crate::connection::{SourceConnection, WeakConnection};
use crate::lane_times::{LanePhase, LaneTiming};
use crate::latency::{Histogram, Latency};
use crate::pulse::Pulse;
use crate::totals::Totals;

/// The counters of a pipeline, updated while it runs.
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
    /// How many sources wait for room in a lane.
    waiting_sources: AtomicU64,
    /// From the time that Snort gave an alert until it was received.
    pub(crate) receive_delay: Histogram,
    lanes: Mutex<BTreeMap<String, Arc<Account>>>,
    receivers: Mutex<Vec<Pulse>>,
    connections: Mutex<Vec<WeakConnection>>,
    /// The users whose datagrams were refused.
    refused_users: Mutex<BTreeMap<u32, u64>>,
}

/// The counters at one moment.
///
/// At every moment, each lane's `handled`, `dropped`, `failed`, `filtered`, `muted` and `waiting` add up
/// to its `received`. This equals the pipeline's `received`, except for a durable lane, which also gets
/// alerts from earlier runs, and a lane that reads from a store, which gets alerts once they are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// Alerts received, without malformed and refused datagrams.
    pub received: u64,
    /// Datagrams that are not alerts.
    pub malformed: u64,
    /// Datagrams from senders that are not allowed to send.
    pub refused: u64,
    /// How often the system returned an error instead of a datagram.
    #[serde(skip_serializing_if = "is_zero")]
    pub receive_errors: u64,
    /// Packets and other records of Snort's log that could not be added to their event: it is not in the
    /// log, was delivered before, or is full.
    #[serde(skip_serializing_if = "is_zero")]
    pub stray_packets: u64,
    /// Alerts that Snort numbered and that were never received: an estimate, since Snort numbers
    /// events too that it does not send.
    pub missed: u64,
    /// Alerts completed from Snort's log: incomplete ones, and others whose event was already there.
    #[serde(skip_serializing_if = "is_zero")]
    pub completed: u64,
    /// Incomplete alerts for which Snort's log had no event in time.
    #[serde(skip_serializing_if = "is_zero")]
    pub incomplete: u64,
    /// The counters of each handler.
    pub handlers: BTreeMap<String, LaneSnapshot>,
}

/// The counters of one handler at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LaneSnapshot {
    /// Alerts that the handler processed.
    pub handled: u64,
    /// Alerts that found the handler's queue full, or were still in it at the deadline.
    pub dropped: u64,
    /// Whether `dropped` is what the user wanted: the reader of the output has closed it, or the user ended
    /// the program. Not written.
    #[serde(skip)]
    pub is_unwanted: bool,
    /// Alerts that the handler could not process.
    pub failed: u64,
    /// Alerts that came for the handler, including those that waited at its start.
    pub received: u64,
    /// Alerts that wait, or that the handler has and is not done with.
    pub waiting: u64,
    /// The same, where the handler's lane is a durable one: they are stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<u64>,
    /// The age of the oldest alert that waits in memory, in milliseconds since it was received: for the
    /// handler that stores alerts, this is how much a power failure would take. Absent if no alert
    /// waits in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_ms: Option<u64>,
    /// Alerts that its filter rejected. Absent without a filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filtered: Option<u64>,
    /// Those of `filtered` that were left out only because a field wasn't known. Absent without a filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filtered_unknown: Option<u64>,
    /// Alerts that passed because the filter failed: the other counters include them. Absent without a
    /// filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_failed: Option<u64>,
    /// Alerts that its limit left out. Absent without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted: Option<u64>,
    /// The totals since the handler was first used with its store. Absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Totals>,
}

impl From<&Account> for LaneSnapshot {
    fn from(account: &Account) -> Self {
        let (totals, received) = account.read();
        let Totals { handled, dropped, failed, filtered, muted } = totals;
        let waiting = received - totals.sum();
        Self {
            received,
            handled,
            dropped,
            is_unwanted: account.is_unwanted(),
            failed,
            waiting,
            lag: account.outlives_process().then_some(waiting),
            oldest_ms: account.oldest_in_memory_ms().filter(|_| waiting > 0),
            filtered: account.is_filtered().then_some(filtered),
            filtered_unknown: account.is_filtered().then(|| account.filtered_unknown.get()),
            filter_failed: account.is_filtered().then(|| account.filter_failed.get()),
            muted: account.is_limited().then_some(muted),
            total: account.since_first_use(totals),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The most users that are remembered of those whose datagrams were refused.
const MOST_REFUSED_USERS: usize = 16;

impl Stats {
    /// Notes whose datagram was refused.
    pub(crate) fn note_refused(&self, uid: u32) {
        let mut users = self.refused_users.lock().unwrap_or_else(PoisonError::into_inner);
        if users.len() < MOST_REFUSED_USERS || users.contains_key(&uid) {
            *users.entry(uid).or_default() += 1;
        }
    }

    /// The users whose datagrams were refused, each with how many: the first few users.
    #[must_use]
    pub fn refused_users(&self) -> BTreeMap<u32, u64> {
        self.refused_users.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The counters as they are now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let lane = |(name, account): (&String, &Arc<Account>)| {
            account.count_lost(name);
            (name.clone(), LaneSnapshot::from(&**account))
        };
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

    /// Whether a source waits until a lane that makes it wait has room.
    #[must_use]
    pub fn has_waiting_source(&self) -> bool {
        self.waiting_sources.load(Ordering::Relaxed) > 0
    }

    /// Calls what may make a source wait for room.
    pub(crate) fn while_waiting(&self, push: impl FnOnce()) {
        self.waiting_sources.fetch_add(1, Ordering::Relaxed);
        push();
        self.waiting_sources.fetch_sub(1, Ordering::Relaxed);
    }

    /// How long alerts took from the time that Snort gave them until they were received: those of sources that can't
    /// wait.
    #[must_use]
    pub fn receive_delay(&self) -> Latency {
        self.receive_delay.read()
    }

    /// How long each lane and its handler take.
    #[must_use]
    pub fn timings(&self) -> BTreeMap<String, LaneTiming> {
        self.lanes().iter().map(|(name, account)| (name.clone(), account.times.read())).collect()
    }

    /// The threads that receive datagrams, those that have ended included.
    #[must_use]
    pub fn receivers(&self) -> Vec<Pulse> {
        self.pulses().clone()
    }

    /// Adds a thread that receives datagrams.
    pub(crate) fn add_receiver(&self, name: String) -> Pulse {
        let pulse = Pulse::new(name);
        self.pulses().push(pulse.clone());
        pulse
    }

    /// The connections of the sources that read from servers.
    #[must_use]
    pub fn connections(&self) -> Vec<SourceConnection> {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.iter().filter_map(WeakConnection::get).collect()
    }

    /// Adds the connection of a source.
    pub(crate) fn add_connection(&self, source: String) -> SourceConnection {
        let connection = SourceConnection::new(source);
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|it| it.get().is_some());
        connections.push(connection.downgrade());
        connection
    }

    /// Adds the account of a lane, and returns its name. If the name is taken, a number is appended.
    pub(crate) fn add_lane(&self, name: &str, account: Arc<Account>) -> String {
        let mut lanes = self.lanes();
        let numbered = (2..).map(|n| format!("{name}-{n}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        let free = names.find(|name| !lanes.contains_key(name)).unwrap_or_default();
        lanes.insert(free.clone(), account);
        free
    }

    /// Adds the account of a lane whose name no running lane has; if one of that name has ended, its counters
    /// continue.
    pub(crate) fn put_lane(&self, name: &str, account: Arc<Account>) -> String {
        let mut lanes = self.lanes();
        if let Some(last) = lanes.get(name) {
            last.count_lost(name);
            account.go_on_from(last);
        }
        lanes.insert(name.to_owned(), account);
        name.to_owned()
    }

    /// Notes that the lane of this name was removed. Its counters stay.
    pub(crate) fn note_removed(&self, name: &str) {
        if let Some(account) = self.lanes().get(name) {
            account.times.enter(LanePhase::Removed);
        }
    }

    fn pulses(&self) -> MutexGuard<'_, Vec<Pulse>> {
        self.receivers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lanes(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Account>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
