//! What is done with alerts, seen from here.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::Alert;

use crate::backlog::Backlog;
use crate::deadline::Deadline;
use crate::lane::MAX_BATCH;

/// Something that is told about every alert.
///
/// Each handler has a thread and a queue of its own, so it may block for as long as it likes: the
/// others, and Snort, do not wait for it.
pub trait Handler: Send {
    /// Gets what will tell, once it is time to end, by when to be done. Called once, before the
    /// first alert. A handler that never waits for long needs none of it; one that does and won't
    /// look is left behind when time is up.
    fn start(&mut self, deadline: &Deadline) {
        let _ = deadline;
    }

    /// Gets what tells which alerts wait for it. Called once, before [`start`](Self::start).
    fn watch(&mut self, backlog: Backlog) {
        let _ = backlog;
    }

    /// Whether somebody works with the handler, and says when it is done. When no more alerts come,
    /// such a handler has as long as it takes to deal with those that wait; only when the program is
    /// asked to end, or fails, must it be done in time like all others.
    fn is_attended(&self) -> bool {
        false
    }

    /// Deals with a batch of alerts, oldest first. A batch has at least one alert, and no more
    /// than the handler [gathers](Self::gather): [`MAX_BATCH`], unless it says otherwise.
    ///
    /// # Errors
    /// If an alert could not be dealt with; [`HandlerError::after`] tells which, and
    /// [`HandlerError::failed`] how many. They count as failed. If the program goes on after
    /// errors, the rest of the batch comes again, without them.
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<(), HandlerError>;

    /// How many alerts the handler likes to get at once, and how long it would wait for them.
    fn gather(&self) -> Gather {
        Gather::default()
    }

    /// When to call [`wake`](Self::wake): then, or once the batch in hand is dealt with, but before
    /// the next.
    fn due(&self) -> Option<Instant> {
        None
    }

    /// Does what is [due](Self::due). Alerts that this is about were counted as handled before.
    ///
    /// # Errors
    /// If something that was accepted before could not be done; [`HandlerError::about`] says of which
    /// alerts.
    fn wake(&mut self) -> Result<(), HandlerError> {
        Ok(())
    }

    /// The oldest alert that it took and isn't done with, if it gathers alerts beyond
    /// [`handle`](Self::handle). Where alerts wait in a store, this and those behind it are given to it
    /// again, should the process end before.
    fn in_hand(&self) -> Option<Arc<Alert>> {
        None
    }

    /// Finishes work in progress. Called once, after the last alert.
    ///
    /// # Errors
    /// If something that was accepted before could not be finished, as with [`wake`](Self::wake).
    fn finish(&mut self) -> Result<(), HandlerError> {
        Ok(())
    }

    /// Whether the handler wants each alert's datagram as it came ([`Alert::datagram`]), which
    /// takes up to 66 KB an alert.
    fn wants_datagram(&self) -> bool {
        false
    }

    /// Whether alerts that it is done with are with somebody else, or were refused there: then it is
    /// worth the while that they wait where a crash doesn't reach them.
    fn delivers(&self) -> bool {
        false
    }
}

/// How a lane gathers alerts before it calls its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gather {
    /// So many are enough to call at once.
    pub enough: usize,
    /// It gets no more than these.
    pub most: usize,
    /// Fewer than enough wait so long for more, counted from the first.
    pub delay: Duration,
}

impl Default for Gather {
    /// Whatever there is, at once.
    fn default() -> Self {
        Self { enough: 1, most: MAX_BATCH, delay: Duration::ZERO }
    }
}

/// A handler could not deal with an alert.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct HandlerError {
    /// How many alerts at the batch's start were dealt with.
    pub handled: usize,
    /// How many after these failed: one, as a rule.
    pub failed: usize,
    /// What happened.
    pub cause: Cause,
    /// What was refused of alerts that were taken before, each with the reason.
    pub refused: Vec<(Arc<Alert>, String)>,
}

/// Why a handler could not deal with an alert.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// Whoever reads the handler's output has gone away, as `head` does. The handler is done, and
    /// that is no failure.
    #[error("the reader has gone away")]
    ReaderGone,
    /// Whoever works with the handler wants the whole program to end. The batch counts as handled,
    /// those behind it as dropped.
    #[error("asked to end")]
    Quit,
    /// It was time to end before the alert could be dealt with. It and those behind it count as
    /// dropped.
    #[error("time was up")]
    TimeUp,
    /// There is no room for the alert now, and may be again: it counts as dropped, and even where
    /// errors end the program the next alert is handled.
    #[error("{0}")]
    NoRoom(Box<dyn Error + Send + Sync>),
    /// Anything else.
    #[error("{0}")]
    Failed(Box<dyn Error + Send + Sync>),
}

impl HandlerError {
    fn of(cause: Cause) -> Self {
        Self { handled: 0, failed: 1, cause, refused: Vec::new() }
    }

    /// The batch's first alert failed.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::of(Cause::Failed(error.into()))
    }

    /// Whoever reads the handler's output has gone away.
    #[must_use]
    pub fn reader_gone() -> Self {
        Self::of(Cause::ReaderGone)
    }

    /// Whoever works with the handler wants the whole program to end.
    #[must_use]
    pub fn quit() -> Self {
        Self::of(Cause::Quit)
    }

    /// It was time to end before the alert could be dealt with.
    #[must_use]
    pub fn time_up() -> Self {
        Self::of(Cause::TimeUp)
    }

    /// There is no room for the alert now.
    pub fn no_room(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::of(Cause::NoRoom(error.into()))
    }

    /// The same, but `handled` alerts were dealt with before.
    #[must_use]
    pub fn after(self, handled: usize) -> Self {
        Self { handled, ..self }
    }

    /// The same, but `failed` alerts failed together.
    #[must_use]
    pub fn failed(self, failed: usize) -> Self {
        Self { failed, ..self }
    }

    /// The same, about alerts that were taken before, each with the reason.
    #[must_use]
    pub fn about(self, refused: Vec<(Arc<Alert>, String)>) -> Self {
        Self { refused, ..self }
    }
}
