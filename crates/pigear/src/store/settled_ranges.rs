//! Which alerts a lane has settled: all up to its mark, and ranges behind it.
//!
//! A lane that groups alerts, or sends the most severe first, settles them out of order. What it settled
//! behind the first unsettled alert is stored as ranges, so that the next run doesn't deliver it again.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};

use super::file_id::FileId;
use super::meta;

/// The version of the tables since which there are ranges.
const SINCE: u32 = 3;

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

    /// How many ranges there are behind the mark.
    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// The last settled alert.
    pub(super) fn last(&self) -> i64 {
        self.ranges.last_key_value().map_or(self.done, |(_, last)| *last)
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

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn file(path: &str) -> FileId {
        FileId::of(path.as_ref()).unwrap().unwrap()
    }

    fn tables() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::store::schema::create(&mut connection).unwrap();
        connection
    }

    fn settled(ranges: &[IdRange]) -> SettledRanges {
        let mut settled = SettledRanges::default();
        ranges.iter().for_each(|(first, last)| settled.settle(*first, *last));
        settled
    }

    #[test]
    fn ranges_are_merged_with_each_other_and_with_the_mark() {
        let mut settled = settled(&[(5, 6), (9, 9), (7, 8), (2, 3)]);
        assert_eq!((settled.done(), settled.len(), settled.last()), (0, 2, 9));
        assert_eq!(settled.gaps((1, 12)), [(1, 1), (4, 4), (10, 12)]);
        assert_eq!((settled.count_behind(4), settled.skip(4), settled.skip(9)), (5, 9, 9));
        settled.settle(1, 1);
        assert_eq!((settled.done(), settled.len()), (3, 1));
        settled.settle(4, 4);
        assert_eq!((settled.done(), settled.len()), (9, 0));
        assert_eq!(settled.gaps((4, 9)), []);
    }

    #[test]
    fn what_is_stored_is_cut_to_what_can_be_right() {
        let connection = tables();
        put(&connection, "a", &[(1, 4), (6, 7), (8, 9), (19, 30), (40, 50)]).unwrap();
        let file = file("/");
        let mut settled = SettledRanges::load(&connection, "a", (3, 20), file).unwrap();
        assert_eq!((settled.done(), settled.gaps((1, 25))), (4, vec![(5, 5), (10, 18), (21, 25)]));
        settled.write(&connection, "a", file, false).unwrap();
        settled.written(file);
        assert_eq!(rows(&connection, "a").unwrap(), [(6, 9), (19, 20)]);
        assert!(SettledRanges::load(&connection, "a", (4, 20), file).unwrap().is_written());
    }

    #[test]
    fn another_file_gets_everything_and_so_does_a_lane_that_was_removed() {
        let (connection, [one, other]) = (tables(), [file("/"), file("/dev/null")]);
        let mut settled = settled(&[(2, 3), (7, 9)]);
        settled.write(&connection, "a", one, false).unwrap();
        settled.written(one);
        put(&connection, "b", &[(1, 1)]).unwrap();
        put(&connection, "a", &[(100, 200)]).unwrap();
        settled.settle(10, 10);
        settled.write(&connection, "a", other, false).unwrap();
        assert_eq!(rows(&connection, "a").unwrap(), [(2, 3), (7, 10)]);
        remove(&connection, "a").unwrap();
        settled.write(&connection, "a", one, true).unwrap();
        assert_eq!(rows(&connection, "a").unwrap(), [(2, 3), (7, 10)]);
        assert_eq!(rows(&connection, "b").unwrap(), [(1, 1)]);
    }

    proptest! {
        /// What is written piece by piece is what is there, whatever the order.
        #[test]
        fn what_is_read_is_what_was_settled(
            steps in vec((1..60_i64, 0..6_i64, any::<bool>()), 0..60),
        ) {
            let (connection, file) = (tables(), file("/"));
            let mut expected = [false; 80];
            let mut settled = SettledRanges { file: Some(file), ..SettledRanges::default() };
            for (first, more, is_written) in steps {
                settled.settle(first, first + more);
                (first..=first + more).for_each(|id| expected[usize::try_from(id).unwrap()] = true);
                if is_written {
                    settled.write(&connection, "a", file, false).unwrap();
                    settled.written(file);
                }
            }
            settled.write(&connection, "a", file, false).unwrap();
            let marks = (settled.done(), 1_000);
            let loaded = SettledRanges::load(&connection, "a", marks, file).unwrap();
            prop_assert!(loaded.is_written());
            prop_assert_eq!(&loaded.ranges, &settled.ranges);
            let is_settled = |id: usize| expected[id];
            let gaps = loaded.gaps((1, 79));
            let in_gap = |id: usize| gaps.iter().any(|(from, to)| (*from..=*to).contains(&(id as i64)));
            for id in 1..80 {
                prop_assert_eq!(in_gap(id), !is_settled(id), "{}", id);
            }
            let behind = (1..80).filter(|id| *id as i64 > settled.done() && is_settled(*id)).count();
            prop_assert_eq!(settled.count_behind(settled.done()), behind as i64);
        }
    }
}
