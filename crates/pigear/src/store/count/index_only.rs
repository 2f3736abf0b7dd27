//! Counts from the index only, without reading blocks.

use std::collections::{HashMap, HashSet};

use super::aggregation::{Aggregation, Key};
use super::block_sums::BlockSums;
use super::indexed_blocks::{IndexedBlocks, each_block};
use super::unit_counts::by_unit;
use crate::store::error::StoreProblem;
use crate::store::layout::SEGMENT_BLOCKS;
use crate::store::reader::Reader;
use crate::store::row;
use crate::store::search::Search;
use crate::store::segment_index::{self, IndexReader, KeyKind};

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
        let counts = by_unit(&looking, search, unit, |_| Ok(0))?;
        looking.finish()?;
        for (begin, _, alerts) in counts.iter() {
            aggregation.add(Key::Time(begin), alerts);
        }
        Ok(counts.indexed)
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
        let index = IndexReader { connection: &looking, damage: &search.damage };
        let mut damaged = HashSet::new();
        let (indexed, mut unknown, counts) = loop {
            let (mut indexed, mut unknown) = (IndexedBlocks::default(), 0_u64);
            let mut sums = BlockSums::default();
            each_block(&looking, search.span(), search.first_whole()..open, |block| {
                if !damaged.contains(&(block.id / SEGMENT_BLOCKS)) {
                    indexed.add(block.id);
                    sums.add_block(&block);
                    unknown += block.alerts;
                }
            })?;
            let mut counts = HashMap::<segment_index::Key, u64>::new();
            let mut found =
                segment_index::each(index, kind, &indexed.segments(), |segment, posting| {
                    sums.add(kind, segment, posting);
                    let alerts = posting.alerts(indexed.of_segment(segment));
                    *counts.entry(posting.key).or_default() += alerts;
                    unknown = unknown.saturating_sub(alerts);
                })?;
            found.extend(sums.unusable(kind, &search.damage));
            if found.is_subset(&damaged) {
                break (indexed, unknown, counts);
            }
            // Again, without those: their blocks are read.
            damaged.extend(found);
        };
        for (key, alerts) in counts {
            if let Some(port) = key.as_port() {
                aggregation.add(Key::Number(port.into()), alerts);
            } else if let Some(ip) = key.as_ip() {
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
