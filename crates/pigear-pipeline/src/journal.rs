//! Where the alerts of a durable lane wait.

use std::sync::Arc;
use std::time::Instant;

use pigear_alert::Alert;

use crate::handler::Gather;

/// Where the alerts of a durable lane wait: a place that outlives the process, with a mark up to where
/// the lane is done.
///
/// Its lane asks for the [next](Self::next) alerts, has them handled, and says what
/// [became](Self::settle) of them, and so on. If the process ends in between, the same alerts come
/// again, in the same batches: so a receiver gets everything at least once and in order, and can tell
/// what it has already.
pub trait Journal: Send + Sync {
    /// Waits for the next alerts as `gather` says, but not beyond `due`.
    fn next(&self, gather: Gather, due: Option<Instant>) -> Next;

    /// Hears what became of the alerts that came last, and of those before that the handler still had
    /// in hand.
    fn settle(&self, outcome: &Outcome);

    /// How many alerts are stored that the lane is not done with.
    fn lag(&self) -> u64;

    /// How many alerts the lane will never get, since this was last asked.
    fn take_lost(&self) -> u64 {
        0
    }

    /// Ends once there is nothing more to come.
    fn close(&self);

    /// Ends at this time, even if there is more.
    fn end_by(&self, time: Instant);
}

/// What came of waiting for alerts.
#[derive(Clone, Debug)]
pub enum Next {
    /// There are some.
    Alerts(Vec<Arc<Alert>>),
    /// None came before it was time for something else.
    Due,
    /// None will come any more, in this run.
    Ended,
}

/// What became of some alerts.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// So many at the start were taken by the handler, or refused.
    pub settled: usize,
    /// Which of them were refused for good, with the reason.
    pub refused: Vec<(usize, String)>,
    /// What was refused for good of alerts that the handler had taken before, with the reason.
    pub refused_later: Vec<(Arc<Alert>, String)>,
    /// The oldest alert that the handler has taken and isn't done with: it and those behind it must come
    /// again, should the process end now.
    pub in_hand: Option<Arc<Alert>>,
}
