use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::bookmark::{Bookmark, Position};
use super::checkpoints::{Checkpoints, Urgency};
use super::progress::Progress;
use super::reader::{Read, Reader, Whole};
use super::{OpenError, Spool, Start};
use crate::fanout::{Flow, Intake};
use crate::source::SourceError;
use crate::source::dir_watcher::{DirWatcher, Interest};
use crate::stop::Stop;

/// What belongs to an event is written right behind it. So long is waited for more.
const PAUSE: Duration = Duration::from_millis(20);
/// How often to look whether the lanes are done.
const LOOK: Duration = Duration::from_millis(1);
/// When asked to stop: how long the lanes may take before the bookmark stays where it is.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(1500);

/// Reads a log while it is written, and keeps a bookmark.
pub(crate) struct Follower {
    reader: Reader,
    watcher: DirWatcher,
    checkpoints: Checkpoints,
    /// When something was last read.
    grown: Instant,
    has_backlog: bool,
}

impl Follower {
    /// Opens a log; see [`Spool::at`]. The bookmark is `bookmark`, or [beside it](Spool::bookmark).
    pub(crate) fn open(
        spool: Spool,
        start: Start,
        bookmark: Option<PathBuf>,
    ) -> Result<Self, OpenError> {
        let bookmark = Bookmark::new(bookmark.unwrap_or_else(|| spool.bookmark()));
        let failed = |source| OpenError::Bookmark { path: bookmark.path().to_owned(), source };
        let position = match start {
            Start::Bookmark => bookmark.read().map_err(failed)?,
            Start::Beginning | Start::Now => None,
        };
        bookmark.check().map_err(failed)?;
        let watcher = DirWatcher::on(spool.dir(), Interest::Content);
        let mut reader = Reader::new(spool);
        match (start, &position) {
            (_, Some(position)) => reader.go_to(position),
            (Start::Beginning, None) => Ok(()),
            (Start::Bookmark | Start::Now, None) => reader.go_to_end(),
        }
        .map_err(OpenError::Read)?;
        reader.measure().map_err(OpenError::Read)?;
        if start == Start::Bookmark && position.is_none() {
            // So that a crash before anything is dealt with loses nothing either.
            let now = reader.position().unwrap_or_else(Position::start);
            bookmark.write(&now).map_err(failed)?;
        }
        let checkpoints = Checkpoints::new(bookmark);
        let has_backlog = start == Start::Beginning || position.is_some();
        Ok(Self { reader, watcher, checkpoints, grown: Instant::now(), has_backlog })
    }

    /// Whether it begins with what was written before it was opened.
    pub(crate) fn has_backlog(&self) -> bool {
        self.has_backlog
    }

    pub(crate) fn progress(&self) -> Progress {
        self.reader.progress()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.reader.spool().path()
    }

    /// Adds the events that are whole to `events`. If there are none, waits for something to be
    /// written, but no longer than this. True at the end of what is written.
    pub(crate) fn read(
        &mut self,
        longest: Duration,
        events: &mut Vec<Whole>,
        intake: &Intake<'_>,
    ) -> ControlFlow<Result<(), SourceError>, bool> {
        let damaged = self.reader.damaged();
        let read = checked(self.reader.read(events))?;
        intake.damaged(self.reader.damaged() - damaged);
        if read == Read::Some {
            self.grown = Instant::now();
            return ControlFlow::Continue(false);
        }
        if self.grown.elapsed() >= PAUSE {
            self.reader.finish(events);
        }
        if events.is_empty() {
            let more_may_come = self.grown.elapsed() < PAUSE;
            self.watcher.wait(if more_may_come { longest.min(PAUSE) } else { longest });
            self.watcher.changes();
        }
        ControlFlow::Continue(true)
    }

    /// Adds the events that could still grow.
    pub(crate) fn finish(&mut self, events: &mut Vec<Whole>) {
        self.reader.finish(events);
    }

    /// Whether there is a log, as far as was looked.
    pub(super) fn has_log(&self) -> bool {
        self.reader.is_open()
    }

    /// How far it was read; `None` before there is a log.
    pub(crate) fn position(&self) -> Option<Position> {
        self.reader.position()
    }

    /// Where to begin again with an event that was read last, and begins there; `None` if that isn't known
    /// any more.
    pub(super) fn position_of(&self, begun: u64) -> Option<Position> {
        self.reader.position_of(begun)
    }

    /// Everything before this was handed on: once it is dealt with, the bookmark may move here.
    pub(crate) fn note(&mut self, position: Option<Position>, intake: &Intake<'_>) {
        if let Some(position) = position {
            self.checkpoints.note(intake.alerts(), position);
        }
    }

    /// Moves the bookmark, if it is time to.
    pub(crate) fn settle(&mut self, intake: &Intake<'_>) -> Flow {
        self.settle_now(intake, Urgency::Soon)
    }

    /// Waits until everything is dealt with, and moves the bookmark. Without being asked to stop there
    /// is all the time that it needs.
    pub(crate) fn end(&mut self, intake: &Intake<'_>, stop: &Stop) -> Flow {
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        let is_late = || stop.is_requested() && Instant::now() > deadline;
        while !self.checkpoints.are_settled() && !is_late() {
            std::thread::sleep(LOOK);
            self.settle(intake)?;
        }
        self.settle_now(intake, Urgency::Now)
    }

    fn settle_now(&mut self, intake: &Intake<'_>, urgency: Urgency) -> Flow {
        match self.checkpoints.settle(intake.settled(), urgency) {
            Ok(()) => Flow::Continue(()),
            Err(error) => Flow::Break(Err(SourceError::Bookmark(error))),
        }
    }
}

fn checked<T>(result: io::Result<T>) -> ControlFlow<Result<(), SourceError>, T> {
    match result {
        Ok(value) => ControlFlow::Continue(value),
        Err(error) => ControlFlow::Break(Err(SourceError::Log(error))),
    }
}
