//! The alerts of late, to recognize one that comes again.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use pigear_alert::Alert;

use super::message_id;

/// The ids of the last alerts.
pub(super) struct Recent {
    /// With a secret key, so that an alert can't be made that has the id of another.
    hash: RandomState,
    known: HashSet<u128, BuildHasherDefault<FirstBytes>>,
    order: VecDeque<u128>,
    most: usize,
}

impl Recent {
    pub(super) fn new(most: usize) -> Self {
        // It doesn't move while it grows; memory that isn't used yet costs nothing.
        let known = HashSet::with_capacity_and_hasher(most + 1, BuildHasherDefault::default());
        let order = VecDeque::with_capacity(most + 1);
        Self { hash: RandomState::new(), known, order, most }
    }

    /// The id of an alert, in this process only, so it needs no digest. It is made of what the id of its message is made
    /// of.
    pub(super) fn id(&self, alert: &Alert) -> u128 {
        let parts = message_id::parts(alert);
        let half = |which: u8| u128::from(self.hash.hash_one((which, &*parts)));
        half(0) << u64::BITS | half(1)
    }

    pub(super) fn has(&self, id: u128) -> bool {
        self.known.contains(&id)
    }

    /// Adds an id, and forgets the oldest if there are too many.
    pub(super) fn add(&mut self, id: u128) {
        if self.known.insert(id) {
            self.order.push_back(id);
        }
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

/// Ids are hashes already: there is nothing left to mix.
#[derive(Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
    }

    fn write_u128(&mut self, id: u128) {
        self.write(&id.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pigear_alert::AlertMessage;
    use pigear_alert::wire::{Decoded, Dialect};

    use super::*;

    #[test]
    fn an_alert_has_one_id_and_another_has_another() {
        let decoded = Decoded::new(AlertMessage::default(), Dialect::Snort29);
        let one = Alert::new(decoded, Arc::default(), Arc::default());
        let mut other = one.clone();
        let recent = Recent::new(2);
        assert_eq!(recent.id(&one), recent.id(&other));
        other.message.event_id = 1;
        assert_ne!(recent.id(&one), recent.id(&other));
        // Elsewhere it is another: it can't be guessed.
        assert_ne!(recent.id(&one), Recent::new(2).id(&one));
    }

    #[test]
    fn only_the_last_ids_are_known() {
        let mut recent = Recent::new(2);
        for id in [1, 2, 2, 3] {
            recent.add(id);
        }
        assert_eq!([1, 2, 3].map(|id| recent.has(id)), [false, true, true]);
    }
}
