//! A set of blocks of a segment.

use std::ops::{BitAndAssign, BitOrAssign};

use crate::store::layout::SEGMENT_BLOCKS;

/// A set of blocks of a segment, counted from its first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Blocks(u64);

impl Blocks {
    pub(in crate::store) const ALL: Self = Self(u64::MAX);

    /// Adds a block, of any segment.
    pub(in crate::store) fn add(&mut self, block: i64) {
        self.0 |= 1 << block.rem_euclid(SEGMENT_BLOCKS);
    }

    /// Whether a block, of any segment, is in the set.
    pub(in crate::store) fn has(self, block: i64) -> bool {
        self.0 >> block.rem_euclid(SEGMENT_BLOCKS) & 1 == 1
    }

    /// Those that are not in another set.
    pub(in crate::store) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// How many there are.
    pub(in crate::store) fn len(self) -> u32 {
        self.0.count_ones()
    }

    pub(in crate::store) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The blocks, as those of this segment, newest first.
    pub(in crate::store) fn newest_first(self, segment: i64) -> impl Iterator<Item = i64> {
        let first = segment * SEGMENT_BLOCKS;
        (first..first + SEGMENT_BLOCKS).rev().filter(move |block| self.has(*block))
    }
}

impl BitAndAssign for Blocks {
    fn bitand_assign(&mut self, other: Self) {
        self.0 &= other.0;
    }
}

impl BitOrAssign for Blocks {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_those_of_any_segment() {
        let mut blocks = Blocks::default();
        for block in [0, 64 + 3, 128 + 63] {
            blocks.add(block);
        }
        assert_eq!(blocks.len(), 3);
        assert!(blocks.has(3) && blocks.has(64 + 63) && !blocks.has(1));
        assert_eq!(blocks.newest_first(2).collect::<Vec<_>>(), [191, 131, 128]);
        let mut other = Blocks::ALL;
        assert_eq!(other.newest_first(0).count(), 64);
        other &= blocks;
        assert_eq!(other, blocks);
        other = Blocks::default();
        other |= blocks;
        assert_eq!(other, blocks);
        assert_eq!(Blocks::ALL.without(blocks).newest_first(0).count(), 61);
        assert!(blocks.without(other).is_empty() && !blocks.is_empty());
    }
}
