use std::collections::VecDeque;
use std::time::Instant;

use super::bookmark::Mark;
use super::bookmark_writer::{BookmarkWriter, Written};

/// No more marks than this wait. Then the last one is replaced by the next: the bookmark moves later.
const MAX_WAITING: usize = 4096;

/// Moves a bookmark once everything before it was dealt with.
///
/// So a crash loses nothing: what was handed on but not dealt with is read again.
pub(super) struct Checkpoints {
    writer: BookmarkWriter,
    /// Marks, each with how many alerts must have been dealt with for it to be safe.
    waiting: VecDeque<(u64, Mark)>,
    /// The last that was safe.
    safe: Option<Mark>,
}

impl Checkpoints {
    pub(super) fn new(writer: BookmarkWriter) -> Self {
        Self { writer, waiting: VecDeque::new(), safe: None }
    }

    /// Notes that `mark` is safe once so many alerts were dealt with.
    pub(super) fn note(&mut self, alerts: u64, mark: Mark) {
        let is_full = self.waiting.len() >= MAX_WAITING;
        match self.waiting.back_mut() {
            Some(last) if is_full || last.0 == alerts => *last = (alerts, mark),
            _ => self.waiting.push_back((alerts, mark)),
        }
    }

    /// Whether no mark waits for alerts to be dealt with.
    pub(super) fn are_settled(&self) -> bool {
        self.waiting.is_empty()
    }

    /// So many alerts were dealt with.
    pub(super) fn settle(&mut self, alerts: u64) {
        let mut safe = None;
        while self.waiting.front().is_some_and(|(needed, _)| *needed <= alerts) {
            safe = self.waiting.pop_front().map(|(_, mark)| mark);
        }
        if let Some(mark) = safe
            && self.safe.as_ref() != Some(&mark)
        {
            self.safe = Some(mark.clone());
            self.writer.put(mark);
        }
    }

    /// Waits until the bookmark is written, or can't be, or the deadline has come.
    pub(super) fn flush(&self, deadline: Option<Instant>) -> Written {
        self.writer.flush(deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::unified2::bookmark::{Bookmark, Position};

    fn mark(offset: u64) -> Mark {
        Mark::at(Position { offset, ..Position::start() })
    }

    #[test]
    fn a_lane_that_is_never_done_costs_no_more_and_more_memory() {
        let dir = tempfile::tempdir().unwrap();
        let bookmark = Bookmark::new(dir.path().join("bookmark"));
        let mut checkpoints = Checkpoints::new(BookmarkWriter::start(bookmark.clone()).unwrap());
        (1..=10_000).for_each(|n| checkpoints.note(n, mark(n)));
        assert_eq!(checkpoints.waiting.len(), MAX_WAITING);
        checkpoints.settle(9_999);
        assert_eq!(checkpoints.safe, Some(mark(MAX_WAITING as u64 - 1)));
        checkpoints.settle(10_000);
        assert!(checkpoints.are_settled());
        assert!(matches!(checkpoints.flush(None), Written::All));
        assert_eq!(bookmark.read().unwrap(), Some(mark(10_000)));
    }
}
