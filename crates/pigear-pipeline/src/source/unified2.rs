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
mod checkpoints;
mod reader;
mod spool;
mod tail;
#[cfg(test)]
mod tests;
mod watch;

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use spool::{Spool, SpoolError};

use super::{Source, SourceError};
use crate::fanout::{Desk, Fanout, Flow};
use crate::intake::Intake;
use crate::stop::Stop;
use bookmark::Bookmark;
use checkpoints::{Checkpoints, Urgency};
use reader::{Progress, Reader};
use watch::Watch;

/// What belongs to an event is written right behind it. So long is waited for more.
const PAUSE: Duration = Duration::from_millis(20);
/// How long to sleep before looking again, whether anything was told or not.
const NAP: Duration = Duration::from_millis(100);
/// When asked to stop: how long the lanes may take before the bookmark stays where it is.
const LAST_CALL: Duration = Duration::from_millis(1500);

/// Where to begin to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// Where the last run stopped, or else as [`Now`](Self::Now).
    #[default]
    Bookmark,
    /// With the oldest record.
    Beginning,
    /// With what is written from now on.
    Now,
}

/// When to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// When asked to.
    #[default]
    Stopped,
    /// When what is there was read.
    End,
}

/// Reads Snort's log.
pub struct Unified2 {
    reader: Reader,
    bookmark: Bookmark,
    until: Until,
    intake: Intake,
}

/// Why a log can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no such log.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// A file of the log can't be read.
    #[error("cannot read the log")]
    Read(#[source] io::Error),
    /// The bookmark can't be read or written.
    #[error("cannot keep the bookmark {}", path.display())]
    Bookmark {
        /// The bookmark.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
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
        intake: Intake,
    ) -> Result<Self, OpenError> {
        let bookmark = Bookmark::new(bookmark.unwrap_or_else(|| spool.bookmark()));
        let failed = |source| OpenError::Bookmark { path: bookmark.path().to_owned(), source };
        let position = match start {
            Start::Bookmark => bookmark.read().map_err(failed)?,
            Start::Beginning | Start::Now => None,
        };
        bookmark.check().map_err(failed)?;
        let mut reader = Reader::new(spool);
        match (start, &position) {
            (_, Some(position)) => reader.go_to(position),
            (Start::Beginning, None) => Ok(()),
            (Start::Bookmark | Start::Now, None) => reader.go_to_end(),
        }
        .map_err(OpenError::Read)?;
        Ok(Self { reader, bookmark, until: Until::Stopped, intake })
    }

    /// The same, but ending when told.
    #[must_use]
    pub fn until(self, until: Until) -> Self {
        Self { until, ..self }
    }

    fn follow(mut self, desk: &mut Desk<'_>, stop: &Stop) -> Flow {
        let watch = Watch::on(self.reader.spool().dir());
        let mut checkpoints = Checkpoints::new(self.bookmark.clone());
        let end = self.read_on(&watch, &mut checkpoints, desk, stop);
        let deadline = Instant::now() + LAST_CALL;
        // Without being asked to stop there is all the time that the lanes need.
        let is_late = || stop.is_requested() && Instant::now() > deadline;
        while !checkpoints.are_settled() && !is_late() {
            std::thread::sleep(PAUSE);
            settle(&mut checkpoints, desk, Urgency::Soon)?;
        }
        settle(&mut checkpoints, desk, Urgency::Now)?;
        end
    }

    fn read_on(
        &mut self,
        watch: &Watch,
        checkpoints: &mut Checkpoints,
        desk: &mut Desk<'_>,
        stop: &Stop,
    ) -> Flow {
        let mut events = Vec::new();
        let mut pause = PAUSE;
        while !stop.is_requested() {
            let damaged = self.reader.damaged();
            let progress = receive(self.reader.read(&mut events))?;
            desk.damaged(self.reader.damaged() - damaged);
            let ended = progress == Progress::AtEnd;
            if ended && (self.until == Until::End || pause > PAUSE) {
                self.reader.finish(&mut events);
            }
            for event in events.drain(..) {
                desk.logged(event)?;
            }
            if let Some(position) = receive(self.reader.position())? {
                checkpoints.note(desk.alerts(), position);
            }
            settle(checkpoints, desk, Urgency::Soon)?;
            match (progress, self.until) {
                (Progress::Some, _) => pause = PAUSE,
                (Progress::AtEnd, Until::End) => return Flow::Continue(()),
                (Progress::AtEnd, Until::Stopped) => {
                    watch.wait(pause);
                    pause = NAP;
                }
            }
        }
        Flow::Continue(())
    }
}

fn settle(checkpoints: &mut Checkpoints, desk: &Desk<'_>, urgency: Urgency) -> Flow {
    match checkpoints.settle(desk.settled(), urgency) {
        Ok(()) => Flow::Continue(()),
        Err(error) => Flow::Break(Err(SourceError::Bookmark(error))),
    }
}

fn receive<T>(result: io::Result<T>) -> ControlFlow<Result<(), SourceError>, T> {
    match result {
        Ok(value) => ControlFlow::Continue(value),
        Err(error) => ControlFlow::Break(Err(SourceError::Log(error))),
    }
}

impl Source for Unified2 {
    fn name(&self) -> String {
        self.reader.spool().path().display().to_string()
    }

    fn run(self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        let mut desk = fanout.desk(self.intake.clone());
        match self.follow(&mut desk, stop) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(end) => end,
        }
    }
}
