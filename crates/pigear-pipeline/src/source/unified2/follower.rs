use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tracing::warn;

use super::bookmark::{Bookmark, Mark, Position};
use super::bookmark_writer::{BookmarkWriter, Written};
use super::checkpoints::Checkpoints;
use super::open_error::OpenError;
use super::place::Place;
use super::progress::Progress;
use super::reader::{Read, Reader};
use super::spool::Spool;
use super::start::Start;
use super::window::Whole;
use crate::fanout::Intake;
use crate::source_error::SourceError;
use crate::stop::Stop;

/// How long to sleep before looking whether the lanes are done: at first, and later.
const FIRST_POLL_INTERVAL: Duration = Duration::from_millis(1);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// When asked to stop: how long the lanes and the bookmark may take before it stays where it is.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long an event waits for a packet that should be there.
pub(crate) const PACKET_WAIT: Duration = Duration::from_millis(500);

/// Reads a log while it is written, and keeps a bookmark.
///
/// No failure ends it: what can't be read or written is said, and tried again.
pub(crate) struct Follower {
    reader: Reader,
    checkpoints: Checkpoints,
    has_backlog: bool,
}

/// What a bookmark that can't be kept means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BookmarkProblem {
    /// The log isn't opened.
    Refuse,
    /// It is said, and tried again.
    GoOn,
}

impl Follower {
    /// Opens a log; see [`Spool::at`]. The bookmark is `bookmark`, or [beside it](Spool::bookmark).
    pub(crate) fn open(
        spool: Spool,
        start: Start,
        bookmark: Option<PathBuf>,
        packet_wait: Duration,
        problem: BookmarkProblem,
    ) -> Result<Self, OpenError> {
        let bookmark = Bookmark::new(bookmark.unwrap_or_else(|| spool.bookmark()));
        let path = bookmark.path().to_owned();
        let failed = |source| OpenError::Bookmark { path: path.clone(), source };
        let mark = match (start, problem) {
            (Start::Beginning | Start::Now, _) => None,
            (Start::Bookmark, BookmarkProblem::Refuse) => bookmark.read().map_err(failed)?,
            (Start::Bookmark, BookmarkProblem::GoOn) => read_if_possible(&bookmark),
        };
        if problem == BookmarkProblem::Refuse {
            bookmark.check().map_err(failed)?;
        }
        let mut reader = Reader::new(spool, packet_wait);
        match (start, &mark) {
            (_, Some(mark)) => reader.go_to(mark),
            (Start::Beginning, None) => Ok(()),
            (Start::Bookmark | Start::Now, None) => reader.go_to_end(),
        }
        .and_then(|()| reader.measure())
        .map_err(OpenError::Read)?;
        let writer = BookmarkWriter::start(bookmark).map_err(failed)?;
        if start == Start::Bookmark && mark.is_none() {
            // So that a crash before anything is dealt with loses nothing either.
            writer.put(reader.mark().unwrap_or_else(|| Mark::at(Position::start())));
            if problem == BookmarkProblem::Refuse
                && let Written::Failed(error) = writer.flush(None)
            {
                return Err(failed(error));
            }
        }
        let checkpoints = Checkpoints::new(writer);
        let has_backlog = start == Start::Beginning || mark.is_some();
        Ok(Self { reader, checkpoints, has_backlog })
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

    /// Why the log can't be read, or a part of it.
    pub(crate) fn problem(&self) -> Option<io::Error> {
        self.reader.problem()
    }

    /// Adds the events that are whole to `events`. If there are none, waits for something to be
    /// written, but no longer than this. True at the end of what is written.
    pub(crate) fn read(
        &mut self,
        longest: Duration,
        events: &mut Vec<Whole>,
        intake: &Intake<'_>,
    ) -> bool {
        let (damaged, strays) = (self.reader.damaged(), self.reader.strays());
        let read = self.reader.read(events);
        intake.damaged(self.reader.damaged() - damaged);
        intake.stray_packets(self.reader.strays() - strays);
        if read == Read::Some {
            return false;
        }
        self.reader.take_ripe(events);
        if events.is_empty() {
            self.reader.wait(longest);
        }
        true
    }

    /// Whether events were read that could still grow.
    pub(crate) fn has_open_events(&self) -> bool {
        self.reader.has_open_events()
    }

    /// Adds the events that could still grow.
    pub(crate) fn finish(&mut self, events: &mut Vec<Whole>) {
        self.reader.finish(events);
    }

    /// Looks at everything again when reading on.
    pub(super) fn doubt(&mut self) {
        self.reader.doubt();
    }

    /// Whether there is a log, as far as was looked.
    pub(super) fn has_log(&self) -> bool {
        self.reader.has_log()
    }

    /// How far it was read; `None` before there is a log.
    pub(crate) fn mark(&self) -> Option<Mark> {
        self.reader.mark()
    }

    /// Where to begin again with an event that begins here.
    pub(super) fn mark_at(&self, place: &Place) -> Mark {
        self.reader.mark_at(place)
    }

    /// Everything before this was handed on: once it is dealt with, the bookmark may move here.
    pub(crate) fn note(&mut self, mark: Option<Mark>, intake: &Intake<'_>) {
        if let Some(mark) = mark {
            self.checkpoints.note(intake.alerts(), mark);
        }
    }

    /// Moves the bookmark to where everything before was dealt with.
    pub(crate) fn settle(&mut self, intake: &Intake<'_>) {
        self.checkpoints.settle(intake.settled());
    }

    /// Waits until the bookmark is written, but no longer than this.
    pub(crate) fn flush(&self, longest: Duration) {
        // What keeps it from being written is said by its writer.
        let _ = self.checkpoints.flush(Some(Instant::now() + longest));
    }

    /// Waits until everything is dealt with, and moves the bookmark. Without being asked to stop there
    /// is all the time that it needs.
    ///
    /// # Errors
    /// If the bookmark can't be written, or alerts found no room: the next run begins with these.
    pub(crate) fn end(&mut self, intake: &Intake<'_>, stop: &Stop) -> Result<(), SourceError> {
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        let is_late = || stop.is_requested() && Instant::now() > deadline;
        intake.flush();
        let mut interval = FIRST_POLL_INTERVAL;
        self.settle(intake);
        while !self.checkpoints.are_settled() && !is_late() && !intake.has_stopped_settling() {
            std::thread::sleep(interval);
            interval = POLL_INTERVAL.min(2 * interval);
            self.settle(intake);
        }
        // What was settled before that is settled by now.
        self.settle(intake);
        if !self.checkpoints.are_settled() && !stop.is_requested() {
            return Err(SourceError::LeftOut);
        }
        match self.checkpoints.flush(stop.is_requested().then_some(deadline)) {
            Written::All => Ok(()),
            Written::Failed(error) => Err(SourceError::Bookmark(error)),
            Written::NotYet => {
                warn!("the bookmark is not written yet; the next run begins where it was");
                Ok(())
            }
        }
    }
}

fn read_if_possible(bookmark: &Bookmark) -> Option<Mark> {
    bookmark.read().unwrap_or_else(|error| {
        let path = bookmark.path().display();
        warn!(
            "cannot read the bookmark {path}: {error}; beginning with what is logged from now on"
        );
        None
    })
}
