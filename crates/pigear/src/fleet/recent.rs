//! The alerts of late, to recognize one that comes again.

use std::collections::{HashSet, VecDeque};

/// The ids of the last alerts.
pub(super) struct Recent {
    known: HashSet<u128>,
    order: VecDeque<u128>,
    most: usize,
}

impl Recent {
    pub(super) fn new(most: usize) -> Self {
        Self { known: HashSet::new(), order: VecDeque::new(), most }
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
