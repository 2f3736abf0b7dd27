//! The queue of a lane.
//!
//! There are two kinds with one interface: a [`MemoryQueue`], which sources push to, and queues that
//! outlive the process, such as the one in Pigear's store.

mod memory;

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use pigear_alert::Alert;

use crate::policy::BatchPolicy;
use crate::rate_limiter::RecentEvents;
use crate::totals::Totals;

pub(crate) use memory::{Bounds, MemoryQueue, Pushed};

/// The queue of a lane, which is its only reader.
///
/// The lane [takes](Self::take) alerts, has them processed, and reports its position with
/// [`settle`](Self::settle). Alerts are numbered in the order in which they were taken in this run,
/// from 0. A queue that outlives the process delivers unsettled alerts again in the next run, and only
/// these, so a receiver gets every alert at least once.
pub trait Queue: Send + Sync {
    /// Waits for alerts as `policy` says, at most until `until`, and puts them into `batch`, replacing
    /// its contents.
    fn take(&self, batch: &mut Batch, policy: BatchPolicy, until: Option<Instant>) -> Taken;

    /// Receives the lane's position.
    fn settle(&self, settlement: &Settlement);

    /// How many alerts came for the lane in this run, including those that waited at its start and
    /// those that found no room.
    fn received(&self) -> u64;

    /// The fate of alerts that the lane will never get, since the last call: the queue could not hold
    /// or read them.
    fn take_lost(&self) -> Totals {
        Totals::default()
    }

    /// How many alerts wait that were not taken yet.
    fn waiting(&self) -> usize;

    /// When the oldest alert was received that only memory has: one that waits, or that the lane has
    /// taken and not yet processed.
    fn oldest_in_memory(&self) -> Option<Timestamp> {
        None
    }

    /// The newest alerts that wait in memory, oldest first, at most `most`.
    fn newest(&self, most: usize) -> Vec<Arc<Alert>> {
        let _ = most;
        Vec::new()
    }

    /// Has the lane look up from waiting, soon.
    fn interrupt(&self) {}

    /// Ends the queue once no more alerts come.
    fn close(&self);

    /// Whether no more alerts will come.
    fn is_closed(&self) -> bool;

    /// Ends the queue at this time, even if there are more alerts.
    fn end_by(&self, time: Instant) {
        let _ = time;
    }

    /// Whether unsettled alerts are delivered again in the next run.
    fn outlives_process(&self) -> bool {
        false
    }

    /// Closes the queue on both sides, and returns how many untaken alerts are lost with the process.
    fn abandon(&self) -> u64;

    /// After [`abandon`](Self::abandon): why it could not be recorded what the lane has settled, if so. The
    /// next run delivers some of that again.
    fn unrecorded(&self) -> Option<String> {
        None
    }

    /// The account of earlier runs, where the queue keeps one.
    fn earlier(&self) -> Option<Totals> {
        None
    }

    /// The messages that earlier runs sent within the last minute, oldest first, where the queue keeps
    /// them. Called once, on the lane's thread; may wait until the queue can be read.
    fn sent_recently(&self) -> Vec<RecentEvents> {
        Vec::new()
    }

    /// Receives the messages of the last minute before the newest of them are sent. So the next run
    /// respects the lane's limit of messages, also if this one is killed.
    fn sending(&self, recent: &[RecentEvents]) {
        let _ = recent;
    }
}

/// The result of waiting for alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// There are alerts.
    Alerts,
    /// None came before `until`.
    Due,
    /// No alerts wait, and a source waits until those before are settled: the lane is to send what it
    /// has collected.
    Flush,
    /// The queue has ended.
    Closed,
}

/// The position of a lane.
#[derive(Clone, Debug, Default)]
pub struct Settlement {
    /// This many alerts are settled, from the first that was taken in this run.
    pub settled: u64,
    /// The numbers of those after the first unsettled alert that were settled since the last report.
    pub ahead: Vec<Range<u64>>,
    /// The fates of all settled alerts.
    pub totals: Totals,
    /// Alerts that were refused for good since the last report.
    pub refused: Vec<Refused>,
}

/// An alert that was refused for good.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The alert's number among those taken in this run.
    pub number: u64,
    /// The alert, or the first of its group.
    pub alert: Arc<Alert>,
    /// The reason.
    pub reason: Arc<str>,
}

/// Alerts that a lane has taken.
#[derive(Default)]
pub struct Batch {
    pub(crate) alerts: Vec<Arc<Alert>>,
    /// Bytes of memory that they take, if the queue counts them.
    pub(crate) bytes: usize,
    /// They are dead letters that are sent again.
    pub(crate) is_redelivery: bool,
}

impl Batch {
    /// The alerts, oldest first.
    #[must_use]
    pub fn alerts(&self) -> &[Arc<Alert>] {
        &self.alerts
    }

    /// Replaces the contents with these alerts.
    pub fn fill(&mut self, alerts: impl IntoIterator<Item = Arc<Alert>>) {
        self.alerts.clear();
        self.bytes = 0;
        self.is_redelivery = false;
        self.alerts.extend(alerts);
    }

    /// Replaces the contents with dead letters that are sent again. The lane's `limit` doesn't apply to
    /// them, and those that its filter leaves out are refused.
    pub fn fill_redelivered(&mut self, alerts: impl IntoIterator<Item = Arc<Alert>>) {
        self.fill(alerts);
        self.is_redelivery = true;
    }
}
