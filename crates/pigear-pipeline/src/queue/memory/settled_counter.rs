//! How many alerts of a queue are settled, from the first.

use std::collections::VecDeque;

/// The most counts of rejected alerts that wait. Then the next one joins the last: it is settled later.
const MAX_COUNTS: usize = 4096;

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
        // A reader that has stopped settling takes more alerts nevertheless.
        let is_full = self.turned_away.len() >= MAX_COUNTS;
        match self.turned_away.back_mut() {
            Some((before, n)) if is_full || *before == self.let_in => {
                *before = self.let_in;
                *n += 1;
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_has_stopped_settling_costs_no_more_and_more_memory() {
        let mut counter = SettledCounter::default();
        let n = 3 * MAX_COUNTS as u64;
        for _ in 0..n {
            counter.let_in();
            counter.turn_away();
        }
        assert!(counter.turned_away.len() <= MAX_COUNTS);
        assert_eq!(counter.first(), 0);
        counter.settle(2);
        assert_eq!(counter.first(), 4);
        counter.settle(n - 1);
        assert!(counter.first() < 2 * n - 1);
        counter.settle(n);
        assert_eq!(counter.first(), 2 * n);
    }
}
