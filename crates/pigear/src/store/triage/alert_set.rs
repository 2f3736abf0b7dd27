//! A set of alerts, as marks have it: 64 bits for each block.

use std::collections::BTreeMap;

use crate::store::layout::{BLOCK, end_of_block};

/// A set of alerts. It takes a few bytes for a block of 64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertSet(BTreeMap<i64, u64>);

impl AlertSet {
    /// Adds an alert. The first id is 1: none has less.
    pub fn insert(&mut self, id: i64) {
        if id < 1 {
            return;
        }
        *self.0.entry(id.div_euclid(BLOCK)).or_default() |= bit(id);
    }

    /// The blocks with any of the alerts, oldest first, and which alerts of each.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (i64, u64)> {
        self.0.iter().map(|(block, bits)| (*block, *bits))
    }

    /// Their ids, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = i64> {
        self.blocks().flat_map(|(block, bits)| ids(block, bits))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<i64> for AlertSet {
    fn from_iter<T: IntoIterator<Item = i64>>(ids: T) -> Self {
        let mut set = Self::default();
        ids.into_iter().for_each(|id| set.insert(id));
        set
    }
}

/// The bit of an alert among those of its block.
pub(super) fn bit(id: i64) -> u64 {
    1 << id.rem_euclid(BLOCK)
}

/// The alerts of a block whose bits are set, oldest first.
pub(super) fn ids(block: i64, bits: u64) -> impl Iterator<Item = i64> {
    (block * BLOCK..=end_of_block(block * BLOCK)).filter(move |id| bits & bit(*id) != 0)
}
