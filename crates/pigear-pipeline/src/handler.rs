//! Handlers: the interface between a lane and what processes its alerts.

use std::error::Error;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use pigear_alert::Alert;

use crate::backlog::Backlog;
use crate::deadline::Deadline;
use crate::lane_times::Retries;
use crate::policy::BatchPolicy;
use crate::stats::Stats;

/// Processes alerts.
///
/// Each handler has its own thread and queue, so it may block: neither Snort nor other handlers wait
/// for it.
pub trait Handler: Send {
    /// What the lane needs to know before the first alert. Called once.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// Called once, on the handler's thread, before the first alert.
    ///
    /// # Errors
    /// If the handler can't start. This counts as an error of the handler, without an alert.
    fn start(&mut self, context: Context) -> Result<(), Failure> {
        let _ = context;
        Ok(())
    }

    /// Processes a batch, oldest first. The batch has at least one alert, and at most as many as
    /// [`Needs::batch`] allows. Alerts that are left unprocessed are passed again in the next call.
    ///
    /// # Errors
    /// If alerts could not be processed. The [`Failure`] says which, and whether they are refused or
    /// retried.
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure>;

    /// Flushes what is pending. Called once, after the last alert.
    ///
    /// # Errors
    /// If pending output could not be written.
    fn finish(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// What a handler tells its lane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// How many alerts it wants at once, and how long it waits for them.
    pub batch: BatchPolicy,
    /// Whether it needs each alert's raw datagram ([`Alert::datagram`]), which takes up to 66 KB an
    /// alert.
    pub datagram: bool,
    /// Whether it delivers alerts to a receiver that accepts or refuses them. Its alerts are then worth
    /// storing where they survive a crash.
    pub delivers: bool,
    /// Whether a user works with it and decides when it is done. When no more alerts come, such a
    /// handler has unlimited time for the waiting ones; the deadline applies only when the program
    /// is asked to end, or fails.
    pub interactive: bool,
    /// The default limit of alerts a minute, for a receiver with a rate limit.
    pub per_minute: Option<NonZeroU32>,
    /// The receiver that it delivers to, without secrets. A durable lane uses it to notice that alerts
    /// for one receiver would go to another.
    pub target: Option<String>,
}

/// What a handler gets when it starts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Context {
    /// The handler's own name, for messages: several handlers may be of the same kind.
    pub name: Arc<str>,
    /// The deadline, once it is set. A handler that waits uses [`Deadline::sleep`]; one that ignores the
    /// deadline is abandoned when it passes.
    pub deadline: Deadline,
    /// The alerts that wait.
    pub backlog: Backlog,
    /// The counters of the whole pipeline.
    pub stats: Arc<Stats>,
    /// Counts how often the handler tries again by itself; the lane counts [`Failure::retry`].
    pub retries: Retries,
}

impl Context {
    pub(crate) fn new(name: &str, deadline: Deadline, backlog: Backlog, stats: Arc<Stats>) -> Self {
        Self { name: name.into(), deadline, backlog, stats, retries: Retries::default() }
    }

    pub(crate) fn counting(self, retries: Retries) -> Self {
        Self { retries, ..self }
    }
}

/// How much of a batch was processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All of it.
    All,
    /// This many from its start; the others are passed again.
    First(NonZeroUsize),
}

/// A handler could not process some alerts.
#[derive(Debug, thiserror::Error)]
#[error("{verdict}")]
pub struct Failure {
    /// This many alerts at the batch's start are settled: processed, or refused by the verdict.
    pub settled: usize,
    /// The positions of further alerts that were processed, though one before them was not. They are not
    /// passed again. In any order.
    pub ahead: Vec<usize>,
    /// What happened, and what to do about it.
    pub verdict: Verdict,
}

/// What to do about alerts that could not be processed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Verdict {
    /// These alerts are refused for good, and retrying would not help. They are settled wherever they
    /// are in the batch. All other settled alerts were processed.
    #[error("{}", .0.last().map_or("refused", |refusal| &*refusal.reason))]
    Refused(Vec<Refusal>),
    /// A fault that may pass: the alerts that are not settled are retried where they can wait. A
    /// durable lane waits as long as it takes. A lane in memory waits if errors don't end the program and
    /// its queue is [`WhenFull::Wait`](crate::WhenFull::Wait); otherwise the first of them is refused.
    #[error("{error}")]
    Retry {
        /// What happened.
        error: Box<dyn Error + Send + Sync>,
        /// When to retry, if that is known.
        after: Option<Duration>,
    },
    /// There is no room for the alerts that are not settled, but there may be later. If they can't wait
    /// they count as dropped, and the next alert is handled even if errors end the program.
    #[error("{0}")]
    NoRoom(Box<dyn Error + Send + Sync>),
    /// The reader of the handler's output has closed it, as `head` does. The handler is done; this is
    /// not an error.
    #[error("the reader has gone away")]
    ReaderGone,
    /// The handler's user wants the whole program to end. The batch counts as handled.
    #[error("asked to end")]
    Quit,
    /// The deadline came before the alerts that are not settled could be processed.
    #[error("the time is up")]
    TimeUp,
}

/// An alert that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its position in the batch, counted from 0.
    pub index: usize,
    /// Why.
    pub reason: Arc<str>,
}

impl Failure {
    fn of(verdict: Verdict) -> Self {
        Self { settled: 0, ahead: Vec::new(), verdict }
    }

    /// The batch's first alert is refused.
    pub fn refused(error: impl ToString) -> Self {
        Self::refused_first(1, error)
    }

    /// This many alerts from the batch's start are refused together.
    #[expect(clippy::needless_pass_by_value, reason = "so that a text or an error can be given")]
    pub fn refused_first(alerts: usize, error: impl ToString) -> Self {
        let reason = Arc::from(error.to_string());
        let refusal = |index| Refusal { index, reason: Arc::clone(&reason) };
        Self::refused_among(alerts, (0..alerts).map(refusal).collect())
    }

    /// Of this many alerts from the batch's start these are refused; the others were processed. Those
    /// that are refused may also be behind.
    #[must_use]
    pub fn refused_among(settled: usize, refusals: Vec<Refusal>) -> Self {
        Self { settled, ..Self::of(Verdict::Refused(refusals)) }
    }

    /// The fault may pass: retry.
    pub fn retry(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::of(Verdict::Retry { error: error.into(), after: None })
    }

    /// There is no room for the alerts at present.
    pub fn no_room(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::of(Verdict::NoRoom(error.into()))
    }

    /// The reader of the handler's output has closed it.
    #[must_use]
    pub fn reader_gone() -> Self {
        Self::of(Verdict::ReaderGone)
    }

    /// The handler's user wants the whole program to end.
    #[must_use]
    pub fn quit() -> Self {
        Self::of(Verdict::Quit)
    }

    /// The deadline came before the alerts could be processed.
    #[must_use]
    pub fn time_up() -> Self {
        Self::of(Verdict::TimeUp)
    }

    /// The same, but this many alerts before it were processed.
    #[must_use]
    pub fn after(mut self, processed: usize) -> Self {
        self.settled += processed;
        for index in &mut self.ahead {
            *index += processed;
        }
        if let Verdict::Refused(refusals) = &mut self.verdict {
            for refusal in refusals {
                refusal.index += processed;
            }
        }
        self
    }

    /// The same, but the alerts at these positions of the batch were processed, whatever became of those
    /// before them.
    #[must_use]
    pub fn with_ahead(mut self, processed: impl IntoIterator<Item = usize>) -> Self {
        self.ahead.extend(processed);
        self
    }
}
