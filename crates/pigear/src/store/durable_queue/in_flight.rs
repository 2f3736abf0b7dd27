//! The alerts that a durable lane has taken and not settled.

use std::collections::VecDeque;
use std::num::NonZeroU64;

use pigear_pipeline::Totals;

use crate::store::dead_letter::{Fate, Refusal};
use crate::store::row::DamagedRow;

/// The alerts that a lane has taken and not settled, in the order in which it took them, with what was left out
/// between them.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// How many alerts were settled before these.
    settled: u64,
    items: VecDeque<Taken>,
    /// How many of them are dead letters, and how many are not stored.
    letters: usize,
    unstored: u64,
}

/// Where an alert is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// In the store, with this id.
    Stored(i64),
    /// In memory only, because it could not be stored.
    Unstored,
    /// A dead letter, sent again.
    Letter {
        id: i64,
        /// How many alerts it is about, if it is about several.
        count: Option<NonZeroU64>,
    },
    /// Alerts up to this number were removed before the lane got them.
    Gone { last: i64, count: u64 },
    /// What is stored can't be decoded.
    Damaged(DamagedRow),
}

impl Item {
    /// Whether the lane doesn't get it.
    fn is_left_out(&self) -> bool {
        matches!(self, Self::Gone { .. } | Self::Damaged(_))
    }
}

/// What was settled in one go.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// The number of the last of them that is, or was, stored.
    pub(super) done: Option<i64>,
    /// What became of those that were left out.
    pub(super) left_out: Totals,
    /// Those of them that can't be decoded.
    pub(super) damaged: Vec<DamagedRow>,
    /// What became of dead letters.
    pub(super) letters: Vec<(i64, Fate)>,
}

#[derive(Debug)]
struct Taken {
    item: Item,
    refused: Option<Refusal>,
}

impl InFlight {
    pub(super) fn has_letters(&self) -> bool {
        self.letters > 0
    }

    /// How many are lost with the process.
    pub(super) fn unstored(&self) -> u64 {
        self.unstored
    }

    pub(super) fn extend(&mut self, items: Vec<Item>) {
        for item in items {
            self.letters += usize::from(matches!(item, Item::Letter { .. }));
            self.unstored += u64::from(item == Item::Unstored);
            self.items.push_back(Taken { item, refused: None });
        }
    }

    /// Notes that an alert was refused. If it is a dead letter, that letter is kept; otherwise the refusal is
    /// returned, which needs a letter of its own. So does that of a group whose first alert is a dead letter: it
    /// is about more alerts. Alerts are counted from the first that the lane took.
    pub(super) fn refuse(&mut self, number: u64, refusal: Refusal) -> Option<Refusal> {
        let place = number.checked_sub(self.settled).and_then(|place| usize::try_from(place).ok());
        let mut given = self.items.iter_mut().filter(|taken| !taken.item.is_left_out());
        match place.and_then(|place| given.nth(place)) {
            Some(Taken { item: Item::Letter { count, .. }, refused })
                if *count == refusal.alert.count =>
            {
                *refused = Some(refusal);
                None
            }
            _ => Some(refusal),
        }
    }

    /// Forgets the first alerts, this many in all, with what was left out before and right behind them.
    pub(super) fn settle(&mut self, settled: u64) -> Settled {
        let mut result = Settled::default();
        while self
            .items
            .front()
            .is_some_and(|taken| taken.item.is_left_out() || self.settled < settled)
            && let Some(Taken { item, refused }) = self.items.pop_front()
        {
            self.settled += u64::from(!item.is_left_out());
            match item {
                Item::Stored(id) => result.done = Some(id),
                Item::Unstored => self.unstored -= 1,
                Item::Letter { id, .. } => {
                    self.letters -= 1;
                    result.letters.push((id, refused.map_or(Fate::Taken, Fate::Refused)));
                }
                Item::Gone { last, count } => {
                    result.done = Some(last);
                    result.left_out.dropped += count;
                }
                Item::Damaged(row) => {
                    result.done = Some(row.id);
                    result.left_out.failed += 1;
                    result.damaged.push(row);
                }
            }
        }
        result
    }

    /// Forgets what was left out, if no alert before it is in flight.
    pub(super) fn settle_left_out(&mut self) -> Settled {
        self.settle(self.settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{case, refusal};

    #[test]
    fn alerts_are_forgotten_in_their_order() {
        let alert = &case("v2919/http")[0];
        let no = || refusal(alert, "no");
        let mut in_flight = InFlight::default();
        in_flight.extend(vec![Item::Stored(7), Item::Unstored, Item::Gone { last: 8, count: 1 }]);
        in_flight.extend(vec![Item::Stored(9)]);
        in_flight.extend([3, 4].map(|id| Item::Letter { id, count: None }).to_vec());
        assert_eq!(in_flight.settle(1).done, Some(7));
        let settled = in_flight.settle(2);
        assert_eq!((settled.done, settled.left_out.dropped), (Some(8), 1));
        assert_eq!(in_flight.unstored(), 0);
        assert!(in_flight.refuse(2, no()).is_some(), "it is no dead letter yet");
        assert!(in_flight.refuse(4, no()).is_none());
        let settled = in_flight.settle(5);
        assert_eq!(settled.done, Some(9));
        assert!(
            matches!(&settled.letters[..], [(3, Fate::Taken), (4, Fate::Refused(_))]),
            "{settled:?}"
        );
        assert!(!in_flight.has_letters());
    }
}
