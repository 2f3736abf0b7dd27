//! The position of a lane whose alerts are not settled in order.

use std::collections::{HashMap, VecDeque};

use crate::totals::{Fate, Totals};

/// The most alerts that may be taken and not settled. Above that, the lane waits for its handler.
pub(crate) const MAX_UNSETTLED: usize = 1 << 18;

/// Records the fate of each alert that a lane took, and up to where all are settled.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    /// How many alerts are settled, from the first.
    settled: u64,
    /// The fates of these.
    totals: Totals,
    /// The alerts after them.
    pending: VecDeque<Pending>,
    /// The fates of their groups.
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

    /// Whether the maximum of unsettled alerts is reached.
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

    /// The fate of the first pending alert, if it is known. Its group is forgotten with its last alert.
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
