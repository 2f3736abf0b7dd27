//! How far a lane is, where alerts are not settled in the order in which they came.

use std::collections::{HashMap, VecDeque};

use crate::totals::{Fate, Totals};

/// This many alerts may be taken and not settled. With more, the lane waits for its handler.
pub(crate) const MAX_UNSETTLED: usize = 1 << 18;

/// Notes what became of each alert that a lane has taken, and tells up to where all are settled.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    /// This many of the first alerts are settled.
    settled: u64,
    /// What became of these.
    totals: Totals,
    /// The alerts behind them.
    pending: VecDeque<Pending>,
    /// What became of the groups of these.
    groups: HashMap<u64, (Fate, u64)>,
}

#[derive(Clone, Copy, Debug)]
enum Pending {
    Settled(Fate),
    InGroup(u64),
}

impl Tracker {
    pub(crate) fn settled(&self) -> u64 {
        self.settled
    }

    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    /// Whether there are as many unsettled alerts as there may be.
    pub(crate) fn is_full(&self) -> bool {
        self.pending.len() >= MAX_UNSETTLED
    }

    /// The next alerts are settled.
    pub(crate) fn settle_next(&mut self, fate: Fate, alerts: u64) {
        if self.pending.is_empty() {
            self.settled += alerts;
            self.totals.add(fate, alerts);
        } else {
            self.pending.extend((0..alerts).map(|_| Pending::Settled(fate)));
        }
    }

    /// The next alert is in a group.
    pub(crate) fn put_into_group(&mut self, group: u64) {
        self.pending.push_back(Pending::InGroup(group));
    }

    /// The alerts of a group are settled.
    pub(crate) fn settle_group(&mut self, group: u64, alerts: u64, fate: Fate) {
        self.groups.insert(group, (fate, alerts));
        while let Some(fate) = self.pending.front().copied().and_then(|first| self.fate_of(first)) {
            self.pending.pop_front();
            self.settled += 1;
            self.totals.add(fate, 1);
        }
    }

    /// What became of the first pending alert, if that is known. Its group is forgotten with its last.
    fn fate_of(&mut self, pending: Pending) -> Option<Fate> {
        match pending {
            Pending::Settled(fate) => Some(fate),
            Pending::InGroup(number) => {
                let (fate, left) = self.groups.get_mut(&number)?;
                let fate = *fate;
                *left -= 1;
                if *left == 0 {
                    self.groups.remove(&number);
                }
                Some(fate)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_settled_up_to_the_first_that_is_not() {
        let mut tracker = Tracker::default();
        tracker.settle_next(Fate::Filtered, 2);
        assert_eq!((tracker.settled(), tracker.totals().filtered), (2, 2));
        for group in [0, 1, 0] {
            tracker.put_into_group(group);
        }
        tracker.settle_next(Fate::Filtered, 1);
        tracker.put_into_group(2);
        tracker.settle_group(1, 1, Fate::Failed);
        assert_eq!(tracker.settled(), 2);
        tracker.settle_group(0, 2, Fate::Handled);
        assert_eq!(tracker.settled(), 6);
        let expected = Totals { handled: 2, failed: 1, filtered: 3, ..Totals::default() };
        assert_eq!(tracker.totals(), expected);
        tracker.settle_group(2, 1, Fate::Handled);
        assert_eq!((tracker.settled(), tracker.pending.len(), tracker.groups.len()), (7, 0, 0));
    }
}
