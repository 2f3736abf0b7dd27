//! Counts of units of time from the index only, by groups of signatures.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use super::block_sums::BlockSums;
use super::indexed_blocks::{BLOCKS, IndexedBlocks, each_block, nth};
use crate::store::error::StoreProblem;
use crate::store::id_hash::IdMap;
use crate::store::layout::SEGMENT_BLOCKS;
use crate::store::search::Search;
use crate::store::segment_index::{self, IndexReader, KeyKind, Posting};

/// The groups that have a place for each unit. More are rare, and would need much memory: who sends alerts chooses
/// priorities.
const DENSE: usize = 8;

/// The unit of each block of a segment.
type BlockUnits = [u32; BLOCKS];

/// The unit of blocks that are not counted.
const NO_UNIT: usize = 0;

/// The number of alerts of each unit of time and group of signatures.
#[derive(Default)]
pub(super) struct UnitCounts {
    /// The blocks that were counted.
    pub(super) indexed: IndexedBlocks,
    /// The begin of each unit. The first is [`NO_UNIT`], which has none.
    begins: Vec<i64>,
    /// The units of the counted blocks, by segment.
    blocks: IdMap<BlockUnits>,
    /// The counts of the first groups, by unit.
    dense: [Vec<u64>; DENSE],
    /// The counts of other groups.
    sparse: HashMap<(usize, usize), u64>,
}

impl UnitCounts {
    /// The begins of units, the groups, and how many alerts they have: those that have any.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, usize, u64)> {
        let dense = self.dense.iter().enumerate().flat_map(|(group, counts)| {
            counts.iter().enumerate().map(move |(unit, alerts)| (unit, group, *alerts))
        });
        let sparse = self.sparse.iter().map(|((unit, group), alerts)| (*unit, *group, *alerts));
        let all = dense.chain(sparse).filter(|(unit, _, alerts)| *unit != NO_UNIT && *alerts > 0);
        all.filter_map(|(unit, group, alerts)| Some((*self.begins.get(unit)?, group, alerts)))
    }

    /// The blocks of a search that lie within one unit, and within the wanted time, except those of some segments; and
    /// what their index is checked against.
    fn of_blocks(
        looking: &Connection,
        search: &Search<'_>,
        begin: impl Fn(i64) -> i64,
        damaged: &HashSet<i64>,
    ) -> rusqlite::Result<(Self, BlockSums)> {
        let open = search.open_segment() * SEGMENT_BLOCKS;
        let (mut counts, mut sums) = (Self::default(), BlockSums::default());
        let mut units = IdMap::default();
        counts.begins.push(i64::MIN);
        each_block(looking, search.span(), search.first_whole()..open, |block| {
            let (first, segment) = (begin(block.first), block.segment());
            if first != begin(block.last) || damaged.contains(&segment) {
                return;
            }
            let unit = *units.entry(first).or_insert_with(|| {
                counts.begins.push(first);
                u32::try_from(counts.begins.len() - 1).unwrap_or_default()
            });
            counts.indexed.add(block.id);
            sums.add_block(&block);
            let blocks = counts.blocks.entry(segment).or_insert([0; BLOCKS]);
            if let Some(of_block) = blocks.get_mut(nth(block.id)) {
                *of_block = unit;
            }
        })?;
        Ok((counts, sums))
    }

    /// Adds the alerts of a signature in the counted blocks of a segment.
    fn add(&mut self, segment: i64, group: usize, posting: Posting<'_>) {
        let Some(blocks) = self.blocks.get(&segment) else { return };
        let counts = posting.counts().map(|(block, alerts)| {
            (blocks.get(nth(block)).map_or(NO_UNIT, |unit| *unit as usize), alerts)
        });
        if let Some(dense) = self.dense.get_mut(group) {
            dense.resize(self.begins.len(), 0);
            for (unit, alerts) in counts {
                if let Some(count) = dense.get_mut(unit) {
                    *count += alerts;
                }
            }
        } else {
            for (unit, alerts) in counts {
                *self.sparse.entry((unit, group)).or_default() += alerts;
            }
        }
    }
}

/// Counts the alerts of wanted signatures in the blocks that lie within one unit of time, and within the wanted
/// time, by their index. The units are given by the begin of that of a time, the groups by the id of a signature.
pub(super) fn by_unit(
    looking: &Connection,
    search: &Search<'_>,
    begin: impl Fn(i64) -> i64,
    mut group: impl FnMut(i64) -> Result<usize, StoreProblem>,
) -> Result<UnitCounts, StoreProblem> {
    let mut groups = IdMap::<Option<usize>>::default();
    let index = IndexReader { connection: looking, damage: &search.damage };
    let mut damaged = HashSet::new();
    loop {
        let (mut counts, mut sums) = UnitCounts::of_blocks(looking, search, &begin, &damaged)?;
        let (segments, mut problem) = (counts.indexed.segments(), None);
        let kind = KeyKind::Signature;
        let mut found = segment_index::each(index, kind, &segments, |segment, posting| {
            sums.add(kind, segment, posting);
            let Some(id) = posting.key.as_signature() else { return };
            let group = *groups.entry(id).or_insert_with(|| {
                let group = search.may_be(id).then(|| group(id)).transpose();
                group.unwrap_or_else(|error| {
                    problem = Some(error);
                    None
                })
            });
            if let Some(group) = group {
                counts.add(segment, group, posting);
            }
        })?;
        found.extend(sums.unusable(kind, &search.damage));
        match problem {
            Some(problem) => return Err(problem),
            None if found.is_subset(&damaged) => return Ok(counts),
            // Again, without those: their blocks are read.
            None => damaged.extend(found),
        }
    }
}
