//! Writing alerts.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pigear_alert::Alert;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tracing::{debug, info, warn};

use super::check::Check;
use super::error::StoreProblem;
use super::interned::Ids;
use super::lock::Lock;
use super::open::{self, Force, Opened};
use super::record;
use super::schema::{BLOCK, SEGMENT};
use super::segment_index::SegmentIndex;

/// The one that writes alerts.
pub(super) struct Writer {
    pub(super) connection: Connection,
    path: PathBuf,
    lock: Lock,
    soundness: Soundness,
    ids: Ids,
    /// The id of the last alert that was stored.
    last: i64,
    /// The index of the segment that alerts come into; `None` if they must be made anew.
    index: Option<SegmentIndex>,
    record: Vec<u8>,
}

/// Whether the file is damaged.
enum Soundness {
    /// It is not.
    Sound,
    /// It is being looked through.
    InCheck(Check),
    /// It is, in this way.
    Damaged(String),
}

/// What is indexed of the blocks that a batch is in.
#[derive(Default)]
struct BlockRows(HashMap<i64, BlockRow>);

/// From when alerts of one block are.
struct BlockRow {
    first: i64,
    last: i64,
    received: i64,
    n: i64,
}

impl BlockRows {
    fn add(&mut self, alert: &Alert, id: i64) {
        let time = record::microseconds(alert.timestamp());
        let received = alert.received.as_second();
        let block = self.0.entry(id / BLOCK).or_insert(BlockRow {
            first: time,
            last: time,
            received,
            n: 0,
        });
        block.first = block.first.min(time);
        block.last = block.last.max(time);
        block.received = block.received.max(received);
        block.n += 1;
    }

    fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut insert = connection.prepare_cached(
            "INSERT INTO block VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET \
            first = min(first, excluded.first), last = max(last, excluded.last), \
            received = max(received, excluded.received), n = n + excluded.n",
        )?;
        for (id, block) in &self.0 {
            insert.execute(params![id, block.first, block.last, block.received, block.n])?;
        }
        Ok(())
    }
}

impl Writer {
    /// Opens a store, or creates it. After a sudden end, it is waited so long, if at all,
    /// for whether there is damage.
    pub(super) fn open(
        path: PathBuf,
        check_timeout: Option<Duration>,
    ) -> Result<Self, StoreProblem> {
        let Opened { connection, lock, check } = open::to_write(&path, check_timeout)?;
        let soundness = check.map_or(Soundness::Sound, Soundness::InCheck);
        let last = last_id(&connection)?;
        let (ids, record) = (Ids::default(), Vec::new());
        Ok(Self { connection, path, lock, soundness, ids, last, index: None, record })
    }

    /// Whether the file is known to be sound.
    ///
    /// # Errors
    /// If it is damaged.
    pub(super) fn is_sound(&mut self) -> Result<bool, StoreProblem> {
        if let Soundness::InCheck(check) = &self.soundness
            && let Some(found) = check.wait(Duration::ZERO)
        {
            self.soundness = match found {
                Ok(()) => Soundness::Sound,
                Err(StoreProblem::Damaged(damage)) => Soundness::Damaged(damage),
                Err(problem) => Soundness::Damaged(problem.to_string()),
            };
            if matches!(self.soundness, Soundness::Sound) {
                info!("{} is sound", self.path.display());
                open::let_out_of_journal(&self.connection, true)?;
            }
        }
        match &self.soundness {
            Soundness::Sound => Ok(true),
            Soundness::InCheck(_) => Ok(false),
            Soundness::Damaged(damage) => Err(StoreProblem::Damaged(damage.clone())),
        }
    }

    /// The id of the last alert that was stored; 0 if there was none yet.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    /// Stores alerts, all or none, and returns the id of the last.
    pub(super) fn append(&mut self, alerts: &[Arc<Alert>]) -> Result<i64, StoreProblem> {
        let result = self.is_sound().and_then(|_| self.try_append(alerts));
        match result {
            Ok(last) => {
                self.last = last;
                Ok(last)
            }
            Err(error) => {
                // Some may be known that were taken back.
                self.ids = Ids::default();
                Err(error)
            }
        }
    }

    fn try_append(&mut self, alerts: &[Arc<Alert>]) -> Result<i64, StoreProblem> {
        let Self { connection, ids, record, .. } = self;
        let change = open::begin(connection, Force::ToDisk)?;
        let index =
            self.index.take().map_or_else(|| SegmentIndex::of_segment(&change, self.last), Ok);
        let (mut index, mut blocks, mut id) = (index?, BlockRows::default(), self.last);
        {
            let mut insert = change.prepare_cached("INSERT INTO alert VALUES (?1, ?2, ?3, ?4)")?;
            for alert in alerts {
                id += 1;
                if id % SEGMENT == 0 {
                    std::mem::take(&mut index).write(id / SEGMENT - 1, &change)?;
                }
                let (signature, origin) = ids.of(alert, &change)?;
                record.clear();
                record::encode(alert, record);
                insert.execute(params![id, signature, origin, &*record])?;
                blocks.add(alert, id);
                index.add(id, signature, (alert.src_ip(), alert.dst_ip()));
            }
        }
        blocks.write(&change)?;
        let mut note = change.prepare_cached("INSERT OR REPLACE INTO meta VALUES ('last', ?1)")?;
        note.execute([id])?;
        drop(note);
        change.commit()?;
        self.index = Some(index);
        Ok(id)
    }

    /// Begins a change that is made whole or not at all, and that may be lost if the power fails.
    pub(super) fn change(&mut self) -> Result<(Transaction<'_>, &mut Ids), StoreProblem> {
        self.is_sound()?;
        Ok((open::begin(&mut self.connection, Force::Nothing)?, &mut self.ids))
    }

    /// Ends in order. What is still written after this is checked at the next start.
    pub(super) fn close(&mut self) {
        if !self.is_sound().is_ok_and(|sound| sound) {
            return;
        }
        if let Err(error) = open::checkpoint(&self.connection) {
            debug!("{}: {error}", self.path.display());
        }
        if let Err(error) = self.lock.end() {
            warn!("{}: cannot note that it was left in order: {error}", self.path.display());
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

/// The last id that was given: none is given twice, even if its alert was removed.
pub(super) fn last_id(connection: &Connection) -> rusqlite::Result<i64> {
    let last: Option<i64> = connection
        .query_row("SELECT value FROM meta WHERE key = 'last'", [], |row| row.get(0))
        .optional()?;
    Ok(last.unwrap_or_default())
}
