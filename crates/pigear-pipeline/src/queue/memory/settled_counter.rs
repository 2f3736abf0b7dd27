//! How many alerts of a queue are settled, from the first.

use std::collections::VecDeque;

/// How many alerts of a queue its reader has settled, from the first that was pushed.
///
/// An alert that finds the queue full counts only after all alerts that are in it at that time.
#[derive(Debug, Default)]
pub(super) struct SettledCounter {
    /// Alerts that were accepted.
    let_in: u64,
    /// How many of them are settled, from the first.
    settled: u64,
    /// How many were rejected, each with how many had been accepted before.
    turned_away: VecDeque<(u64, u64)>,
    /// How many were rejected before the first unsettled alert.
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

    /// The reader has settled this many of the accepted alerts, from the first.
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
