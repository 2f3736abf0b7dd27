//! Indexes what an older version of Pigear did not index, in the background, one segment in a step.
//!
//! It knew no ports and lengths: these are indexed for the newest segment first, and until then every search reads such
//! segments. And where numbers went on in another file, because the store had been moved away, that file's current
//! segment got no index at all: searches for what the index has don't find its alerts until it has one.

use rusqlite::Connection;
use tracing::info;

use super::error::StoreProblem;
use super::interned::InternedRows;
use super::layout::{BLOCK, SEGMENT, SEGMENT_BLOCKS, end_of_block};
use super::meta;
use super::reader::Further;
use super::row::StoredRow;
use super::row_range::rows;
use super::segment_index::{self, SegmentIndex};
use super::writer::Writer;

impl Writer {
    /// Indexes one segment, if there is one that isn't, and tells whether there may be more.
    pub(super) fn backfill(&mut self) -> Result<Further, StoreProblem> {
        match self.backfill_whole()? {
            Further::On => Ok(Further::On),
            Further::Enough => self.backfill_numbers(),
        }
    }

    fn backfill_whole(&mut self) -> Result<Further, StoreProblem> {
        if self.is_indexed {
            return Ok(Further::Enough);
        }
        let complete = self.oldest() / SEGMENT_BLOCKS..self.last() / SEGMENT;
        let Some(segment) = segment_index::first_without(&self.connection, complete)? else {
            self.is_indexed = true;
            return Ok(Further::Enough);
        };
        let change = self.change()?;
        if let Err(problem) = segment_index::write_complete(segment, &change) {
            drop(change);
            // Once is enough: reading it again would fail again.
            self.is_indexed = matches!(problem, StoreProblem::Damaged(_));
            return Err(problem);
        }
        change.commit()?;
        info!("{}: alerts that searches did not find are indexed", self.path().display());
        Ok(Further::On)
    }

    fn backfill_numbers(&mut self) -> Result<Further, StoreProblem> {
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
