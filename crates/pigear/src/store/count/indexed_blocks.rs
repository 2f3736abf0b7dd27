//! The blocks for which the index is sufficient.

use std::ops::{Range, RangeInclusive};

use rusqlite::Connection;

use crate::store::id_hash::IdMap;
use crate::store::layout::SEGMENT_BLOCKS;
use crate::store::segment_index::Blocks;

/// The blocks of a segment: as many as a [set](Blocks) of them has bits.
pub(super) const BLOCKS: usize = u64::BITS as usize;

/// The place of a block within its segment.
pub(super) fn nth(block: i64) -> usize {
    usize::try_from(block.rem_euclid(SEGMENT_BLOCKS)).unwrap_or_default()
}

/// Counted blocks, by segment.
#[derive(Default)]
pub(super) struct IndexedBlocks(IdMap<Blocks>);

impl IndexedBlocks {
    pub(super) fn add(&mut self, block: i64) {
        self.0.entry(block / SEGMENT_BLOCKS).or_default().add(block);
    }

    /// The segments from the first with counted blocks to the last; none if there are none.
    pub(super) fn segments(&self) -> RangeInclusive<i64> {
        let ends = self.0.keys().min().zip(self.0.keys().max());
        ends.map_or(RangeInclusive::new(1, 0), |(first, last)| *first..=*last)
    }

    pub(super) fn of_segment(&self, segment: i64) -> Blocks {
        self.0.get(&segment).copied().unwrap_or_default()
    }
}

/// A block, as the index of blocks has it.
pub(super) struct Block {
    pub(super) id: i64,
    /// The times of its first and last alert, in microseconds since 1970.
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) alerts: u64,
}

impl Block {
    pub(super) fn segment(&self) -> i64 {
        self.id.div_euclid(SEGMENT_BLOCKS)
    }

    /// Differs, most likely, from that of another block.
    pub(super) fn digest(&self) -> u32 {
        let Self { id, first, last, alerts } = self;
        let numbers = [*id, *first, *last, alerts.cast_signed()];
        crc32fast::hash(numbers.map(i64::to_le_bytes).as_flattened())
    }
}

/// Visits the blocks of a range that lie completely within the wanted time.
pub(super) fn each_block(
    connection: &Connection,
    span: Range<i64>,
    blocks: Range<i64>,
    mut visit: impl FnMut(Block),
) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached(
        "SELECT id, first, last, n FROM block \
        WHERE id >= ?1 AND id < ?2 AND first >= ?3 AND last < ?4",
    )?;
    let mut rows = select.query([blocks.start, blocks.end, span.start, span.end])?;
    while let Some(row) = rows.next()? {
        let [id, first, last] = [row.get(0)?, row.get(1)?, row.get(2)?];
        visit(Block { id, first, last, alerts: row.get(3)? });
    }
    Ok(())
}
