//! How far each partition was read.
//!
//! An alert's place is saved in the store once the alert is settled, so after a crash alerts come again that are
//! stored. No alert is taken that is [`WINDOW`] or more behind the place that was saved; so those behind the saved
//! place that can be stored are less than this far behind it, and only these are looked for. They are stored in order,
//! so once [`SURE`] in a row aren't, the others aren't either.

use std::collections::{BTreeMap, VecDeque};

/// How far behind the saved place alerts are taken, in messages.
pub(super) const WINDOW: i64 = 32_768;

/// After how many alerts in a row that are not stored none of the next ones is.
const SURE: u32 = 1_000;

/// How far each partition was read.
#[derive(Default)]
pub(super) struct Places {
    places: BTreeMap<i32, Place>,
    /// What was taken and isn't settled, in order.
    taken: VecDeque<Taken>,
}

#[derive(Debug)]
struct Place {
    /// The next message to take.
    next: i64,
    /// The next message that isn't settled.
    settled: i64,
    /// The same, as it was saved.
    saved: i64,
    /// Messages before this one may have been taken in an earlier run.
    unsure_until: i64,
    /// What an earlier run took is stored in order, from the place on where this one began.
    is_in_order: bool,
    /// How many of the last alerts were looked for and not found.
    new: u32,
}

struct Taken {
    /// It is settled once this many alerts are.
    alerts: u64,
    partition: i32,
    next: i64,
}

impl Places {
    /// The next message of a partition, if its reading has begun.
    pub(super) fn next(&self, partition: i32) -> Option<i64> {
        self.places.get(&partition).map(|place| place.next)
    }

    /// Begins a partition with this message. Those before `known_until`, and those that an earlier run could have
    /// taken, may be stored already.
    pub(super) fn begin(&mut self, partition: i32, next: i64, known_until: i64) {
        let unsure_until = known_until.max(next.saturating_add(WINDOW));
        let is_in_order = known_until <= next;
        let place = Place { next, settled: next, saved: next, unsure_until, is_in_order, new: 0 };
        self.places.insert(partition, place);
        self.taken.retain(|taken| taken.partition != partition);
    }

    /// Whether a message may have been taken in an earlier run.
    pub(super) fn is_unsure(&self, partition: i32, offset: i64) -> bool {
        self.places.get(&partition).is_some_and(|place| offset < place.unsure_until)
    }

    /// Notes whether an alert that was looked for was stored.
    pub(super) fn looked(&mut self, partition: i32, is_stored: bool) {
        if let Some(place) = self.places.get_mut(&partition) {
            place.new = if is_stored { 0 } else { place.new.saturating_add(1) };
            if place.new >= SURE && place.is_in_order {
                place.unsure_until = place.next;
            }
        }
    }

    /// Whether a message is too far behind the saved place to be taken.
    pub(super) fn is_far(&self, partition: i32, offset: i64) -> bool {
        self.places.get(&partition).is_some_and(|place| offset - place.saved >= WINDOW)
    }

    /// Notes that a message was taken, which is settled once this many alerts are.
    pub(super) fn take(&mut self, partition: i32, offset: i64, alerts: u64) {
        if let Some(place) = self.places.get_mut(&partition) {
            place.next = offset + 1;
            self.taken.push_back(Taken { alerts, partition, next: place.next });
        }
    }

    /// Notes that this many alerts are settled.
    pub(super) fn settle(&mut self, alerts: u64) {
        let ready = self.taken.iter().take_while(|taken| taken.alerts <= alerts).count();
        for Taken { partition, next, .. } in self.taken.drain(..ready) {
            if let Some(place) = self.places.get_mut(&partition) {
                place.settled = next;
            }
        }
    }

    /// There is no message before this one, because it was removed: what is settled reaches up to it, if nothing
    /// waits.
    pub(super) fn skip_to(&mut self, partition: i32, offset: i64) {
        let waits = self.taken.iter().any(|taken| taken.partition == partition);
        if let Some(place) = self.places.get_mut(&partition).filter(|_| !waits) {
            place.settled = offset;
        }
    }

    /// Whether all that was taken is settled.
    pub(super) fn is_settled(&self) -> bool {
        self.taken.is_empty()
    }

    /// The places that differ from those that were saved.
    pub(super) fn unsaved(&self) -> Vec<(i32, i64)> {
        let changed = self.places.iter().filter(|(_, place)| place.settled != place.saved);
        changed.map(|(partition, place)| (*partition, place.settled)).collect()
    }

    /// How many messages are settled and not saved, of the partition that has the most.
    pub(super) fn most_unsaved(&self) -> i64 {
        self.places.values().map(|place| place.settled - place.saved).max().unwrap_or_default()
    }

    /// Notes that these places were saved.
    pub(super) fn saved(&mut self, places: &[(i32, i64)]) {
        for (partition, next) in places {
            if let Some(place) = self.places.get_mut(partition) {
                place.saved = *next;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_that_of_the_oldest_alert_that_is_not_settled() {
        let mut places = Places::default();
        places.begin(0, 100, 0);
        places.begin(1, 5, 0);
        places.take(0, 100, 1);
        places.take(1, 5, 2);
        places.take(0, 101, 3);
        places.settle(2);
        assert_eq!(places.unsaved(), [(0, 101), (1, 6)]);
        places.saved(&[(0, 101), (1, 6)]);
        assert_eq!((places.unsaved(), places.next(0)), (vec![], Some(102)));
        places.settle(3);
        assert_eq!(places.unsaved(), [(0, 102)]);
        assert!(places.is_settled());
    }

    #[test]
    fn what_a_run_can_take_without_saving_is_what_the_next_one_looks_for() {
        let mut places = Places::default();
        places.begin(0, 10, 0);
        for offset in [10, 9 + WINDOW, 10 + WINDOW] {
            // Nothing else may have been taken: it needs no look into the store.
            assert_eq!(places.is_far(0, offset), !places.is_unsure(0, offset), "{offset}");
        }
        // The saved place moves on, so that more can be taken.
        places.take(0, 10, 1);
        places.skip_to(0, 500);
        assert!(places.unsaved().is_empty());
        places.settle(1);
        places.skip_to(0, 10 + WINDOW);
        let unsaved = places.unsaved();
        assert_eq!(unsaved, [(0, 10 + WINDOW)]);
        places.saved(&unsaved);
        assert!(!places.is_far(0, 10 + WINDOW));
        // What isn't stored from the beginning on isn't stored at all.
        let last = 9 + 2 * WINDOW;
        places.begin(0, 10 + WINDOW, 0);
        (1..SURE).for_each(|_| places.looked(0, false));
        assert!(places.is_unsure(0, last));
        places.looked(0, true);
        (1..SURE).for_each(|_| places.looked(0, false));
        assert!(places.is_unsure(0, last));
        places.looked(0, false);
        assert!(!places.is_unsure(0, last));
        // A partition that is begun anew is looked through up to where it was read.
        places.begin(0, 0, 10 * WINDOW);
        (0..2 * SURE).for_each(|_| places.looked(0, false));
        assert!(places.is_unsure(0, 10 * WINDOW - 1) && !places.is_unsure(0, 10 * WINDOW));
    }
}
