//! How many alerts of each priority the blocks of complete segments have, in memory.
//!
//! A complete segment never changes, and adding up its index takes a hundred times as long as adding up this. An entry
//! is of one store, and each of its blocks has a digest of its row, so that another store, or a copy of this one that
//! went on in another way, is not taken for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::indexed_blocks::{BLOCKS, Block, each_block, nth};
use crate::store::error::StoreProblem;
use crate::store::identity::StoreIdentity;
use crate::store::layout::SEGMENT_BLOCKS;
use crate::store::segment_index::{self, IndexReader, KeyKind};

/// The most segments that are remembered: 67 million alerts, of which each 4,096 take half a kilobyte.
const MOST_SEGMENTS: usize = 16_384;

/// A segment with more priorities is not remembered: who sends alerts chooses them.
const MOST_PRIORITIES: usize = 8;

/// What is remembered of the segments of a store: several readers may share it.
#[derive(Debug, Default)]
pub(crate) struct PriorityCounts(Mutex<BTreeMap<(i64, StoreIdentity), Arc<OfSegment>>>);

/// The alerts of a complete segment.
#[derive(Debug)]
pub(super) struct OfSegment {
    /// The digest of the row of each block; `None` if there was no such block.
    blocks: [Option<u32>; BLOCKS],
    /// The numbers of alerts of each priority, by block.
    priorities: BTreeMap<u32, [u8; BLOCKS]>,
}

impl PriorityCounts {
    /// The counts of a complete segment, which has all of these blocks. They are read if they aren't known. `None` if
    /// there is no index, or it isn't right.
    pub(super) fn of_segment(
        &self,
        (segment, store): (i64, StoreIdentity),
        blocks: &[Block],
        index: IndexReader<'_>,
        priority: &mut dyn FnMut(i64) -> Result<Option<u32>, StoreProblem>,
    ) -> Result<Option<Arc<OfSegment>>, StoreProblem> {
        let known = self.locked().get(&(segment, store)).cloned();
        if let Some(known) = known.filter(|known| blocks.iter().all(|block| known.has(block))) {
            return Ok(Some(known));
        }
        let Some(read) = OfSegment::read(segment, index, priority)? else { return Ok(None) };
        let read = Arc::new(read);
        if read.priorities.len() > MOST_PRIORITIES {
            return Ok(Some(read));
        }
        let mut all = self.locked();
        all.insert((segment, store), Arc::clone(&read));
        if all.len() > MOST_SEGMENTS {
            // The oldest are removed from the store first.
            all.pop_first();
        }
        Ok(Some(read))
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<(i64, StoreIdentity), Arc<OfSegment>>> {
        // A panic of another thread leaves the map whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OfSegment {
    /// Adds up the index. `priority` is that of a signature; `None` if it can't be known.
    fn read(
        segment: i64,
        index: IndexReader<'_>,
        priority: &mut dyn FnMut(i64) -> Result<Option<u32>, StoreProblem>,
    ) -> Result<Option<Self>, StoreProblem> {
        let mut counts = Self { blocks: [None; BLOCKS], priorities: BTreeMap::new() };
        let mut stored = [0; BLOCKS];
        let first = segment * SEGMENT_BLOCKS;
        each_block(index.connection, i64::MIN..i64::MAX, first..first + SEGMENT_BLOCKS, |block| {
            let nth = nth(block.id);
            if let Some((digest, alerts)) = counts.blocks.get_mut(nth).zip(stored.get_mut(nth)) {
                (*digest, *alerts) = (Some(block.digest()), block.alerts);
            }
        })?;
        let (mut result, mut indexed, mut is_indexed) = (Ok(()), [0_u64; BLOCKS], false);
        let kind = KeyKind::Signature;
        let damaged = segment_index::each(index, kind, &(segment..=segment), |_, posting| {
            is_indexed = true;
            let Some(id) = posting.key.as_signature().filter(|_| result.is_ok()) else { return };
            match priority(id) {
                Ok(Some(priority)) => {
                    let of_priority = counts.priorities.entry(priority).or_insert([0; BLOCKS]);
                    for (block, alerts) in posting.counts() {
                        let block = nth(block);
                        if let Some((sum, all)) =
                            of_priority.get_mut(block).zip(indexed.get_mut(block))
                        {
                            *sum = sum.saturating_add(u8::try_from(alerts).unwrap_or(u8::MAX));
                            *all += alerts;
                        }
                    }
                }
                // That of a block that was removed may be removed, too.
                Ok(None) => {}
                Err(problem) => result = Err(problem),
            }
        })?;
        // Alerts of blocks that were removed are in the index still.
        let is_right = |nth: usize| {
            counts.blocks.get(nth).is_none_or(Option::is_none)
                || stored.get(nth) == indexed.get(nth)
        };
        result?;
        let is_right = damaged.is_empty() && (0..BLOCKS).all(is_right);
        if is_indexed && !is_right {
            index.damage.note();
        }
        Ok(is_right.then_some(counts))
    }

    /// Whether a block is one of those that were counted, and as it was then.
    fn has(&self, block: &Block) -> bool {
        self.blocks.get(nth(block.id)) == Some(&Some(block.digest()))
    }

    /// The priorities of a block's alerts, each with how many have it.
    pub(super) fn of_block(&self, block: i64) -> impl Iterator<Item = (u32, u64)> {
        let of = move |(priority, alerts): (&u32, &[u8; BLOCKS])| {
            (*priority, alerts.get(nth(block)).copied().unwrap_or_default().into())
        };
        self.priorities.iter().map(of).filter(|(_, alerts)| *alerts > 0)
    }
}
