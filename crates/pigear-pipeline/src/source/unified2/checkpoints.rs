use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use super::bookmark::{Bookmark, Position};

/// The bookmark is written no more often than this.
const INTERVAL: Duration = Duration::from_millis(500);

/// Moves a bookmark once everything before it was dealt with.
///
/// So a crash loses nothing: what was handed on but not dealt with is read again.
pub(super) struct Checkpoints {
    bookmark: Bookmark,
    /// Positions, each with how many alerts must have been dealt with for it to be safe.
    waiting: VecDeque<(u64, Position)>,
    safe: Option<Position>,
    written: Option<Position>,
    when: Option<Instant>,
}

impl Checkpoints {
    pub(super) fn new(bookmark: Bookmark) -> Self {
        Self { bookmark, waiting: VecDeque::new(), safe: None, written: None, when: None }
    }

    /// Notes that `position` is safe once so many alerts were dealt with.
    pub(super) fn note(&mut self, alerts: u64, position: Position) {
        match self.waiting.back_mut() {
            Some((last, place)) if *last == alerts => *place = position,
            _ => self.waiting.push_back((alerts, position)),
        }
    }

    /// Whether positions wait for alerts to be dealt with.
    pub(super) fn are_settled(&self) -> bool {
        self.waiting.is_empty()
    }

    /// So many alerts were dealt with. Writes the bookmark, if that is due.
    pub(super) fn settle(&mut self, alerts: u64, urgency: Urgency) -> io::Result<()> {
        while self.waiting.front().is_some_and(|(needed, _)| *needed <= alerts) {
            self.safe = self.waiting.pop_front().map(|(_, position)| position);
        }
        let due = self.when.is_none_or(|when| when.elapsed() >= INTERVAL);
        match &self.safe {
            Some(safe)
                if self.written.as_ref() != Some(safe) && (due || urgency == Urgency::Now) =>
            {
                self.bookmark.write(safe)?;
                self.written = self.safe.clone();
                self.when = Some(Instant::now());
            }
            _ => {}
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    Soon,
    Now,
}
