//! Indexes what an older version of Pigear did not index: the ports and lengths of segments that were complete then.
//!
//! It is done in the background, the newest segment first, one in a step. What isn't indexed yet is read by every
//! search.

use rusqlite::Connection;
use tracing::info;

use super::error::StoreProblem;
use super::interned::InternedRows;
use super::layout::{BLOCK, SEGMENT, SEGMENT_BLOCKS, end_of_block};
use super::meta;
use super::reader::Further;
use super::row::StoredRow;
use super::row_range::rows;
use super::segment_index::SegmentIndex;
use super::writer::Writer;

impl Writer {
    /// Indexes the numbers of one segment, if there is one without, and tells whether there may be more.
    pub(super) fn backfill(&mut self) -> Result<Further, StoreProblem> {
        let without = meta::number(&self.connection, meta::WITHOUT_NUMBERS)?.unwrap_or_default();
        if without <= 0 {
            return Ok(Further::Enough);
        }
        let segment = without - 1;
        let is_stored = segment >= self.oldest() / SEGMENT_BLOCKS;
        let index = if is_stored { Some(numbers(&self.connection, segment)?) } else { None };
        let rest = if is_stored { segment } else { 0 };
        let change = self.change()?;
        if let Some(index) = index {
            index.write(segment, &change)?;
        }
        meta::set_number(&change, meta::WITHOUT_NUMBERS, rest)?;
        change.commit()?;
        if rest > 0 {
            return Ok(Further::On);
        }
        info!("{}: ports and lengths of all alerts are indexed", self.path().display());
        Ok(Further::Enough)
    }
}

/// The index with the numbers of a segment. An alert that can't be decoded can't be found by them.
fn numbers(connection: &Connection, segment: i64) -> Result<SegmentIndex, StoreProblem> {
    let (mut index, mut interned) = (SegmentIndex::default(), InternedRows::default());
    let first = segment * SEGMENT;
    for block in (first..first + SEGMENT).step_by(usize::try_from(BLOCK).unwrap_or(1)) {
        for row in rows(connection, &mut interned, (block, end_of_block(block)), &|_| true)? {
            if let StoredRow::Alert(stored) = row {
                index.add_numbers(stored.id, &stored.alert);
            }
        }
    }
    Ok(index)
}
