//! Reads many blocks, on several threads.
//!
//! Each thread has a connection of its own. It reads its share of the blocks, decodes their alerts and leaves out
//! those that are not wanted; what it makes of the others goes to the first thread, in the order of the blocks. The
//! threads are never more than a few chunks ahead, so memory doesn't grow with what is found.

use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use pigear_alert::Alert;
use rusqlite::Connection;

use super::chunk_reader::ChunkReader;
use super::connect;
use super::error::StoreProblem;
use super::file_id::FileId;
use super::layout::{BLOCK, end_of_block};
use super::reader::{Further, Reader, Visit, check_over};
use super::row::{self, Stored, StoredRow};
use super::row_range::{RANGE, following, rows};
use super::search::{RowFilter, Search};

/// The blocks of a chunk.
const CHUNK: usize = 16;

/// Below so many blocks, reading them on one thread is as quick: where processors are busy, threads that begin have to
/// wait for them.
const WORTHWHILE: usize = if cfg!(test) { 2 } else { 16 } * CHUNK;

/// The most threads that read.
const MAX_THREADS: usize = 4;

/// How many chunks a thread may be ahead.
const AHEAD: usize = 2;

/// How alerts are added up.
pub(super) struct Fold<'a, T> {
    /// A sum of no alerts.
    pub(super) empty: &'a (dyn Fn() -> T + Sync),
    /// Adds an alert.
    pub(super) add: &'a (dyn Fn(&mut T, &Alert) + Sync),
    /// Adds a sum to another.
    pub(super) merge: &'a dyn Fn(&mut T, T),
}

/// What a chunk has of wanted alerts.
struct Chunk<T> {
    sum: T,
    /// Alerts that are to be checked on the first thread, newest first.
    unchecked: Vec<Stored>,
    unreadable: u64,
}

/// What is done with a chunk.
type VisitChunk<'a, T> = dyn FnMut(&Connection, Chunk<T>) -> Result<Further, StoreProblem> + 'a;

/// What is done with the alerts of blocks.
struct Scan<'a, T> {
    filter: RowFilter<'a>,
    blocks: &'a [i64],
    /// The last wanted alert.
    newest: i64,
    empty: &'a (dyn Fn() -> T + Sync),
    /// Takes an alert of a wanted signature.
    take: &'a (dyn Fn(&mut Chunk<T>, i64, &Alert) + Sync),
}

impl Reader {
    /// Adds up the wanted alerts of some blocks, which are given newest first.
    pub(super) fn fold<T: Send>(
        &mut self,
        search: &Search<'_>,
        blocks: &[i64],
        fold: &Fold<'_, T>,
        mut sum: T,
    ) -> Result<T, StoreProblem> {
        let filter = search.row_filter().filter(|_| !search.is_about_triage());
        let Some(filter) = filter.filter(|_| self.has_threads_for(blocks)) else {
            for block in blocks {
                for stored in self.block(search, *block)? {
                    (fold.add)(&mut sum, &stored.alert);
                }
            }
            return Ok(sum);
        };
        let take = |chunk: &mut Chunk<T>, id, alert: &Alert| match filter.accepts(alert) {
            Some(true) => (fold.add)(&mut chunk.sum, alert),
            Some(false) => {}
            None => chunk.unchecked.push(Stored { id, alert: alert.clone() }),
        };
        let scan = Scan { filter, blocks, newest: i64::MAX, empty: fold.empty, take: &take };
        let is_over = self.is_over();
        self.each_chunk(&scan, &mut |_, chunk| {
            (fold.merge)(&mut sum, chunk.sum);
            for stored in chunk.unchecked {
                check_over(is_over.as_ref(), stored.id.saturating_add(1))?;
                if search.accepts(&stored.alert) {
                    (fold.add)(&mut sum, &stored.alert);
                }
            }
            Ok(Further::On)
        })?;
        Ok(sum)
    }

    /// Visits the wanted alerts of some blocks up to one, newest first, on several threads. Returns `None` if that
    /// isn't possible or not worthwhile.
    pub(super) fn scan(
        &mut self,
        search: &Search<'_>,
        blocks: &[i64],
        newest: i64,
        visit: Visit<'_>,
    ) -> Result<Option<Further>, StoreProblem> {
        let Some(filter) = search.row_filter().filter(|_| self.has_threads_for(blocks)) else {
            return Ok(None);
        };
        let take = |chunk: &mut Chunk<()>, id, alert: &Alert| {
            if filter.accepts(alert) != Some(false) {
                chunk.unchecked.push(Stored { id, alert: alert.clone() });
            }
        };
        let scan = Scan { filter, blocks, newest, empty: &|| (), take: &take };
        let is_over = self.is_over();
        let further = self.each_chunk(&scan, &mut |connection, chunk| {
            let found = chunk.unchecked;
            let ids =
                found.last().zip(found.first()).map(|(oldest, newest)| (oldest.id, newest.id));
            let Some(ids) = ids else { return Ok(Further::On) };
            let mut said = search.triage.read(connection, ids)?;
            for mut stored in found {
                if filter.accepts(&stored.alert).is_none() {
                    check_over(is_over.as_ref(), stored.id.saturating_add(1))?;
                }
                stored.alert.triage = said.remove(&stored.id).map(Box::new);
                if search.accepts(&stored.alert) && visit(stored) == Further::Enough {
                    return Ok(Further::Enough);
                }
            }
            Ok(Further::On)
        })?;
        Ok(Some(further))
    }

    /// Whether there are enough blocks for several threads, and a reader for each, which is opened if there is none yet.
    fn has_threads_for(&mut self, blocks: &[i64]) -> bool {
        if blocks.len() < WORTHWHILE {
            return false;
        }
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
        while self.chunk_readers.len() < threads {
            let Some(reader) = self.chunk_reader() else { break };
            self.chunk_readers.push(reader);
        }
        self.chunk_readers.len() > 1
    }

    /// A reader of the same file; `None` if it can't be opened again, or another has its name now.
    fn chunk_reader(&self) -> Option<ChunkReader> {
        let is_same = || FileId::of(&self.path).is_ok_and(|file| file == self.file());
        // Before, too: a journal of one file must not be read with another.
        let connection = is_same().then(|| connect::to_read(&self.path, self.wait).ok())??;
        is_same().then(|| ChunkReader::new(connection, self.interned.for_another_thread()))
    }

    /// Visits the chunks of blocks in their order.
    fn each_chunk<T: Send>(
        &mut self,
        scan: &Scan<'_, T>,
        visit: &mut VisitChunk<'_, T>,
    ) -> Result<Further, StoreProblem> {
        let mut readers = std::mem::take(&mut self.chunk_readers);
        let threads = readers.len();
        let result = thread::scope(|scope| {
            let mut chunks = Vec::new();
            for (n, reader) in readers.iter_mut().enumerate() {
                let (send, receive) = sync_channel(AHEAD);
                scope.spawn(move || reader.send_chunks(scan, (n, threads), &send));
                chunks.push(receive);
            }
            // When it returns, the threads can't send any more, and end.
            self.receive(scan, &chunks, visit)
        });
        self.chunk_readers = readers;
        result
    }

    fn receive<T>(
        &mut self,
        scan: &Scan<'_, T>,
        chunks: &[Receiver<Result<Chunk<T>, StoreProblem>>],
        visit: &mut VisitChunk<'_, T>,
    ) -> Result<Further, StoreProblem> {
        for (blocks, chunk) in scan.blocks.chunks(CHUNK).zip(chunks.iter().cycle()) {
            let last = blocks.first().map_or(0, |block| end_of_block(block * BLOCK));
            self.check_over(last.min(scan.newest).saturating_add(1))?;
            self.check_interrupted()?;
            // A thread ends early only when it panics, which is passed on when it is joined.
            let Ok(chunk) = chunk.recv() else { break };
            let chunk = chunk?;
            self.unreadable += chunk.unreadable;
            if visit(&self.connection, chunk)? == Further::Enough {
                return Ok(Further::Enough);
            }
        }
        Ok(Further::On)
    }
}

impl ChunkReader {
    /// Sends each of its chunks, until none is wanted any more.
    fn send_chunks<T>(
        &mut self,
        scan: &Scan<'_, T>,
        (nth, of): (usize, usize),
        send: &SyncSender<Result<Chunk<T>, StoreProblem>>,
    ) {
        for blocks in scan.blocks.chunks(CHUNK).skip(nth).step_by(of) {
            let chunk = self.chunk(scan, blocks);
            let is_last = chunk.is_err();
            if send.send(chunk).is_err() || is_last {
                return;
            }
        }
    }

    fn chunk<T>(&mut self, scan: &Scan<'_, T>, blocks: &[i64]) -> Result<Chunk<T>, StoreProblem> {
        let mut chunk = Chunk { sum: (scan.empty)(), unchecked: Vec::new(), unreadable: 0 };
        for adjacent in blocks.chunk_by(|newer, older| *newer == older + 1) {
            let (Some(newest), Some(oldest)) = (adjacent.first(), adjacent.last()) else {
                continue;
            };
            let ids = (oldest * BLOCK, end_of_block(newest * BLOCK).min(scan.newest));
            let from = chunk.unchecked.len();
            self.read(scan, ids, &mut chunk)?;
            if let Some(added) = chunk.unchecked.get_mut(from..) {
                added.reverse();
            }
        }
        Ok(chunk)
    }

    /// Takes the alerts with these ids, oldest first.
    fn read<T>(
        &mut self,
        scan: &Scan<'_, T>,
        (from, to): (i64, i64),
        chunk: &mut Chunk<T>,
    ) -> Result<(), StoreProblem> {
        let mut next = from;
        match self.read_quickly(scan, (&mut next, to), chunk) {
            Err(StoreProblem::Damaged(_)) => {}
            result => return result,
        }
        // A page can't be read. Rows on other pages can.
        let may_be = |signature| scan.filter.may_be(|| signature);
        for row in rows(&self.connection, &mut self.interned, (next, to), &may_be)? {
            match row {
                StoredRow::Alert(stored) => (scan.take)(chunk, stored.id, &stored.alert),
                StoredRow::Damaged(_) => chunk.unreadable += 1,
            }
        }
        Ok(())
    }

    /// The same, up to a page that can't be read. `next` is then behind the last row that was taken or counted.
    fn read_quickly<T>(
        &mut self,
        scan: &Scan<'_, T>,
        (next, to): (&mut i64, i64),
        chunk: &mut Chunk<T>,
    ) -> Result<(), StoreProblem> {
        let Self { connection, interned, alert } = self;
        let mut select = connection.prepare_cached(RANGE)?;
        let mut rows = select.query([*next, to])?;
        while let Some(row) = rows.next()? {
            // Of most rows only what decides is read: getting a column takes as long as searching it.
            let (signature, record) = (|| row.get(1).ok(), || row::bytes(row));
            if !scan.filter.may_be(signature) || !scan.filter.may_have(record) {
                continue;
            }
            let id: i64 = row.get(0)?;
            let following = following(id, (*next, to))?;
            match row::decode_into(alert, row, connection, interned)? {
                Ok(()) => (scan.take)(chunk, id, alert),
                Err(_) => chunk.unreadable += 1,
            }
            *next = following;
        }
        Ok(())
    }
}
