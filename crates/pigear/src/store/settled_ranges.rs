//! Which alerts a lane has settled: all up to its mark, and ranges behind it.
//!
//! A lane that groups alerts, or sends the most severe first, settles them out of order. What it settled
//! behind the first unsettled alert is stored as ranges, so that the next run doesn't deliver it again.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};

use super::file_id::FileId;
use super::meta;

/// The version of the tables since which there are ranges.
const SINCE: u32 = 3;

/// The most ranges of a lane, before it has to settle what is between them.
const MAX_RANGES: usize = 1 << 17;

/// A range of alerts: the first, and the last.
pub(super) type IdRange = (i64, i64);

/// The settled alerts of a lane.
#[derive(Debug, Default)]
pub(super) struct SettledRanges {
    /// All alerts up to this one are settled.
    done: i64,
    /// The ranges behind it: the first and the last alert of each. No two touch.
    ranges: BTreeMap<i64, i64>,
    /// Where a range began or begins that is not stored as it is now.
    changed: BTreeSet<i64>,
    /// The file that the others are stored in.
    file: Option<FileId>,
}

impl SettledRanges {
    /// The ranges behind a lane's mark, as they are stored in this file. The id of the last stored alert
    /// limits them: what comes later is new.
    pub(super) fn load(
        connection: &Connection,
        lane: &str,
        (done, last): (i64, i64),
        file: FileId,
    ) -> rusqlite::Result<Self> {
        let stored = rows(connection, lane)?;
        let mut settled = Self { done, file: Some(file), ..Self::default() };
        for (from, to) in &stored {
            settled.settle(*from, (*to).min(last));
        }
        // As a rule they are the same.
        settled.changed = stored.iter().map(|(from, _)| *from).collect();
        settled.changed.extend(settled.ranges.keys());
        for (from, to) in stored {
            if settled.ranges.get(&from) == Some(&to) {
                settled.changed.remove(&from);
            }
        }
        Ok(settled)
    }

    /// The mark: all alerts up to this one are settled.
    pub(super) fn done(&self) -> i64 {
        self.done
    }

    /// Whether there are so many ranges that a lane that has read up to this alert should settle what is
    /// between them before it reads more. What is between those of an earlier run must be read first.
    pub(super) fn are_too_many(&self, read: i64) -> bool {
        self.ranges.len() > MAX_RANGES
            && self.ranges.last_key_value().is_none_or(|(_, last)| *last <= read)
    }

    /// How many alerts behind this one are settled. It is not within a range.
    pub(super) fn count_behind(&self, id: i64) -> i64 {
        self.ranges.range(id + 1..).map(|(first, last)| last - first + 1).sum()
    }

    /// The last alert of the range that begins right behind this one; without one, this one.
    pub(super) fn skip(&self, id: i64) -> i64 {
        self.ranges.get(&(id + 1)).copied().unwrap_or(id)
    }

    /// The ranges of unsettled alerts from one alert to another.
    pub(super) fn gaps(&self, (from, to): IdRange) -> Vec<IdRange> {
        let mut next = from.max(self.done + 1);
        if let Some((_, last)) = self.ranges.range(..=next).next_back() {
            next = next.max(last + 1);
        }
        let mut gaps = Vec::new();
        while next <= to {
            let settled = self.ranges.range(next..).next();
            let (end, behind) = settled.map_or((to, to + 1), |(first, last)| (first - 1, last + 1));
            gaps.push((next, end.min(to)));
            next = behind;
        }
        gaps
    }

    /// These alerts are settled.
    pub(super) fn settle(&mut self, mut first: i64, mut last: i64) {
        if last < first {
            return;
        }
        if first <= self.done + 1 {
            self.done = self.done.max(last);
            while let Some(range) = self.ranges.first_entry()
                && *range.key() <= self.done + 1
            {
                self.changed.insert(*range.key());
                self.done = self.done.max(range.remove());
            }
            return;
        }
        if let Some((from, to)) = self.ranges.range(..first).next_back()
            && *to >= first - 1
        {
            (first, last) = (*from, last.max(*to));
        }
        while let Some((&from, &to)) = self.ranges.range(first..).next()
            && from <= last + 1
        {
            self.ranges.remove(&from);
            self.changed.insert(from);
            last = last.max(to);
        }
        self.ranges.insert(first, last);
        self.changed.insert(first);
    }

    /// Whether everything is written.
    pub(super) fn is_written(&self) -> bool {
        self.changed.is_empty()
    }

    /// Writes what changed, or everything: to another file than before, or for a lane that was removed.
    pub(super) fn write(
        &self,
        connection: &Connection,
        lane: &str,
        file: FileId,
        is_new: bool,
    ) -> rusqlite::Result<()> {
        if is_new || self.file != Some(file) {
            let ranges: Vec<_> = self.ranges.iter().map(|(first, last)| (*first, *last)).collect();
            return put(connection, lane, &ranges);
        }
        for first in &self.changed {
            match self.ranges.get(first) {
                Some(last) => insert(connection, lane, (*first, *last))?,
                None => {
                    connection
                        .prepare_cached("DELETE FROM settled WHERE lane = ?1 AND first = ?2")?
                        .execute(params![lane, first])?;
                }
            }
        }
        Ok(())
    }

    /// Everything is written to this file.
    pub(super) fn written(&mut self, file: FileId) {
        self.changed.clear();
        self.file = Some(file);
    }
}

/// The ranges of a lane, as they are stored, in order.
pub(super) fn rows(connection: &Connection, lane: &str) -> rusqlite::Result<Vec<IdRange>> {
    if meta::version(connection)? < SINCE {
        return Ok(Vec::new());
    }
    let mut select = connection
        .prepare_cached("SELECT first, last FROM settled WHERE lane = ?1 ORDER BY first")?;
    select.query_map([lane], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Writes the ranges of a lane, replacing the existing ones.
pub(super) fn put(connection: &Connection, lane: &str, ranges: &[IdRange]) -> rusqlite::Result<()> {
    remove(connection, lane)?;
    ranges.iter().try_for_each(|range| insert(connection, lane, *range))
}

/// Removes the ranges of a lane.
pub(super) fn remove(connection: &Connection, lane: &str) -> rusqlite::Result<()> {
    if meta::version(connection)? >= SINCE {
        connection.execute("DELETE FROM settled WHERE lane = ?1", [lane])?;
    }
    Ok(())
}

fn insert(connection: &Connection, lane: &str, (first, last): IdRange) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO settled VALUES (?1, ?2, ?3)")?
        .execute(params![lane, first, last])?;
    Ok(())
}
