//! Counts over time, by priority.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;

use super::indexed_blocks::{Block, IndexedBlocks, each_block};
use super::unit_counts::by_unit;
use crate::store::criteria::Criteria;
use crate::store::error::{StoreError, StoreProblem};
use crate::store::layout::SEGMENT_BLOCKS;
use crate::store::reader::Reader;
use crate::store::record::microseconds;
use crate::store::row;
use crate::store::scan::Fold;
use crate::store::search::Search;
use crate::store::segment_index::IndexReader;

/// Counts over time. Intervals without alerts have no point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Series {
    /// The points, oldest first.
    pub points: Vec<Point>,
}

/// The counts of an interval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Point {
    /// Its begin.
    pub time: Timestamp,
    /// The number of alerts of each priority; `None` is not known.
    pub priorities: BTreeMap<Option<u32>, u64>,
}

/// The number of alerts, by the begin of the interval and the priority.
type Counts = BTreeMap<(i64, Option<u32>), u64>;

impl Reader {
    /// Counts the alerts that meet the criteria over time, by priority. An interval begins at a multiple of its
    /// length since 1970, in UTC; it is at least one microsecond.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn series(
        &mut self,
        criteria: &Criteria,
        interval: Duration,
    ) -> Result<Series, StoreError> {
        let interval = i64::try_from(interval.as_micros()).unwrap_or(i64::MAX).max(1);
        self.try_series(criteria, interval).map(series).map_err(|problem| problem.at(&self.path))
    }

    fn try_series(&mut self, criteria: &Criteria, interval: i64) -> Result<Counts, StoreProblem> {
        let search = Search::new(criteria, &self.connection)?;
        let (indexed, counts) = if search.is_decided() {
            let counted = self.indexed_series(&search, interval);
            search.damage.or(counted, Default::default)?
        } else {
            (IndexedBlocks::default(), Counts::new())
        };
        let counted = |segment| indexed.of_segment(segment);
        let blocks = search.blocks_without(&self.connection, search.segments(), counted)?;
        let fold = Fold {
            empty: &Counts::new,
            add: &|counts, alert| {
                let begin = begin(microseconds(alert.timestamp()), interval);
                *counts.entry((begin, alert.priority())).or_default() += 1;
            },
            merge: &|all, some| {
                for (point, alerts) in some {
                    *all.entry(point).or_default() += alerts;
                }
            },
        };
        let counts = self.fold(&search, &blocks, &fold, counts);
        self.note_damage(&search);
        counts
    }

    /// Counts the blocks that lie within one interval, and within the wanted time, by their index.
    fn indexed_series(
        &mut self,
        search: &Search<'_>,
        interval: i64,
    ) -> Result<(IndexedBlocks, Counts), StoreProblem> {
        match PrioritySet::of(search, &self.connection)? {
            Some(wanted) => self.series_of_priorities(search, &wanted, interval),
            None => self.series_of_signatures(search, interval),
        }
    }

    /// The same, where all alerts of some priorities are wanted, and no others.
    fn series_of_priorities(
        &mut self,
        search: &Search<'_>,
        wanted: &PrioritySet,
        interval: i64,
    ) -> Result<(IndexedBlocks, Counts), StoreProblem> {
        let store = self.store_identity()?;
        let Self { connection, interned, priority_counts, .. } = self;
        // One transaction, so that alerts that are removed meanwhile stay visible.
        let looking = connection.unchecked_transaction()?;
        let (mut indexed, mut counts) = (IndexedBlocks::default(), Counts::new());
        let mut blocks = Vec::new();
        let open = search.open_segment() * SEGMENT_BLOCKS;
        each_block(&looking, search.span(), search.first_whole()..open, |block| {
            blocks.push(block);
        })?;
        blocks.sort_unstable_by_key(|block| block.id);
        let index = IndexReader { connection: &looking, damage: &search.damage };
        let mut priority = |id| {
            let signature = row::known_signature(interned, id, &looking)?;
            Ok(signature.map(|signature| signature.priority))
        };
        for blocks in blocks.chunk_by(|one, next| one.segment() == next.segment()) {
            let key = (blocks.first().map_or(0, Block::segment), store);
            let known = priority_counts.of_segment(key, blocks, index, &mut priority)?;
            let Some(known) = known else { continue };
            for block in blocks {
                let first = begin(block.first, interval);
                if first != begin(block.last, interval) {
                    continue;
                }
                indexed.add(block.id);
                for (priority, alerts) in known.of_block(block.id) {
                    if wanted.has(priority) {
                        let priority = Some(priority).filter(|it| *it > 0);
                        *counts.entry((first, priority)).or_default() += alerts;
                    }
                }
            }
        }
        looking.finish()?;
        Ok((indexed, counts))
    }

    /// The same, of any signatures.
    fn series_of_signatures(
        &mut self,
        search: &Search<'_>,
        interval: i64,
    ) -> Result<(IndexedBlocks, Counts), StoreProblem> {
        let Self { connection, interned, .. } = self;
        // One transaction, so that alerts that are removed meanwhile stay visible.
        let looking = connection.unchecked_transaction()?;
        let (mut priorities, mut groups) = (Vec::new(), HashMap::new());
        let by_unit = by_unit(
            &looking,
            search,
            |time| begin(time, interval),
            |id| {
                let signature = row::known_signature(interned, id, &looking)?;
                let priority = signature.map(|it| it.priority).filter(|it| *it > 0);
                Ok(*groups.entry(priority).or_insert_with(|| {
                    priorities.push(priority);
                    priorities.len() - 1
                }))
            },
        )?;
        let mut counts = Counts::new();
        for (begin, group, alerts) in by_unit.iter() {
            let priority = priorities.get(group).copied().flatten();
            *counts.entry((begin, priority)).or_default() += alerts;
        }
        looking.finish()?;
        Ok((by_unit.indexed, counts))
    }
}

/// Priorities whose alerts are all wanted, while no others are.
enum PrioritySet {
    All,
    Some(HashSet<u32>),
}

impl PrioritySet {
    /// Those of a search; `None` if it wants some signatures of a priority only.
    fn of(search: &Search<'_>, connection: &Connection) -> Result<Option<Self>, StoreProblem> {
        if !search.names_signatures() {
            return Ok(Some(Self::All));
        }
        let mut select = connection.prepare_cached("SELECT id, priority FROM signature")?;
        let mut rows = select.query([])?;
        let (mut wanted, mut others) = (HashSet::new(), HashSet::new());
        while let Some(row) = rows.next()? {
            // Alerts of a signature that can't be decoded can't be either.
            let Ok(priority) = row.get(1) else { continue };
            let set = if search.may_be(row.get(0)?) { &mut wanted } else { &mut others };
            set.insert(priority);
        }
        Ok(wanted.is_disjoint(&others).then_some(Self::Some(wanted)))
    }

    fn has(&self, priority: u32) -> bool {
        match self {
            Self::All => true,
            Self::Some(wanted) => wanted.contains(&priority),
        }
    }
}

/// The begin of the interval with a time, in microseconds.
fn begin(time: i64, interval: i64) -> i64 {
    time.div_euclid(interval).saturating_mul(interval)
}

fn series(counts: Counts) -> Series {
    let mut points = Vec::<Point>::new();
    for ((begin, priority), alerts) in counts {
        let time = Timestamp::from_microsecond(begin).unwrap_or_default();
        if points.last().is_none_or(|point| point.time != time) {
            points.push(Point { time, priorities: BTreeMap::new() });
        }
        if let Some(point) = points.last_mut() {
            point.priorities.insert(priority, alerts);
        }
    }
    Series { points }
}
