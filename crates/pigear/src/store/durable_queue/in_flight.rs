//! The alerts that a durable lane has taken and not settled.

use std::collections::VecDeque;
use std::sync::Arc;

/// The alerts that a lane has taken and not settled, in order.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// How many were settled before these.
    settled: u64,
    items: VecDeque<Taken>,
    /// How many of them are dead letters, and how many are not stored.
    letters: usize,
    unstored: u64,
}

/// The place of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// In the store, with this id.
    Stored(i64),
    /// In memory only, because it could not be stored.
    Unstored,
    /// A dead letter with this id, sent again.
    Letter(i64),
}

/// The result of a dead letter that was sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Taken,
    Refused(Arc<str>),
}

#[derive(Debug)]
struct Taken {
    item: Item,
    refused: Option<Arc<str>>,
}

impl InFlight {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn has_letters(&self) -> bool {
        self.letters > 0
    }

    /// How many are lost with the process.
    pub(super) fn unstored(&self) -> u64 {
        self.unstored
    }

    pub(super) fn extend(&mut self, items: Vec<Item>) {
        for item in items {
            self.letters += usize::from(matches!(item, Item::Letter(_)));
            self.unstored += u64::from(item == Item::Unstored);
            self.items.push_back(Taken { item, refused: None });
        }
    }

    /// Records that an alert was refused, if it is a dead letter: then it needs no new one. Alerts are
    /// counted from the first that the lane took.
    pub(super) fn refuse_letter(&mut self, number: u64, reason: &Arc<str>) -> bool {
        let place = number.checked_sub(self.settled).and_then(|place| usize::try_from(place).ok());
        match place.and_then(|place| self.items.get_mut(place)) {
            Some(taken) if matches!(taken.item, Item::Letter(_)) => {
                taken.refused = Some(Arc::clone(reason));
                true
            }
            _ => false,
        }
    }

    /// Removes the first alerts, this many in all. Returns the id of the last stored one of them, and the
    /// results of dead letters.
    pub(super) fn settle(&mut self, settled: u64) -> (Option<i64>, Vec<(i64, Fate)>) {
        let (mut done, mut letters) = (None, Vec::new());
        while self.settled < settled
            && let Some(Taken { item, refused }) = self.items.pop_front()
        {
            self.settled += 1;
            match item {
                Item::Stored(id) => done = Some(id),
                Item::Unstored => self.unstored -= 1,
                Item::Letter(letter) => {
                    self.letters -= 1;
                    letters.push((letter, refused.map_or(Fate::Taken, Fate::Refused)));
                }
            }
        }
        (done, letters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_forgotten_in_their_order() {
        let mut in_flight = InFlight::default();
        in_flight.extend(vec![Item::Stored(7), Item::Unstored, Item::Stored(9)]);
        in_flight.extend(vec![Item::Letter(3), Item::Letter(4)]);
        assert_eq!(in_flight.settle(2), (Some(7), vec![]));
        assert_eq!(in_flight.unstored(), 0);
        let reason = Arc::from("no");
        assert!(!in_flight.refuse_letter(2, &reason), "it is no dead letter yet");
        assert!(in_flight.refuse_letter(4, &reason));
        let letters = vec![(3, Fate::Taken), (4, Fate::Refused(reason))];
        assert_eq!(in_flight.settle(5), (Some(9), letters));
        assert!(in_flight.is_empty() && !in_flight.has_letters());
    }
}
