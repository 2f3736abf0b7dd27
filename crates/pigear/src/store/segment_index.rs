//! The index of a segment: how many alerts of each block have a signature, source or destination.
//!
//! There is one index per [segment](SEGMENT). While a segment still grows, its index is in the writer's
//! memory, and searches read all of its blocks. When it is complete the index is written, in the order
//! of its keys and in chunks: nothing is written twice, however many addresses there are, and finding
//! one of them takes one chunk a segment.

mod blocks;
mod key;
mod postings;

use std::collections::HashSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use rusqlite::{Connection, params};

use super::error::StoreProblem;
use super::interned::InternedRows;
use super::layout::{BLOCK, SEGMENT, SEGMENT_BLOCKS};
use super::row::{self, Stored, StoredRow};
pub(super) use blocks::Blocks;
pub(super) use key::{Key, KeyKind};
pub(super) use postings::Posting;
use postings::{Occurrence, PostingList};

/// The index of the segment that still grows.
#[derive(Debug, Default)]
pub(super) struct SegmentIndex {
    /// The keys of all alerts, in the order in which they came: sorting them once is much quicker than keeping
    /// them in order.
    occurrences: Vec<Occurrence>,
}

impl SegmentIndex {
    /// The index of the stored part of the segment with this alert.
    pub(super) fn of_segment(connection: &Connection, last: i64) -> Result<Self, StoreProblem> {
        let mut index = Self::default();
        let mut interned = InternedRows::default();
        let mut select = connection.prepare_cached(
            "SELECT id, signature, origin, data FROM alert WHERE id BETWEEN ?1 AND ?2",
        )?;
        let mut rows = select.query([last / SEGMENT * SEGMENT, last])?;
        while let Some(row) = rows.next()? {
            match row::stored(row, connection, &mut interned)? {
                StoredRow::Alert(stored) => {
                    let Stored { id, alert } = &*stored;
                    index.add(*id, row.get(1)?, (alert.src_ip(), alert.dst_ip()));
                }
                // An alert that can't be decoded can't be found by its addresses either.
                StoredRow::Damaged(damaged) => {
                    index.add(damaged.id, damaged.signature, (None, None));
                }
            }
        }
        Ok(index)
    }

    /// Adds an alert: its id, its signature's id, its source and destination.
    pub(super) fn add(&mut self, id: i64, signature: i64, ends: (Option<IpAddr>, Option<IpAddr>)) {
        let block = u8::try_from(id / BLOCK % SEGMENT_BLOCKS).unwrap_or_default();
        let keys = [
            Some((KeyKind::Signature, Key::signature(signature))),
            ends.0.map(|ip| (KeyKind::Source, ip.into())),
            ends.1.map(|ip| (KeyKind::Destination, ip.into())),
        ];
        for (kind, key) in keys.into_iter().flatten() {
            self.occurrences.push(Occurrence { kind, key, block });
        }
    }

    /// Writes the index of a complete segment.
    pub(super) fn write(mut self, segment: i64, connection: &Connection) -> rusqlite::Result<()> {
        self.occurrences.sort_unstable_by_key(Occurrence::order);
        let mut insert = connection.prepare_cached(
            "INSERT INTO note (kind, segment, first, chunk) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for PostingList { kind, first, bytes } in postings::write(&self.occurrences) {
            insert.execute(params![kind as i64, segment, first.as_bytes(), bytes])?;
        }
        Ok(())
    }
}

/// The blocks of a segment that have alerts with a wanted key, within a range of keys. If the index can't be
/// decoded, all blocks.
pub(super) fn look_up(
    connection: &Connection,
    kind: KeyKind,
    segment: i64,
    keys: &RangeInclusive<Key>,
    is_wanted: impl Fn(Key) -> bool,
) -> Result<Blocks, StoreProblem> {
    let mut select = connection.prepare_cached(
        "SELECT first, chunk FROM note WHERE kind = ?1 AND segment = ?2 AND first <= ?3 \
        ORDER BY first DESC",
    )?;
    let mut rows = select.query(params![kind as i64, segment, keys.end().as_bytes()])?;
    let mut blocks = Blocks::default();
    while let Some(row) = rows.next()? {
        let chunk = row.get_ref(1)?.as_blob().unwrap_or_default();
        let read = postings::read(chunk, |posting| {
            if keys.contains(&posting.key) && is_wanted(posting.key) {
                blocks |= posting.blocks();
            }
        });
        if read.is_none() {
            return Ok(Blocks::ALL);
        }
        if row.get_ref(0)?.as_blob().unwrap_or_default() <= keys.start().as_bytes() {
            break;
        }
    }
    Ok(blocks)
}

/// Visits all postings of a kind in some segments, each with its segment, and returns the segments whose index can't
/// be decoded.
pub(super) fn each(
    connection: &Connection,
    kind: KeyKind,
    segments: &RangeInclusive<i64>,
    mut visit: impl FnMut(i64, Posting<'_>),
) -> Result<HashSet<i64>, StoreProblem> {
    let mut damaged = HashSet::new();
    let mut select = connection.prepare_cached(
        "SELECT segment, chunk FROM note WHERE kind = ?1 AND segment BETWEEN ?2 AND ?3",
    )?;
    let mut rows = select.query([kind as i64, *segments.start(), *segments.end()])?;
    while let Some(row) = rows.next()? {
        let (segment, chunk) = (row.get(0)?, row.get_ref(1)?.as_blob().unwrap_or_default());
        if postings::read(chunk, |posting| visit(segment, posting)).is_none() {
            damaged.insert(segment);
        }
    }
    Ok(damaged)
}

/// Removes the index of a segment.
pub(super) fn forget(connection: &Connection, segment: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM note WHERE kind IN (0, 1, 2) AND segment = ?1")?
        .execute([segment])?;
    Ok(())
}
