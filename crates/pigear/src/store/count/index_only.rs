//! Counts from the index only, without reading blocks.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use rusqlite::Connection;

use super::aggregation::{Aggregation, Key};
use crate::store::criteria::Criteria;
use crate::store::error::StoreProblem;
use crate::store::layout::SEGMENT_BLOCKS;
use crate::store::reader::Reader;
use crate::store::record::microseconds;
use crate::store::row;
use crate::store::search::Search;
use crate::store::segment_index::{self, Blocks, KeyKind};

impl Reader {
    /// Counts the blocks for which the index is sufficient, and returns these.
    pub(super) fn count_indexed(
        &mut self,
        search: &Search<'_>,
        criteria: &Criteria,
        aggregation: &mut Aggregation,
    ) -> Result<IndexedBlocks, StoreProblem> {
        let by_signature = aggregation.by.kind() == Some(KeyKind::Signature);
        if criteria.looks_inside() || (criteria.names_signatures() && !by_signature) {
            return Ok(IndexedBlocks::default());
        }
        match aggregation.by.kind() {
            _ if aggregation.by.is_time() => self.count_times(search, criteria, aggregation),
            Some(kind) => self.count_notes(search, criteria, kind, aggregation),
            None => Ok(IndexedBlocks::default()),
        }
    }

    /// Counts the blocks that lie within one unit of time, and within the wanted time.
    fn count_times(
        &self,
        search: &Search<'_>,
        criteria: &Criteria,
        aggregation: &mut Aggregation,
    ) -> Result<IndexedBlocks, StoreProblem> {
        let mut indexed = IndexedBlocks::default();
        each_block(&self.connection, criteria, search.first_whole()..i64::MAX, |block| {
            let last = aggregation.time(block.last);
            if let Some(time) = aggregation.time(block.first)
                && last.as_ref() == Some(&time)
            {
                indexed.add(block.id);
                aggregation.add(time, block.alerts);
            }
        })?;
        Ok(indexed)
    }

    /// Adds up the index of the blocks that lie within the wanted time.
    fn count_notes(
        &mut self,
        search: &Search<'_>,
        criteria: &Criteria,
        kind: KeyKind,
        aggregation: &mut Aggregation,
    ) -> Result<IndexedBlocks, StoreProblem> {
        let Self { connection, interned, .. } = self;
        // One transaction, so that alerts that are removed meanwhile stay visible.
        let looking = connection.unchecked_transaction()?;
        let open = search.open_segment() * SEGMENT_BLOCKS;
        let mut damaged = HashSet::new();
        let (indexed, mut unknown, counts) = loop {
            let (mut indexed, mut unknown) = (IndexedBlocks::default(), 0_u64);
            each_block(&looking, criteria, search.first_whole()..open, |block| {
                if !damaged.contains(&(block.id / SEGMENT_BLOCKS)) {
                    indexed.add(block.id);
                    unknown += block.alerts;
                }
            })?;
            let mut counts = HashMap::<segment_index::Key, u64>::new();
            let found = segment_index::each(
                &looking,
                kind,
                *search.segments().start(),
                |segment, posting| {
                    let alerts = posting.alerts(indexed.of_segment(segment));
                    *counts.entry(posting.key).or_default() += alerts;
                    unknown = unknown.saturating_sub(alerts);
                },
            )?;
            if found.is_subset(&damaged) {
                break (indexed, unknown, counts);
            }
            // Again, without those: their blocks are read.
            damaged.extend(found);
        };
        for (key, alerts) in counts {
            if let Some(ip) = key.as_ip() {
                aggregation.add(Key::Address(ip), alerts);
            } else if let Some(id) = key.as_signature().filter(|id| search.may_be(*id)) {
                match row::known_signature(interned, id, &looking)? {
                    Some(signature) => aggregation.add_signature(&signature, alerts),
                    None => unknown += alerts,
                }
            }
        }
        looking.finish()?;
        aggregation.add(Key::Unknown, unknown);
        Ok(indexed)
    }
}

/// Counted blocks, by segment.
#[derive(Default)]
pub(super) struct IndexedBlocks(HashMap<i64, Blocks>);

impl IndexedBlocks {
    pub(super) fn add(&mut self, block: i64) {
        self.0.entry(block / SEGMENT_BLOCKS).or_default().add(block);
    }

    fn of_segment(&self, segment: i64) -> Blocks {
        self.0.get(&segment).copied().unwrap_or_default()
    }

    pub(super) fn has(&self, block: i64) -> bool {
        self.of_segment(block / SEGMENT_BLOCKS).has(block)
    }
}

pub(super) struct Block {
    pub(super) id: i64,
    pub(super) first: i64,
    pub(super) last: i64,
    alerts: u64,
}

/// Visits the blocks of a range that lie completely within the wanted time.
pub(super) fn each_block(
    connection: &Connection,
    criteria: &Criteria,
    blocks: Range<i64>,
    mut visit: impl FnMut(Block),
) -> rusqlite::Result<()> {
    let since = criteria.since.map_or(i64::MIN, microseconds);
    let until = criteria.until.map_or(i64::MAX, microseconds);
    let mut select = connection.prepare_cached(
        "SELECT id, first, last, n FROM block \
        WHERE id >= ?1 AND id < ?2 AND first >= ?3 AND last < ?4",
    )?;
    let mut rows = select.query([blocks.start, blocks.end, since, until])?;
    while let Some(row) = rows.next()? {
        let [id, first, last] = [row.get(0)?, row.get(1)?, row.get(2)?];
        visit(Block { id, first, last, alerts: row.get(3)? });
    }
    Ok(())
}
