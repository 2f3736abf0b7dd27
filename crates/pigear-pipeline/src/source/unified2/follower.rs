use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tracing::warn;

use super::bookmark::{Bookmark, Mark, Position};
use super::bookmark_writer::{BookmarkWriter, Written};
use super::checkpoints::Checkpoints;
use super::file_kind::FileKind;
use super::open_error::OpenError;
use super::place::Place;
use super::progress::Progress;
use super::reader::{Read, Reader};
use super::spool::Spool;
use super::start::Start;
use super::window::CompleteEvent;
use crate::fanout::Intake;
use crate::source_error::SourceError;
use crate::stop::Stop;

/// How long to sleep before checking whether the lanes are done: at first, and later.
const FIRST_POLL_INTERVAL: Duration = Duration::from_millis(1);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// When asked to stop: how long to wait for the lanes and the bookmark.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long an event waits for its packet.
pub(crate) const PACKET_WAIT: Duration = Duration::from_millis(500);

/// Reads a log while it is written, and maintains a bookmark.
///
/// Failures don't end it: an error in reading or writing is logged, and the operation is tried again.
pub(crate) struct Follower {
    reader: Reader,
    checkpoints: Checkpoints,
    has_backlog: bool,
}

/// What happens if the bookmark can't be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnBookmarkError {
    /// Opening the log fails.
    Fail,
    /// The error is logged, and writing is tried again.
    Retry,
}

impl Follower {
    /// Opens a log; see [`Spool::at`]. The bookmark is `bookmark`, or [beside it](Spool::bookmark).
    pub(crate) fn open(
        spool: Spool,
        start: Start,
        bookmark: Option<PathBuf>,
        packet_wait: Duration,
        problem: OnBookmarkError,
    ) -> Result<Self, OpenError> {
        let bookmark = Bookmark::new(bookmark.unwrap_or_else(|| spool.bookmark()));
        let path = bookmark.path().to_owned();
        let failed = |source| OpenError::Bookmark { path: path.clone(), source };
        let mark = match (start, problem) {
            (Start::Beginning | Start::Now, _) => None,
            (Start::Bookmark, OnBookmarkError::Fail) => bookmark.read().map_err(failed)?,
            (Start::Bookmark, OnBookmarkError::Retry) => read_if_possible(&bookmark),
        };
        let mut reader = Reader::new(spool, packet_wait);
        if problem == OnBookmarkError::Fail {
            if let Some((path, kind)) = reader.foreign_log().map_err(OpenError::Read)? {
                return Err(OpenError::Foreign { path, kind });
            }
            bookmark.check().map_err(failed)?;
        }
        match (start, &mark) {
            (_, Some(mark)) => reader.go_to(mark),
            (Start::Beginning, None) => Ok(()),
            (Start::Bookmark | Start::Now, None) => reader.go_to_end(),
        }
        .and_then(|()| reader.measure())
        .map_err(OpenError::Read)?;
        let writer = BookmarkWriter::start(bookmark).map_err(failed)?;
        if start == Start::Bookmark && mark.is_none() {
            // So that a crash before the first alert is settled loses nothing either.
            writer.put(reader.mark().unwrap_or_else(|| Mark::at(Position::start())));
            if problem == OnBookmarkError::Fail
                && let Written::Failed(error) = writer.flush(None)
            {
                return Err(failed(error));
            }
        }
        let checkpoints = Checkpoints::new(writer);
        let has_backlog = start == Start::Beginning || mark.is_some();
        Ok(Self { reader, checkpoints, has_backlog })
    }

    /// Whether reading starts with records from before it was opened.
    pub(crate) fn has_backlog(&self) -> bool {
        self.has_backlog
    }

    pub(crate) fn progress(&self) -> Progress {
        self.reader.progress()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.reader.spool().path()
    }

    /// Why the log, or a part of it, can't be read.
    pub(crate) fn problem(&self) -> Option<io::Error> {
        self.reader.problem()
    }

    /// Adds complete events to `events`. If there are none, waits for the log to change, at most this
    /// long. True at the end of the log.
    pub(crate) fn read(
        &mut self,
        longest: Duration,
        events: &mut Vec<CompleteEvent>,
        intake: &Intake<'_>,
    ) -> bool {
        let (damaged, strays) = (self.reader.damaged(), self.reader.strays());
        let read = self.reader.read(events);
        intake.damaged(self.reader.damaged() - damaged);
        intake.stray_packets(self.reader.strays() - strays);
        if read == Read::Some {
            return false;
        }
        self.reader.take_expired(events);
        if events.is_empty() {
            self.reader.wait(longest);
        }
        true
    }

    /// Whether events are still open.
    pub(crate) fn has_open_events(&self) -> bool {
        self.reader.has_open_events()
    }

    /// Adds the events that are still open.
    pub(crate) fn finish(&mut self, events: &mut Vec<CompleteEvent>) {
        self.reader.finish(events);
    }

    /// Says that the log ends within a record.
    pub(super) fn warn_of_cut_record(&self) {
        self.reader.warn_of_cut_record();
    }

    /// Checks the directory and the files that were set aside at the next read.
    pub(super) fn recheck(&mut self) {
        self.reader.recheck();
    }

    /// What the newest file is, if no file of the log is in unified2.
    pub(crate) fn foreign_log(&mut self) -> io::Result<Option<(PathBuf, FileKind)>> {
        self.reader.foreign_log()
    }

    /// Whether the log has any files.
    pub(crate) fn has_log(&self) -> bool {
        self.reader.has_log()
    }

    /// The current position; `None` if there are no files yet.
    pub(crate) fn mark(&self) -> Option<Mark> {
        self.reader.mark()
    }

    /// Where to start again to read an event that begins here.
    pub(super) fn mark_at(&self, place: &Place) -> Mark {
        self.reader.mark_at(place)
    }

    /// Everything before this position was delivered: the bookmark may move here when it is settled.
    pub(crate) fn note(&mut self, mark: Option<Mark>, intake: &Intake<'_>) {
        if let Some(mark) = mark {
            self.checkpoints.note(intake.alerts(), mark);
        }
    }

    /// Moves the bookmark to the last safe position.
    pub(crate) fn settle(&mut self, intake: &Intake<'_>) {
        self.checkpoints.settle(intake.settled());
    }

    /// Waits until the bookmark is written, at most this long.
    pub(crate) fn flush(&self, longest: Duration) {
        // The bookmark's writer logs its errors.
        let _ = self.checkpoints.flush(Some(Instant::now() + longest));
    }

    /// Waits until everything is settled, and moves the bookmark. The time is limited only after a
    /// request to stop.
    ///
    /// # Errors
    /// If the bookmark can't be written, or alerts found no room: the next run begins with these.
    pub(crate) fn end(&mut self, intake: &Intake<'_>, stop: &Stop) -> Result<(), SourceError> {
        let mut drain = Drain::default();
        let mut is_late = || drain.is_over(stop.is_requested(), Instant::now());
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
        let deadline = stop.is_requested().then(|| drain.deadline(Instant::now()));
        match self.checkpoints.flush(deadline) {
            Written::All => Ok(()),
            Written::Failed(error) => Err(SourceError::Bookmark(error)),
            Written::NotYet => {
                warn!(
                    "the bookmark was not written in time; the next run starts at the previous one"
                );
                Ok(())
            }
        }
    }
}

/// The time that a request to stop leaves. It begins with the request: before, lanes may take as long as they
/// need for the last alerts of a log.
#[derive(Default)]
struct Drain {
    deadline: Option<Instant>,
}

impl Drain {
    fn deadline(&mut self, now: Instant) -> Instant {
        *self.deadline.get_or_insert(now + DRAIN_TIMEOUT)
    }

    fn is_over(&mut self, is_requested: bool, now: Instant) -> bool {
        is_requested && now > self.deadline(now)
    }
}

fn read_if_possible(bookmark: &Bookmark) -> Option<Mark> {
    bookmark.read().unwrap_or_else(|error| {
        let path = bookmark.path().display();
        warn!("cannot read the bookmark {path}: {error}; starting at the end of the log");
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_write_the_bookmark_begins_with_the_request_to_stop() {
        let mut drain = Drain::default();
        let start = Instant::now();
        let request = start + 10 * DRAIN_TIMEOUT;
        assert!(!drain.is_over(false, start));
        assert!(!drain.is_over(false, request));
        assert!(!drain.is_over(true, request));
        assert!(!drain.is_over(true, request + DRAIN_TIMEOUT));
        assert!(drain.is_over(true, request + 2 * DRAIN_TIMEOUT));
        assert_eq!(drain.deadline(start), request + DRAIN_TIMEOUT);
    }
}
