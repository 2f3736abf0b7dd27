//! Where the alerts of a lane wait.
//!
//! There are two kinds, and one lane for both: a [`MemoryQueue`], which sources push to, and queues
//! that outlive the process, such as the one in Pigear's store.

mod memory;

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use pigear_alert::Alert;

use crate::policy::BatchPolicy;
use crate::totals::Totals;

pub(crate) use memory::{Bounds, MemoryQueue, Pushed};

/// Where the alerts of a lane wait. It has one reader, the lane.
///
/// The lane [takes](Self::take) alerts, has them processed, and says how far it is with
/// [`settle`](Self::settle). Alerts are counted in the order in which they were taken in this run: the
/// first is number 0. A queue that outlives the process gives out again, in the next run, what was not
/// settled; so a receiver gets everything at least once and in order.
pub trait Queue: Send + Sync {
    /// Waits for alerts as `policy` says, but not beyond `until`, and moves them into `batch`, in place
    /// of those that are in it.
    fn take(&self, batch: &mut Batch, policy: BatchPolicy, until: Option<Instant>) -> Taken;

    /// Hears how far the lane is.
    fn settle(&self, settlement: &Settlement);

    /// How many alerts have come for the lane in this run, with those that waited when it began.
    /// Whatever became of them: also those that found no room.
    fn received(&self) -> u64;

    /// What became of alerts that the lane will never get, since this was last asked: the queue could not
    /// hold them, or can't read them any more.
    fn take_lost(&self) -> Totals {
        Totals::default()
    }

    /// How many alerts wait that were not taken yet.
    fn waiting(&self) -> usize;

    /// When the oldest alert was received that only memory has: one that waits, or that the lane has and
    /// isn't done with.
    fn oldest_in_memory(&self) -> Option<Timestamp> {
        None
    }

    /// The newest alerts that wait in memory, oldest first, and no more than `most`.
    fn newest(&self, most: usize) -> Vec<Arc<Alert>> {
        let _ = most;
        Vec::new()
    }

    /// Ends once there is nothing more to come.
    fn close(&self);

    /// Whether nothing more will come.
    fn is_closed(&self) -> bool;

    /// Ends at this time, even if there is more.
    fn end_by(&self, time: Instant) {
        let _ = time;
    }

    /// Whether alerts that are not settled come again in the next run.
    fn outlives_process(&self) -> bool {
        false
    }

    /// Lets nothing more in or out, and returns how many alerts that were not taken are lost with the
    /// process.
    fn abandon(&self) -> u64;

    /// The account of earlier runs, where the queue keeps one.
    fn earlier(&self) -> Option<Totals> {
        None
    }
}

/// What came of waiting for alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// There are some.
    Alerts,
    /// None came before it was time for something else.
    Due,
    /// None wait, and a source waits until those before are settled: what the lane has collected is to
    /// be sent.
    Flush,
    /// There are none, and none will come in this run.
    Closed,
}

/// How far a lane is.
#[derive(Clone, Debug, Default)]
pub struct Settlement {
    /// This many of the first alerts that were taken in this run are settled.
    pub settled: u64,
    /// What became of these.
    pub totals: Totals,
    /// Alerts that were refused for good since the last settlement.
    pub refused: Vec<Refused>,
}

/// An alert that was refused for good.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The alert's number among those that were taken in this run.
    pub number: u64,
    /// The alert, or the one that stands for a group.
    pub alert: Arc<Alert>,
    /// Why.
    pub reason: Arc<str>,
}

/// Alerts that a lane has taken.
#[derive(Default)]
pub struct Batch {
    pub(crate) alerts: Vec<Arc<Alert>>,
    /// Bytes of memory that they take, where the queue counts them.
    pub(crate) bytes: usize,
}

impl Batch {
    /// The alerts, oldest first.
    #[must_use]
    pub fn alerts(&self) -> &[Arc<Alert>] {
        &self.alerts
    }

    /// Puts these alerts in place of those that are in it.
    pub fn fill(&mut self, alerts: impl IntoIterator<Item = Arc<Alert>>) {
        self.alerts.clear();
        self.bytes = 0;
        self.alerts.extend(alerts);
    }
}
