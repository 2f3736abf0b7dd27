use std::collections::VecDeque;
use std::time::Instant;

use super::bookmark::Mark;
use super::bookmark_writer::{BookmarkWriter, Written};

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
        match self.waiting.back_mut() {
            Some((last, waiting)) if *last == alerts => *waiting = mark,
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
