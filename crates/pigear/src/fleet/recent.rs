//! The alerts of late, to recognize one that comes again.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

/// The ids of the last alerts.
pub(super) struct Recent {
    known: HashSet<u128, BuildHasherDefault<FirstBytes>>,
    order: VecDeque<u128>,
    most: usize,
}

impl Recent {
    pub(super) fn new(most: usize) -> Self {
        // It doesn't move while it grows; memory that isn't used yet costs nothing.
        let known = HashSet::with_capacity_and_hasher(most + 1, BuildHasherDefault::default());
        Self { known, order: VecDeque::with_capacity(most + 1), most }
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

/// Ids are the beginnings of digests: there is nothing left to mix.
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
    use super::*;

    #[test]
    fn only_the_last_ids_are_known() {
        let mut recent = Recent::new(2);
        for id in [1, 2, 2, 3] {
            recent.add(id);
        }
        assert_eq!([1, 2, 3].map(|id| recent.has(id)), [false, true, true]);
    }
}
