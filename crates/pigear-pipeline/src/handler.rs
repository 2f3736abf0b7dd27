//! What is done with alerts, as a lane sees it.

use std::error::Error;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use pigear_alert::Alert;

use crate::backlog::Backlog;
use crate::deadline::Deadline;
use crate::policy::BatchPolicy;

/// Processes alerts.
///
/// Each handler has its own thread and queue, so it may block: neither Snort nor other handlers wait
/// for it.
pub trait Handler: Send {
    /// What the lane should know before the first alert. Asked once.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// Called once, on the handler's thread, before the first alert.
    ///
    /// # Errors
    /// If the handler can't work. That counts as an error of the handler, without an alert.
    fn start(&mut self, context: Context) -> Result<(), Failure> {
        let _ = context;
        Ok(())
    }

    /// Processes a batch, oldest first. It has at least one alert, and no more than
    /// [`Needs::batch`] allows. What it doesn't get to comes again with the next call.
    ///
    /// # Errors
    /// If alerts could not be processed. The [`Failure`] says which, and whether to refuse them or to
    /// try again.
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure>;

    /// Flushes what is pending. Called once, after the last alert.
    ///
    /// # Errors
    /// If something that was accepted before could not be finished.
    fn finish(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// What a handler wants its lane to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// How many alerts it likes to get at once, and how long it waits for them.
    pub batch: BatchPolicy,
    /// Whether it wants each alert's datagram as it came ([`Alert::datagram`]), which takes up to
    /// 66 KB an alert.
    pub datagram: bool,
    /// Whether an alert that it has processed is with somebody else, or was refused there. Then it is
    /// worth keeping alerts where a crash doesn't reach them.
    pub delivers: bool,
    /// Whether a person works with it and says when it is done. When no more alerts come, such a
    /// handler has as long as it takes for those that wait; only when the program is asked to end, or
    /// fails, must it be done in time as all others.
    pub interactive: bool,
    /// How many alerts its receiver takes in a minute, unless the user says otherwise.
    pub per_minute: Option<NonZeroU32>,
    /// To whom it delivers, without secrets. A durable lane notices by this that what waits for one
    /// receiver would go to another.
    pub target: Option<String>,
}

/// What a handler gets when it starts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Context {
    /// Tells by when to be done, once that is known. A handler that waits for somebody waits with
    /// [`Deadline::sleep`]; one that doesn't look is left behind when time is up.
    pub deadline: Deadline,
    /// Tells which alerts wait.
    pub backlog: Backlog,
}

impl Context {
    pub(crate) fn new(deadline: Deadline, backlog: Backlog) -> Self {
        Self { deadline, backlog }
    }
}

/// How far a handler got with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All of it is processed.
    All,
    /// This many at its start are; the others come again.
    First(NonZeroUsize),
}

/// A handler could not process some alerts.
#[derive(Debug, thiserror::Error)]
#[error("{verdict}")]
pub struct Failure {
    /// This many alerts at the batch's start are settled: processed, or refused by the verdict.
    pub settled: usize,
    /// What happened, and what to do.
    pub verdict: Verdict,
}

/// What to do about alerts that could not be processed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Verdict {
    /// These alerts are refused for good, and trying again would not help. All others that are
    /// settled were processed.
    #[error("{}", .0.last().map_or("refused", |refusal| &*refusal.reason))]
    Refused(Vec<Refusal>),
    /// A fault that may pass: the alerts that are not settled are tried again where they can wait. A
    /// durable lane waits as long as it takes. A lane in memory waits if errors don't end the program and
    /// its queue is [`WhenFull::Wait`](crate::WhenFull::Wait); otherwise the first of them is refused.
    #[error("{error}")]
    Retry {
        /// What happened.
        error: Box<dyn Error + Send + Sync>,
        /// When to try again, if that is known.
        after: Option<Duration>,
    },
    /// There is no room for the alerts that are not settled, and may be again. Where nothing can
    /// wait they count as dropped, and the next alert is handled even where errors end the program.
    #[error("{0}")]
    NoRoom(Box<dyn Error + Send + Sync>),
    /// The reader of the handler's output has gone away, as `head` does. The handler is done, and
    /// that is no failure.
    #[error("the reader has gone away")]
    ReaderGone,
    /// The person who works with the handler wants the whole program to end. The batch counts as
    /// handled.
    #[error("asked to end")]
    Quit,
    /// It was time to end before the alerts that are not settled could be processed.
    #[error("time was up")]
    TimeUp,
}

/// An alert that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its place in the batch, counted from 0.
    pub index: usize,
    /// Why.
    pub reason: Arc<str>,
}

impl Failure {
    fn of(verdict: Verdict) -> Self {
        Self { settled: 0, verdict }
    }

    /// The batch's first alert is refused.
    pub fn refused(error: impl ToString) -> Self {
        Self::refused_first(1, error)
    }

    /// This many alerts at the batch's start are refused together.
    #[expect(clippy::needless_pass_by_value, reason = "so that a text or an error can be given")]
    pub fn refused_first(alerts: usize, error: impl ToString) -> Self {
        let reason = Arc::from(error.to_string());
        let refusal = |index| Refusal { index, reason: Arc::clone(&reason) };
        Self { settled: alerts, verdict: Verdict::Refused((0..alerts).map(refusal).collect()) }
    }

    /// Of this many alerts at the batch's start these are refused, and the others processed.
    #[must_use]
    pub fn refused_among(settled: usize, refusals: Vec<Refusal>) -> Self {
        Self { settled, verdict: Verdict::Refused(refusals) }
    }

    /// The fault may pass: try again.
    pub fn retry(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::of(Verdict::Retry { error: error.into(), after: None })
    }

    /// There is no room for the alerts now.
    pub fn no_room(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::of(Verdict::NoRoom(error.into()))
    }

    /// The reader of the handler's output has gone away.
    #[must_use]
    pub fn reader_gone() -> Self {
        Self::of(Verdict::ReaderGone)
    }

    /// The person who works with the handler wants the whole program to end.
    #[must_use]
    pub fn quit() -> Self {
        Self::of(Verdict::Quit)
    }

    /// It was time to end before the alerts could be processed.
    #[must_use]
    pub fn time_up() -> Self {
        Self::of(Verdict::TimeUp)
    }

    /// The same, but this many alerts before were processed.
    #[must_use]
    pub fn after(mut self, processed: usize) -> Self {
        self.settled += processed;
        if let Verdict::Refused(refusals) = &mut self.verdict {
            for refusal in refusals {
                refusal.index += processed;
            }
        }
        self
    }
}
