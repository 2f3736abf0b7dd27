//! The alerts that a durable lane has taken and not settled.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::ops::Range;

use crate::store::dead_letter::{Fate, Refusal};
use crate::store::settled_ranges::IdRange;

/// The alerts that a lane has taken and not settled, in the order in which it took them.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// The number of the first of them, among those that the lane took.
    first: u64,
    /// Those from there on; `None` where one is settled.
    items: VecDeque<Option<Taken>>,
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
}

/// What was settled in one go.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// Those of them that are stored.
    pub(super) stored: Vec<IdRange>,
    /// What became of dead letters.
    pub(super) letters: Vec<(i64, Fate)>,
}

#[derive(Debug)]
struct Taken {
    item: Item,
    refused: Option<Refusal>,
}

/// How many alerts a message is about.
fn alerts(count: Option<NonZeroU64>) -> u64 {
    count.map_or(1, NonZeroU64::get)
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
            self.items.push_back(Some(Taken { item, refused: None }));
        }
    }

    /// Notes that an alert was refused. If it is a dead letter, that letter is kept; otherwise the refusal is
    /// returned, which needs a letter of its own. So does that of a group whose first alert is a dead letter: it
    /// is about more alerts. Alerts are counted from the first that the lane took.
    pub(super) fn refuse(&mut self, number: u64, refusal: Refusal) -> Option<Refusal> {
        match self.place(number).and_then(|place| self.items.get_mut(place)) {
            Some(Some(Taken { item: Item::Letter { count, .. }, refused }))
                if alerts(*count) == alerts(refusal.alert.count) =>
            {
                *refused = Some(refusal);
                None
            }
            _ => Some(refusal),
        }
    }

    /// Forgets the first alerts, this many in all, and those with these numbers.
    pub(super) fn settle(&mut self, settled: u64, ahead: &[Range<u64>]) -> Settled {
        let mut result = Settled::default();
        while self.first < settled
            && let Some(taken) = self.items.pop_front()
        {
            self.first += 1;
            self.forget(taken, &mut result);
        }
        for number in ahead.iter().cloned().flatten() {
            let place = self.place(number);
            let taken = place.and_then(|place| self.items.get_mut(place)).and_then(Option::take);
            self.forget(taken, &mut result);
        }
        result
    }

    fn forget(&mut self, taken: Option<Taken>, settled: &mut Settled) {
        let Some(Taken { item, refused }) = taken else { return };
        match item {
            Item::Stored(id) => match settled.stored.last_mut() {
                Some((_, last)) if *last + 1 == id => *last = id,
                _ => settled.stored.push((id, id)),
            },
            Item::Unstored => self.unstored -= 1,
            Item::Letter { id, .. } => {
                self.letters -= 1;
                settled.letters.push((id, refused.map_or(Fate::Taken, Fate::Refused)));
            }
        }
    }

    /// Where an alert is in the queue, unless it was settled with the first ones.
    fn place(&self, number: u64) -> Option<usize> {
        number.checked_sub(self.first).and_then(|place| usize::try_from(place).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{case, refusal};

    #[test]
    fn alerts_are_forgotten_in_whatever_order_they_are_settled() {
        let alert = &case("v2919/http")[0];
        let no = || refusal(alert, "no");
        let mut in_flight = InFlight::default();
        in_flight.extend(vec![Item::Stored(7), Item::Unstored, Item::Stored(9), Item::Stored(10)]);
        in_flight.extend([3, 4].map(|id| Item::Letter { id, count: None }).to_vec());
        assert_eq!(in_flight.settle(1, &[]).stored, [(7, 7)]);
        assert_eq!(in_flight.settle(1, std::slice::from_ref(&(2..4))).stored, [(9, 10)]);
        assert_eq!(in_flight.unstored(), 1);
        assert!(in_flight.refuse(1, no()).is_some(), "it is no dead letter yet");
        assert!(in_flight.refuse(5, no()).is_none());
        let settled = in_flight.settle(1, std::slice::from_ref(&(5..6)));
        assert!(matches!(&settled.letters[..], [(4, Fate::Refused(_))]), "{settled:?}");
        assert!(in_flight.has_letters());
        let settled = in_flight.settle(6, &[]);
        assert!(matches!(&settled.letters[..], [(3, Fate::Taken)]), "{settled:?}");
        assert_eq!((settled.stored, in_flight.unstored()), (vec![], 0));
        assert!(!in_flight.has_letters());
    }
}
