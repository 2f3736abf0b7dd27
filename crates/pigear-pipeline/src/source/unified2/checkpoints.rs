use std::collections::VecDeque;
use std::time::Instant;

use super::bookmark::Mark;
use super::bookmark_writer::{BookmarkWriter, Written};

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
        match self.waiting.back_mut() {
            Some((last, waiting)) if *last == alerts => *waiting = mark,
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
