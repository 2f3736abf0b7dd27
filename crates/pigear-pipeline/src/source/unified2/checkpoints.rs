use std::collections::VecDeque;
use std::time::Instant;

use super::bookmark::Mark;
use super::bookmark_writer::{BookmarkWriter, Written};

/// The most marks that wait. Then the next one replaces the last: the bookmark moves later.
const MAX_WAITING: usize = 4096;

/// Moves a bookmark when everything before it is settled.
///
/// So a crash loses nothing: events that were delivered but not settled are read again.
pub(super) struct Checkpoints {
    writer: BookmarkWriter,
    /// Marks, each with the number of alerts that must be settled before it is safe.
    waiting: VecDeque<(u64, Mark)>,
    /// The last safe mark.
    safe: Option<Mark>,
}

impl Checkpoints {
    pub(super) fn new(writer: BookmarkWriter) -> Self {
        Self { writer, waiting: VecDeque::new(), safe: None }
    }

    /// `mark` is safe once this many alerts are settled.
    pub(super) fn note(&mut self, alerts: u64, mark: Mark) {
        let is_full = self.waiting.len() >= MAX_WAITING;
        match self.waiting.back_mut() {
            Some(last) if is_full || last.0 == alerts => *last = (alerts, mark),
            _ => self.waiting.push_back((alerts, mark)),
        }
    }

    /// Whether all marks are safe.
    pub(super) fn are_settled(&self) -> bool {
        self.waiting.is_empty()
    }

    /// This many alerts are settled.
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

    /// Waits until the bookmark is written, a write fails, or the deadline comes.
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
