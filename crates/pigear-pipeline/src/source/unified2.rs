//! Snort's own log in unified2, read while it is written.
//!
//! A log is a row of files in a directory ([`Spool`]): Snort writes the newest, and begins another when
//! that is full. The [`Unified2`] source reads what is there, goes on with what is written, and keeps a
//! bookmark of how far it came.
//!
//! Nothing is lost between Pigear's runs: the bookmark moves only once every lane has dealt with
//! the alerts before it, and it is replaced as a whole. So after a crash the last alerts come again.
//! Nor is a damaged log the end: what is no record is passed by, counted, and said.

mod bookmark;
mod bookmark_writer;
mod checkpoints;
mod follower;
mod listing;
mod open_error;
mod place;
mod progress;
mod reader;
mod set_aside;
mod spool;
mod start;
mod tail;
#[cfg(test)]
mod tests;
mod window;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use pigear_alert::unified2::Event;
use tracing::warn;

pub(crate) use bookmark::Mark;
pub(crate) use follower::{BookmarkProblem, Follower, PACKET_WAIT};
pub use open_error::OpenError;
pub use progress::Progress;
pub use spool::{Spool, SpoolError};
pub use start::Start;
pub(crate) use window::Whole;

use super::{Source, SourceError};
use crate::alert_factory::AlertFactory;
use crate::fanout::{Fanout, Flow, Intake, Sent};
use crate::stop::Stop;

/// How long to sleep before looking whether it is time to stop.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// When to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// When asked to.
    #[default]
    Stopped,
    /// When what is there was read.
    End,
}

/// Says whether the alert of an event was dealt with in an earlier run.
pub type AlreadyHandled = Box<dyn FnMut(&Event) -> bool + Send>;

/// Reads Snort's log.
pub struct Unified2 {
    follower: Follower,
    /// Asked about what was logged before the start: alerts that found no room for a while may be missing
    /// in between.
    known: Option<AlreadyHandled>,
    /// When the end of the log was first reached.
    first_end: Option<Instant>,
    until: Until,
    factory: AlertFactory,
}

impl Unified2 {
    /// Opens a log; see [`Spool::at`]. The bookmark is `bookmark`, or [beside it](Spool::bookmark).
    ///
    /// # Errors
    /// If the log can't be read, or the bookmark can't be kept.
    pub fn open(
        spool: Spool,
        start: Start,
        bookmark: Option<PathBuf>,
        factory: AlertFactory,
    ) -> Result<Self, OpenError> {
        let problem = BookmarkProblem::Refuse;
        let follower = Follower::open(spool, start, bookmark, PACKET_WAIT, problem)?;
        Ok(Self { follower, known: None, first_end: None, until: Until::Stopped, factory })
    }

    /// The same, but ending when told.
    #[must_use]
    pub fn until(self, until: Until) -> Self {
        Self { until, ..self }
    }

    /// The same, but without those events that were logged before the start and are known from an earlier
    /// run: a crash may leave the bookmark behind what was dealt with.
    #[must_use]
    pub fn but_for(self, known: AlreadyHandled) -> Self {
        Self { known: Some(known), ..self }
    }

    fn is_known(&mut self, event: &Event) -> bool {
        self.known.as_mut().is_some_and(|known| known(event))
    }

    /// Asks no more once everything was read that was logged before the start.
    fn end_of_backlog(&mut self) {
        // The last events of that may still wait for their packets, but not for longer.
        let ended = *self.first_end.get_or_insert_with(Instant::now);
        if !self.follower.has_open_events() || ended.elapsed() >= PACKET_WAIT {
            self.known = None;
        }
    }

    /// Hands on events until there were enough, and notes where the next one begins then.
    fn hand_on(&mut self, events: Vec<Whole>, intake: &mut Intake<'_>) -> Flow {
        let mut events = events.into_iter().peekable();
        while let Some(Whole { begun, logged }) = events.next() {
            if self.is_known(&logged.event) {
                continue;
            }
            let next = match intake.try_logged(logged) {
                Sent::GoOn => continue,
                Sent::Last => events.peek().map(|next| &next.begun),
                Sent::Refused => Some(&begun),
            };
            let mark = next.map(|next| self.follower.mark_at(next));
            self.follower.note(mark.or_else(|| self.follower.mark()), intake);
            return Flow::Break(Ok(()));
        }
        Flow::Continue(())
    }

    fn follow(&mut self, intake: &mut Intake<'_>, stop: &Stop) -> Flow {
        let mut ends = 0;
        while !stop.is_requested() && ends < 2 {
            let mut events = Vec::new();
            let longest = if self.until == Until::End { Duration::ZERO } else { POLL_INTERVAL };
            let at_end = self.follower.read(longest, &mut events, intake);
            if at_end && self.until == Until::End {
                // The last time is the one after everything was looked at once more.
                ends += 1;
                self.follower.doubt();
                if ends == 2 {
                    self.follower.finish(&mut events);
                }
            } else {
                ends = 0;
            }
            self.hand_on(events, intake)?;
            if at_end {
                self.end_of_backlog();
            }
            self.follower.note(self.follower.mark(), intake);
            self.follower.settle(intake);
        }
        Flow::Continue(())
    }

    /// What ends a source that should have read everything. One that follows goes on.
    fn failure(&self, bookmark: Result<(), SourceError>) -> Result<(), SourceError> {
        match (self.until, self.follower.problem()) {
            (Until::Stopped, _) => Ok(()),
            (Until::End, Some(error)) => Err(SourceError::Log(error)),
            (Until::End, None) => bookmark,
        }
    }
}

impl Source for Unified2 {
    fn name(&self) -> String {
        self.follower.path().display().to_string()
    }

    fn progress(&self) -> Option<Progress> {
        (self.until == Until::End).then(|| self.follower.progress())
    }

    fn run(mut self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        let mut intake = fanout.patient_intake(self.factory.clone());
        let followed = self.follow(&mut intake, stop);
        let bookmark = self.follower.end(&intake, stop);
        if self.until == Until::End && !self.follower.has_log() {
            warn!("there is nothing to read at {}", self.follower.path().display());
        }
        followed.break_value().unwrap_or(Ok(())).and_then(|()| self.failure(bookmark))
    }
}
