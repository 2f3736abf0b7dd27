//! Checks the index against the blocks: it has no more alerts of a block than the block has.

use std::collections::HashSet;

use super::indexed_blocks::{BLOCKS, Block, nth};
use crate::store::damage::Damage;
use crate::store::id_hash::IdMap;
use crate::store::segment_index::{KeyKind, Posting};

/// A number for each block of a segment.
type OfBlocks = [u16; BLOCKS];

/// The alerts of blocks, and how many of them the index has.
pub(super) struct BlockSums {
    /// Those of each counted block, by segment; 0 of others.
    stored: IdMap<OfBlocks>,
    /// Those that the index of the last segment has.
    indexed: OfBlocks,
    /// That segment.
    last: Option<i64>,
    wrong: HashSet<i64>,
    indexed_segments: HashSet<i64>,
}

impl Default for BlockSums {
    fn default() -> Self {
        Self {
            stored: IdMap::default(),
            indexed: [0; BLOCKS],
            last: None,
            wrong: HashSet::new(),
            indexed_segments: HashSet::new(),
        }
    }
}

impl BlockSums {
    /// Adds a block that is counted.
    pub(super) fn add_block(&mut self, block: &Block) {
        let blocks = self.stored.entry(block.segment()).or_insert([0; BLOCKS]);
        if let Some(stored) = blocks.get_mut(nth(block.id)) {
            *stored = u16::try_from(block.alerts).unwrap_or(u16::MAX);
        }
    }

    /// Adds what the index of a segment says. Segments come one after the other.
    pub(super) fn add(&mut self, kind: KeyKind, segment: i64, posting: Posting<'_>) {
        if self.last != Some(segment) {
            self.check(kind);
            (self.last, self.indexed) = (Some(segment), [0; BLOCKS]);
            self.indexed_segments.insert(segment);
        }
        for (block, alerts) in posting.counts() {
            let sum = usize::try_from(block).ok().and_then(|block| self.indexed.get_mut(block));
            match sum.zip(u16::try_from(alerts).ok()) {
                Some((sum, alerts)) => *sum = sum.saturating_add(alerts),
                None => drop(self.wrong.insert(segment)),
            }
        }
    }

    /// Notes the last segment if its sums are wrong. Each alert has a signature, but not each has addresses and ports.
    fn check(&mut self, kind: KeyKind) {
        let Some((segment, stored)) = self.last.and_then(|it| Some((it, self.stored.get(&it)?)))
        else {
            return;
        };
        // Blocks that are not counted may have any number.
        let is_right = |(stored, indexed): (&u16, &u16)| match kind {
            _ if *stored == 0 => true,
            KeyKind::Signature => indexed == stored,
            _ => indexed <= stored,
        };
        if !stored.iter().zip(&self.indexed).all(is_right) {
            self.wrong.insert(segment);
        }
    }

    /// The segments whose index can't be believed: it is wrong, or there is none.
    pub(super) fn unusable(mut self, kind: KeyKind, damage: &Damage) -> HashSet<i64> {
        self.check(kind);
        if !self.wrong.is_empty() {
            damage.note();
        }
        if kind == KeyKind::Signature {
            let unindexed =
                self.stored.keys().filter(|segment| !self.indexed_segments.contains(segment));
            self.wrong.extend(unindexed);
        }
        self.wrong
    }
}
