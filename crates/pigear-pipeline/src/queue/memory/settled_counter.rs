//! How many of the first alerts that were pushed to a queue are settled.

use std::collections::VecDeque;

/// How many of the first alerts that were pushed to a queue its reader has settled.
///
/// What finds the queue full is behind everything that is in it then: it doesn't count before that.
#[derive(Debug, Default)]
pub(super) struct SettledCounter {
    /// Alerts that were let in.
    let_in: u64,
    /// Of those, this many of the first are settled.
    settled: u64,
    /// How many were turned away, each with how many had been let in before.
    turned_away: VecDeque<(u64, u64)>,
    /// How many were turned away before the first alert that isn't settled.
    turned_away_before: u64,
}

impl SettledCounter {
    pub(super) fn first(&self) -> u64 {
        self.settled + self.turned_away_before
    }

    pub(super) fn let_in(&mut self) {
        self.let_in += 1;
    }

    pub(super) fn turn_away(&mut self) {
        match self.turned_away.back_mut() {
            Some((before, n)) if *before == self.let_in => *n += 1,
            _ => self.turned_away.push_back((self.let_in, 1)),
        }
        self.advance();
    }

    /// The reader has settled this many of the alerts that were let in, counted from the first.
    pub(super) fn settle(&mut self, settled: u64) {
        self.settled = settled;
        self.advance();
    }

    fn advance(&mut self) {
        while let Some((before, n)) = self.turned_away.front()
            && *before <= self.settled
        {
            self.turned_away_before += n;
            self.turned_away.pop_front();
        }
    }
}
