//! What is done with alerts, seen from here.

use std::error::Error;
use std::sync::Arc;

use pigear_alert::Alert;

use crate::ending::Ending;

/// Something that is told about every alert.
///
/// Each handler has a thread and a queue of its own, so it may block for as long as it likes: the
/// others, and Snort, do not wait for it.
pub trait Handler: Send {
    /// Gets what will tell, once it is time to end, by when to be done. Called once, before the
    /// first alert. A handler that never waits for long needs none of it; one that does and won't
    /// look is left behind when time is up.
    fn start(&mut self, ending: &Ending) {
        let _ = ending;
    }

    /// Deals with a batch of alerts, oldest first. A batch has at least one alert, and no more
    /// than [`MAX_BATCH`](crate::lane::MAX_BATCH).
    ///
    /// # Errors
    /// If an alert could not be dealt with; [`HandlerError::after`] tells which. It counts as
    /// failed. If the program goes on after errors, the rest of the batch comes again, without it.
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<(), HandlerError>;

    /// Finishes work in progress. Called once, after the last alert.
    ///
    /// # Errors
    /// If something that was accepted before could not be finished.
    fn finish(&mut self) -> Result<(), HandlerError> {
        Ok(())
    }

    /// Whether the handler wants each alert's datagram as it came ([`Alert::datagram`]), which
    /// takes up to 66 KB an alert.
    fn wants_datagram(&self) -> bool {
        false
    }
}

/// A handler could not deal with an alert.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct HandlerError {
    /// How many alerts at the batch's start were dealt with. The next one failed.
    pub handled: usize,
    /// What happened.
    pub cause: Cause,
}

/// Why a handler could not deal with an alert.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// Whoever reads the handler's output has gone away, as `head` does. The handler is done, and
    /// that is no failure.
    #[error("the reader has gone away")]
    ReaderGone,
    /// It was time to end before the alert could be dealt with. It and those behind it count as
    /// dropped.
    #[error("time was up")]
    TimeUp,
    /// Anything else.
    #[error("{0}")]
    Failed(Box<dyn Error + Send + Sync>),
}

impl HandlerError {
    /// The batch's first alert failed.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { handled: 0, cause: Cause::Failed(error.into()) }
    }

    /// Whoever reads the handler's output has gone away.
    #[must_use]
    pub fn reader_gone() -> Self {
        Self { handled: 0, cause: Cause::ReaderGone }
    }

    /// It was time to end before the alert could be dealt with.
    #[must_use]
    pub fn time_up() -> Self {
        Self { handled: 0, cause: Cause::TimeUp }
    }

    /// The same, but `handled` alerts were dealt with before.
    #[must_use]
    pub fn after(self, handled: usize) -> Self {
        Self { handled, ..self }
    }
}
