//! Counts from the index only, without reading blocks.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use rusqlite::Connection;

use super::aggregation::{Aggregation, Key};
use crate::store::error::StoreProblem;
use crate::store::id_hash::IdMap;
use crate::store::layout::SEGMENT_BLOCKS;
use crate::store::reader::Reader;
use crate::store::row;
use crate::store::search::Search;
use crate::store::segment_index::{self, Blocks, KeyKind};

impl Reader {
    /// Counts the blocks for which the index is sufficient, and returns these.
    pub(super) fn count_indexed(
        &mut self,
        search: &Search<'_>,
        aggregation: &mut Aggregation,
    ) -> Result<IndexedBlocks, StoreProblem> {
        let names_signatures = search.names_signatures();
        match aggregation.by.kind() {
            _ if !search.is_decided() => Ok(IndexedBlocks::default()),
            _ if aggregation.by.is_time() && names_signatures => {
                self.count_times_of_signatures(search, aggregation)
            }
            _ if aggregation.by.is_time() => self.count_times(search, aggregation),
            Some(kind) if kind == KeyKind::Signature || !names_signatures => {
                self.count_notes(search, kind, aggregation)
            }
            _ => Ok(IndexedBlocks::default()),
        }
    }

    /// Counts the alerts of wanted signatures in the blocks that lie within one unit of time, and within the
    /// wanted time.
    fn count_times_of_signatures(
        &mut self,
        search: &Search<'_>,
        aggregation: &mut Aggregation,
    ) -> Result<IndexedBlocks, StoreProblem> {
        let unit = |time| match aggregation.time(time) {
            Some(Key::Time(begin)) => begin,
            _ => time,
        };
        let looking = self.connection.unchecked_transaction()?;
        let (indexed, counts) = by_signature(&looking, search, unit)?;
        looking.finish()?;
        for ((begin, _), alerts) in counts {
            aggregation.add(Key::Time(begin), alerts);
        }
        Ok(indexed)
    }

    /// Counts the blocks that lie within one unit of time, and within the wanted time.
    fn count_times(
        &self,
        search: &Search<'_>,
        aggregation: &mut Aggregation,
    ) -> Result<IndexedBlocks, StoreProblem> {
        let mut indexed = IndexedBlocks::default();
        each_block(&self.connection, search.span(), search.first_whole()..i64::MAX, |block| {
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
            each_block(&looking, search.span(), search.first_whole()..open, |block| {
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

struct Block {
    id: i64,
    first: i64,
    last: i64,
    alerts: u64,
}

/// The number of alerts, by the begin of the unit of time and the signature's id.
pub(super) type SignatureCounts = HashMap<(i64, i64), u64>;

/// Counts the alerts of wanted signatures in the blocks that lie within one unit of time, and within the wanted
/// time, by their index. The units are given by the begin of that of a time.
pub(super) fn by_signature(
    looking: &Connection,
    search: &Search<'_>,
    begin: impl Fn(i64) -> i64,
) -> Result<(IndexedBlocks, SignatureCounts), StoreProblem> {
    let open = search.open_segment() * SEGMENT_BLOCKS;
    let mut damaged = HashSet::new();
    loop {
        let (mut indexed, mut begins) = (IndexedBlocks::default(), IdMap::default());
        each_block(looking, search.span(), search.first_whole()..open, |block| {
            let first = begin(block.first);
            let is_sound = !damaged.contains(&(block.id / SEGMENT_BLOCKS));
            if is_sound && first == begin(block.last) {
                indexed.add(block.id);
                begins.insert(block.id, first);
            }
        })?;
        let mut counts = SignatureCounts::new();
        let (kind, oldest) = (KeyKind::Signature, *search.segments().start());
        let found = segment_index::each(looking, kind, oldest, |segment, posting| {
            let Some(id) = posting.key.as_signature().filter(|id| search.may_be(*id)) else {
                return;
            };
            let blocks = posting.counts().map(|(block, n)| (segment * SEGMENT_BLOCKS + block, n));
            let begins = blocks.filter_map(|(block, n)| Some((*begins.get(&block)?, n)));
            add_up(begins, |begin, alerts| *counts.entry((begin, id)).or_default() += alerts);
        })?;
        if found.is_subset(&damaged) {
            return Ok((indexed, counts));
        }
        // Again, without those: their blocks are read.
        damaged.extend(found);
    }
}

/// Adds up what follows each other and has the same begin.
fn add_up(counts: impl Iterator<Item = (i64, u64)>, mut add: impl FnMut(i64, u64)) {
    let mut sum = None;
    for (begin, alerts) in counts {
        match &mut sum {
            Some((same, all)) if *same == begin => *all += alerts,
            _ => {
                if let Some((begin, alerts)) = sum.replace((begin, alerts)) {
                    add(begin, alerts);
                }
            }
        }
    }
    if let Some((begin, alerts)) = sum {
        add(begin, alerts);
    }
}

/// Visits the blocks of a range that lie completely within the wanted time.
fn each_block(
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
