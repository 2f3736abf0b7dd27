//! Counts over time, by priority.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::indexed_blocks::IndexedBlocks;
use super::unit_counts::by_unit;
use crate::store::criteria::Criteria;
use crate::store::error::{StoreError, StoreProblem};
use crate::store::reader::Reader;
use crate::store::record::microseconds;
use crate::store::row;
use crate::store::scan::Fold;
use crate::store::search::Search;

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
            self.indexed_series(&search, interval)?
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
        self.fold(&search, &blocks, &fold, counts)
    }

    /// Counts the blocks that lie within one interval, and within the wanted time, by their index.
    fn indexed_series(
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
