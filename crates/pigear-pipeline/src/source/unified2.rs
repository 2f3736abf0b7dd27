//! Snort's unified2 log, read while Snort writes it.
//!
//! A log is a sequence of files in a directory ([`Spool`]): Snort writes the newest, and starts another
//! when it is full. Older files may be compressed with gzip or zstd. The [`Unified2`] source reads the existing records, follows new ones, and stores its
//! position in a bookmark.
//!
//! Nothing is lost between runs: the bookmark moves only when every lane has settled the alerts before
//! it, and it is replaced atomically. After a crash the last alerts are read again. A damaged log
//! doesn't end reading: data that is not a record is skipped, counted and logged.

mod bookmark;
mod bookmark_writer;
mod checkpoints;
mod file_kind;
mod follower;
mod input;
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
pub use file_kind::FileKind;
pub(crate) use follower::{Follower, OnBookmarkError, PACKET_WAIT};
pub use open_error::OpenError;
pub use progress::Progress;
pub use spool::{Spool, SpoolError};
pub use start::Start;
pub(crate) use window::CompleteEvent;

use super::{Activity, Source, SourceError};
use crate::alert_factory::AlertFactory;
use crate::fanout::{Fanout, Flow, Intake, Sent};
use crate::stop::Stop;

/// How long to sleep before checking whether to stop.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// When to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// On request.
    #[default]
    Stopped,
    /// At the end of the existing log.
    End,
}

/// Tells whether the alert of an event was handled in an earlier run.
pub type AlreadyHandled = Box<dyn FnMut(&Event) -> bool + Send>;

/// Reads Snort's log.
pub struct Unified2 {
    follower: Follower,
    /// Called for events that were logged before the start: alerts that found no room for a while may be
    /// missing in between.
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
        let problem = OnBookmarkError::Fail;
        let follower = Follower::open(spool, start, bookmark, PACKET_WAIT, problem)?;
        Ok(Self { follower, known: None, first_end: None, until: Until::Stopped, factory })
    }

    /// The same, but ending at a given point.
    #[must_use]
    pub fn until(self, until: Until) -> Self {
        Self { until, ..self }
    }

    /// The same, but skipping those events that were logged before the start and were handled in an
    /// earlier run: after a crash the bookmark may be behind them.
    #[must_use]
    pub fn skipping(self, known: AlreadyHandled) -> Self {
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

    /// Pushes events until there are enough, and stores where the next one begins.
    fn push(&mut self, events: Vec<CompleteEvent>, intake: &mut Intake<'_>) -> Flow {
        let mut events = events.into_iter().peekable();
        while let Some(CompleteEvent { begun, logged }) = events.next() {
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
                // The last round comes after everything was checked once more. It isn't repeated, whatever it
                // finds: a file that can be opened, but not read, would be found each time.
                ends += 1;
                self.follower.recheck();
                if ends == 2 {
                    self.follower.finish(&mut events);
                    self.follower.warn_of_cut_record();
                }
            }
            self.push(events, intake)?;
            if at_end {
                self.end_of_backlog();
            }
            self.follower.note(self.follower.mark(), intake);
            self.follower.settle(intake);
        }
        Flow::Continue(())
    }

    /// The error that ends a source that should have read everything. A following source has none.
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

    fn activity(&self) -> Activity {
        Activity::Reading
    }

    fn progress(&self) -> Option<Progress> {
        (self.until == Until::End).then(|| self.follower.progress())
    }

    fn resumes_from(&self) -> Option<&'static str> {
        Some("the log")
    }

    fn run(mut self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        let mut intake = fanout.patient_intake(self.factory.clone());
        let followed = self.follow(&mut intake, stop);
        let bookmark = self.follower.end(&intake, stop);
        if self.until == Until::End && !self.follower.has_log() {
            warn!("nothing to read at {}", self.follower.path().display());
        }
        followed.break_value().unwrap_or(Ok(())).and_then(|()| self.failure(bookmark))
    }
}
