//! The index of a segment: how many alerts of each block have a signature, an address, a port or a length.
//!
//! There is one index per [segment](SEGMENT). While a segment still grows, its index is in the writer's
//! memory, and searches read all of its blocks. When it is complete the index is written, in the order
//! of its keys and in chunks: nothing is written twice, however many addresses there are, and finding
//! one of them takes one chunk a segment.
//!
//! Up to version 5 of the file, ports and lengths were not indexed. Such segments are indexed later
//! (`store/backfill.rs`); until then, all of their blocks may have any port and length.

mod blocks;
mod key;
mod numbers;
mod postings;

use std::collections::HashSet;
use std::ops::{Range, RangeInclusive};

use pigear_alert::Alert;
use rusqlite::{Connection, params};

use super::damage::Damage;
use super::error::StoreProblem;
use super::interned::InternedRows;
use super::layout::{BLOCK, SEGMENT, SEGMENT_BLOCKS};
use super::row::{self, Stored, StoredRow};
pub(super) use blocks::Blocks;
pub(super) use key::{Key, KeyKind};
use numbers::Numbers;
pub(super) use postings::Posting;
use postings::{Occurrence, PostingList};

/// The index of the segment that still grows.
#[derive(Debug, Default)]
pub(super) struct SegmentIndex {
    /// The keys of all alerts, in the order in which they came: sorting them once is much quicker than keeping
    /// them in order.
    occurrences: Vec<Occurrence>,
    numbers: Numbers,
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
                    index.add(*id, row.get(1)?, Some(alert));
                }
                // An alert that can't be decoded can't be found by its addresses and numbers either.
                StoredRow::Damaged(damaged) => index.add(damaged.id, damaged.signature, None),
            }
        }
        Ok(index)
    }

    /// Adds an alert, if it can be decoded: its id, and its signature's id.
    pub(super) fn add(&mut self, id: i64, signature: i64, alert: Option<&Alert>) {
        let block = block_of(id);
        let keys = [
            Some((KeyKind::Signature, Key::signature(signature))),
            alert.and_then(Alert::src_ip).map(|ip| (KeyKind::Source, ip.into())),
            alert.and_then(Alert::dst_ip).map(|ip| (KeyKind::Destination, ip.into())),
        ];
        for (kind, key) in keys.into_iter().flatten() {
            self.occurrences.push(Occurrence { kind, key, block });
        }
        if let Some(alert) = alert {
            self.add_numbers(id, alert);
        }
    }

    /// Adds only the numbers of an alert.
    pub(super) fn add_numbers(&mut self, id: i64, alert: &Alert) {
        self.numbers.add(block_of(id), alert);
    }

    /// Writes the index of a complete segment.
    pub(super) fn write(mut self, segment: i64, connection: &Connection) -> rusqlite::Result<()> {
        self.occurrences.sort_unstable_by_key(Occurrence::order);
        self.occurrences.extend(self.numbers.sorted());
        let mut chunks = postings::write(&self.occurrences);
        for kind in KeyKind::NUMBERS {
            begin_kind(&mut chunks, kind);
        }
        let mut insert = connection.prepare_cached(
            "INSERT INTO note (kind, segment, first, chunk) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for PostingList { kind, first, bytes } in chunks {
            insert.execute(params![kind as i64, segment, first.as_bytes(), bytes])?;
        }
        Ok(())
    }
}

/// Indexes a stored segment that gets no more alerts. Of one that has none, there is nothing to be found.
pub(super) fn write_complete(segment: i64, connection: &Connection) -> Result<(), StoreProblem> {
    let index = SegmentIndex::of_segment(connection, segment * SEGMENT + SEGMENT - 1)?;
    if !index.occurrences.is_empty() {
        index.write(segment, connection)?;
    }
    Ok(())
}

/// The first of these segments that has alerts and no index.
pub(super) fn first_without(
    connection: &Connection,
    mut segments: Range<i64>,
) -> rusqlite::Result<Option<i64>> {
    let mut select =
        connection.prepare_cached("SELECT DISTINCT segment FROM note WHERE kind = ?1")?;
    let indexed = select.query_map([KeyKind::Signature as i64], |row| row.get(0))?;
    let indexed: HashSet<i64> = indexed.collect::<Result<_, _>>()?;
    let mut has_alerts =
        connection.prepare_cached("SELECT 1 FROM block WHERE id >= ?1 AND id < ?1 + ?2")?;
    while let Some(segment) = segments.find(|segment| !indexed.contains(segment)) {
        if has_alerts.exists([segment * SEGMENT_BLOCKS, SEGMENT_BLOCKS])? {
            return Ok(Some(segment));
        }
    }
    Ok(None)
}

/// The block with this alert, counted within its segment.
fn block_of(id: i64) -> u8 {
    u8::try_from(id / BLOCK % SEGMENT_BLOCKS).unwrap_or_default()
}

/// Marks the first chunk of a kind, so that a segment without such keys differs from one that isn't indexed.
fn begin_kind(chunks: &mut Vec<PostingList>, kind: KeyKind) {
    match chunks.iter_mut().find(|chunk| chunk.kind == kind) {
        Some(chunk) => chunk.first = Key::default(),
        None => chunks.push(PostingList { kind, first: Key::default(), bytes: Vec::new() }),
    }
}

/// The index, and whether it is damaged.
#[derive(Clone, Copy)]
pub(super) struct IndexReader<'a> {
    pub(super) connection: &'a Connection,
    pub(super) damage: &'a Damage,
}

impl IndexReader<'_> {
    /// The blocks of a segment that have alerts with a wanted key, within a range of keys. If the index can't be read
    /// or decoded, or has no keys of this kind, all blocks.
    pub(super) fn look_up(
        self,
        kind: KeyKind,
        segment: i64,
        keys: &RangeInclusive<Key>,
        is_wanted: impl Fn(Key) -> bool,
    ) -> Result<Blocks, StoreProblem> {
        let found = look_up(self.connection, kind, segment, keys, is_wanted);
        let blocks = self.damage.or(found, || None)?;
        Ok(blocks.unwrap_or_else(|| {
            self.damage.note();
            Blocks::ALL
        }))
    }
}

/// The blocks of a segment that have alerts with a wanted key, within a range of keys. If the index has no keys of this
/// kind, all blocks. `None` if it can't be decoded.
fn look_up(
    connection: &Connection,
    kind: KeyKind,
    segment: i64,
    keys: &RangeInclusive<Key>,
    is_wanted: impl Fn(Key) -> bool,
) -> Result<Option<Blocks>, StoreProblem> {
    let mut select = connection.prepare_cached(
        "SELECT first, chunk FROM note WHERE kind = ?1 AND segment = ?2 AND first <= ?3 \
        ORDER BY first DESC",
    )?;
    let mut rows = select.query(params![kind as i64, segment, keys.end().as_bytes()])?;
    let (mut blocks, mut is_indexed) = (Blocks::default(), !kind.is_number());
    while let Some(row) = rows.next()? {
        is_indexed = true;
        let chunk = row.get_ref(1)?.as_blob().unwrap_or_default();
        let read = postings::read(chunk, |posting| {
            if keys.contains(&posting.key) && is_wanted(posting.key) {
                blocks |= posting.blocks();
            }
        });
        if read.is_none() {
            return Ok(None);
        }
        let first = row.get_ref(0)?.as_blob().unwrap_or_default();
        if first <= keys.start().as_bytes() || blocks == Blocks::ALL {
            break;
        }
    }
    Ok(Some(if is_indexed { blocks } else { Blocks::ALL }))
}

/// Visits all postings of a kind in some segments, each with its segment, and returns the segments whose index can't
/// be decoded, or has no such kind.
pub(super) fn each(
    index: IndexReader<'_>,
    kind: KeyKind,
    segments: &RangeInclusive<i64>,
    mut visit: impl FnMut(i64, Posting<'_>),
) -> Result<HashSet<i64>, StoreProblem> {
    let mut unindexed =
        if kind.is_number() { segments.clone().collect() } else { HashSet::<i64>::new() };
    let mut select = index.connection.prepare_cached(
        "SELECT segment, first, chunk FROM note WHERE kind = ?1 AND segment BETWEEN ?2 AND ?3 \
        ORDER BY segment, first",
    )?;
    let mut rows = select.query([kind as i64, *segments.start(), *segments.end()])?;
    while let Some(row) = rows.next()? {
        let segment = row.get(0)?;
        let [first, chunk] =
            [row.get_ref(1)?, row.get_ref(2)?].map(|it| it.as_blob().unwrap_or_default());
        if first.is_empty() {
            unindexed.remove(&segment);
        }
        if postings::read(chunk, |posting| visit(segment, posting)).is_none() {
            index.damage.note();
            unindexed.insert(segment);
        }
    }
    Ok(unindexed)
}

/// Removes the index of a segment.
pub(super) fn forget(connection: &Connection, segment: i64) -> rusqlite::Result<()> {
    let mut delete =
        connection.prepare_cached("DELETE FROM note WHERE kind = ?1 AND segment = ?2")?;
    for kind in KeyKind::ALL {
        delete.execute([kind as i64, segment])?;
    }
    Ok(())
}
