//! The position of a lane whose alerts are not settled in order.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use crate::totals::{Fate, Totals};

/// The most alerts that may be taken and not settled, with those between them. Above that, the lane waits
/// for its handler.
pub(crate) const MAX_UNSETTLED: u64 = 1 << 18;

/// Records which of the alerts that a lane took are settled, and their fates.
///
/// Alerts are numbered from 0 in the order in which they were taken. One may stand for several: the first of
/// a group that was refused, and is sent again. It has one number, and counts as all of them.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    /// How many alerts were taken.
    taken: u64,
    /// How many are settled, from the first.
    settled: u64,
    /// The settled ones after the first that isn't: the start and the end of each range. No two touch.
    ahead: BTreeMap<u64, u64>,
    /// Those of them that were settled since the last report.
    unreported: Vec<Range<u64>>,
    /// The fates of all settled alerts.
    totals: Totals,
    /// The groups that aren't settled.
    groups: HashMap<u64, Members>,
}

/// The alerts of a group.
#[derive(Debug, Default)]
struct Members {
    ranges: Vec<Range<u64>>,
    /// How many they count as.
    alerts: u64,
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
        self.taken - self.settled >= MAX_UNSETTLED
    }

    /// Whether alerts after the first unsettled one were settled since the last report.
    pub(crate) fn has_unreported(&self) -> bool {
        !self.unreported.is_empty()
    }

    /// The alerts after the first unsettled one that were settled since the last call.
    pub(crate) fn take_unreported(&mut self) -> Vec<Range<u64>> {
        let mut ranges = std::mem::take(&mut self.unreported);
        ranges.retain(|range| range.end > self.settled);
        ranges
    }

    /// The next alerts are settled.
    pub(crate) fn settle_next(&mut self, fate: Fate, alerts: u64) {
        let first = self.taken;
        self.taken += alerts;
        self.totals.add(fate, alerts);
        self.settle(first..self.taken);
    }

    /// The next alert, which counts as this many, is settled.
    pub(crate) fn settle_one(&mut self, fate: Fate, alerts: u64) {
        let number = self.taken;
        self.taken += 1;
        self.totals.add(fate, alerts);
        self.settle(number..self.taken);
    }

    /// The next alert, which counts as this many, is passed to the handler and not settled: a group of its
    /// own. Returns its number, which is also the group's.
    pub(crate) fn open_next(&mut self, alerts: u64) -> u64 {
        let number = self.taken;
        self.put_into_group(number, alerts);
        number
    }

    /// The next alert, which counts as this many, is in a group.
    pub(crate) fn put_into_group(&mut self, group: u64, alerts: u64) {
        let number = self.taken;
        self.taken += 1;
        let members = self.groups.entry(group).or_default();
        members.alerts += alerts;
        push(&mut members.ranges, number..self.taken);
    }

    /// The alerts of a group are settled.
    pub(crate) fn settle_group(&mut self, group: u64, fate: Fate) {
        let Members { ranges, alerts } = self.groups.remove(&group).unwrap_or_default();
        self.totals.add(fate, alerts);
        for range in ranges {
            self.settle(range);
        }
    }

    fn settle(&mut self, range: Range<u64>) {
        if range.start > self.settled {
            push(&mut self.unreported, range.clone());
            let Range { mut start, mut end } = range;
            if let Some((&before, _)) =
                self.ahead.range(..start).next_back().filter(|(_, end)| **end == start)
            {
                start = before;
            }
            if let Some(behind) = self.ahead.remove(&end) {
                end = behind;
            }
            self.ahead.insert(start, end);
            return;
        }
        self.settled = range.end;
        if let Some(end) = self.ahead.remove(&range.end) {
            self.settled = end;
        }
    }
}

/// Adds a range, as a part of the last one if it begins at its end.
fn push(ranges: &mut Vec<Range<u64>>, range: Range<u64>) {
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_settled_up_to_the_first_that_is_not_and_ahead_of_it() {
        let mut tracker = Tracker::default();
        tracker.settle_next(Fate::Filtered, 2);
        assert_eq!((tracker.settled(), tracker.totals().filtered), (2, 2));
        for group in [0, 1, 0] {
            tracker.put_into_group(group, 1);
        }
        tracker.settle_next(Fate::Filtered, 1);
        tracker.put_into_group(2, 1);
        tracker.settle_group(1, Fate::Failed);
        assert_eq!((tracker.settled(), tracker.take_unreported()), (2, vec![5..6, 3..4]));
        let expected = Totals { failed: 1, filtered: 3, ..Totals::default() };
        assert_eq!(tracker.totals(), expected);
        tracker.settle_group(0, Fate::Handled);
        assert_eq!((tracker.settled(), tracker.take_unreported()), (6, vec![]));
        let expected = Totals { handled: 2, failed: 1, filtered: 3, ..Totals::default() };
        assert_eq!(tracker.totals(), expected);
        tracker.settle_group(2, Fate::Handled);
        assert_eq!((tracker.settled(), tracker.ahead.len(), tracker.groups.len()), (7, 0, 0));
        assert!(!tracker.has_unreported());
    }

    #[test]
    fn an_alert_that_stands_for_several_has_one_number_and_counts_as_all() {
        let mut tracker = Tracker::default();
        tracker.settle_one(Fate::Handled, 5);
        assert_eq!((tracker.settled(), tracker.totals().handled), (1, 5));
        tracker.put_into_group(0, 1);
        tracker.put_into_group(0, 3);
        tracker.settle_one(Fate::Muted, 2);
        tracker.settle_group(0, Fate::Failed);
        let expected = Totals { handled: 5, failed: 4, muted: 2, ..Totals::default() };
        assert_eq!((tracker.settled(), tracker.totals()), (4, expected));
    }

    proptest::proptest! {
        /// Whatever the order, each alert is reported as settled once it is, and none before.
        #[test]
        fn what_is_reported_is_what_is_settled(
            groups in proptest::collection::vec(0..12_u64, 1..80),
            order in proptest::sample::subsequence((0..12_u64).collect::<Vec<_>>(), 0..=12),
            reports in proptest::collection::vec(proptest::bool::ANY, 12),
            is_reversed in proptest::bool::ANY,
        ) {
            let (mut tracker, mut reported) = (Tracker::default(), vec![false; groups.len()]);
            for group in &groups {
                tracker.put_into_group(*group, 1);
            }
            let mut order = order;
            if is_reversed {
                order.reverse();
            }
            for (n, group) in order.iter().enumerate() {
                tracker.settle_group(*group, Fate::Handled);
                if reports[n] || n + 1 == order.len() {
                    let settled = usize::try_from(tracker.settled()).unwrap();
                    reported[..settled].fill(true);
                    for range in tracker.take_unreported() {
                        let [start, end] =
                            [range.start, range.end].map(|n| usize::try_from(n).unwrap());
                        reported[start..end].fill(true);
                    }
                    let done = &order[..=n];
                    let expected: Vec<_> = groups.iter().map(|group| done.contains(group)).collect();
                    proptest::prop_assert_eq!(&reported, &expected);
                    let first = expected.iter().position(|is_done| !is_done);
                    proptest::prop_assert_eq!(settled, first.unwrap_or(groups.len()));
                    let sum = expected.iter().filter(|is_done| **is_done).count() as u64;
                    proptest::prop_assert_eq!(tracker.totals().sum(), sum);
                }
            }
        }
    }
}
