//! Writes alerts.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pigear_alert::Alert;
use rusqlite::{Connection, Transaction, params};
use tracing::{debug, error, info, warn};

use super::block_rows::{self, BlockRows};
use super::check::Check;
use super::clock::ClockWatch;
use super::error::StoreProblem;
use super::file_id::FileId;
use super::ids::{Ids, Span};
use super::lanes::{self, LaneRow};
use super::layout::{BLOCK, SEGMENT};
use super::lock::Lock;
use super::meta::{self, last_id};
use super::open::{self, Force, Opened};
use super::record;
use super::segment_index::SegmentIndex;

/// The writer of alerts.
pub(super) struct Writer {
    pub(super) connection: Connection,
    path: PathBuf,
    /// The right to write to the file of the connection. `None` while the path has another file, or
    /// none, and no new one could be opened yet.
    lock: Option<Lock>,
    /// The files beside it when it was opened.
    beside: [(PathBuf, Option<FileId>); 2],
    soundness: Soundness,
    ids: Ids,
    /// The id of the last stored alert.
    last: i64,
    /// The oldest stored block.
    oldest: i64,
    /// The index of the current segment; `None` if it must be rebuilt.
    index: Option<SegmentIndex>,
    record: Vec<u8>,
    /// The last state of the clock, for removal by age.
    pub(super) clock: Option<ClockWatch>,
    /// How many dead letters were removed unread.
    pub(super) removed_letters: u64,
}

/// Whether the file is damaged.
enum Soundness {
    /// It is not.
    Sound,
    /// The check is in progress.
    InCheck(Check),
    /// It is, with this description.
    Damaged(String),
}

/// The ids of signatures and origins for a transaction, and its blocks.
pub(super) struct Interner<'a> {
    ids: &'a mut Ids,
    span: Span,
}

impl Interner<'_> {
    pub(super) fn of(
        &mut self,
        alert: &Alert,
        connection: &Connection,
    ) -> rusqlite::Result<(i64, i64)> {
        self.ids.of(alert, self.span, connection)
    }
}

impl Writer {
    /// Opens a store, or creates it. If it was not closed cleanly, the check for damage is waited for,
    /// at most this long.
    pub(super) fn open(
        path: PathBuf,
        check_timeout: Option<Duration>,
    ) -> Result<Self, StoreProblem> {
        let Opened { connection, lock, check, beside } = open::to_write(&path, check_timeout)?;
        let soundness = check.map_or(Soundness::Sound, Soundness::InCheck);
        let last = last_id(&connection)?;
        let oldest = block_rows::oldest(&connection)?.unwrap_or(last / BLOCK);
        let (ids, record) = (Ids::default(), Vec::new());
        let (lock, index) = (Some(lock), None);
        Ok(Self {
            connection,
            path,
            lock,
            beside,
            soundness,
            ids,
            last,
            oldest,
            index,
            record,
            clock: None,
            removed_letters: 0,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Ensures that the open file is the one at the path: if it isn't any more, switches to the one at
    /// the path, or to a new one.
    ///
    /// # Errors
    /// If the file is damaged, or no file could be opened.
    pub(super) fn ready(&mut self) -> Result<(), StoreProblem> {
        if self.is_in_place() { self.is_sound().map(drop) } else { self.switch_file() }
    }

    fn is_in_place(&self) -> bool {
        let file = self.lock.as_ref().map(Lock::store);
        file.is_some() && file == FileId::of(&self.path)
    }

    /// Switches to the file that is at the path now, or to a new one. Ids and lanes continue.
    fn switch_file(&mut self) -> Result<(), StoreProblem> {
        if let Some(lock) = self.lock.take() {
            let what = match (lock.is_of_removed(), self.path.exists()) {
                (_, true) => "replaced by another",
                (true, false) => "removed",
                (false, false) => "moved away",
            };
            error!(
                "{}: the store's file was {what} while alerts are stored in it; what was stored so far is no \
                longer there, and what comes goes into the file that is there, or a new one",
                self.path.display()
            );
            if matches!(self.soundness, Soundness::Sound) && what != "removed" {
                // The journal belongs to the file, wherever that is now.
                let _ = open::checkpoint(&self.connection);
            }
        }
        for (path, file) in &self.beside {
            // A leftover journal must not be taken for that of the next file.
            if file.is_some() && FileId::of(path) == *file {
                let _ = fs::remove_file(path);
            }
        }
        let mut new = Self::open(self.path.clone(), None)?;
        let lanes = lanes::rows(&self.connection).unwrap_or_default();
        new.take_over(self.last, &lanes)?;
        (new.clock, new.removed_letters) = (self.clock, self.removed_letters);
        info!("{}: storing continues in the file that is there now", self.path.display());
        *self = new;
        Ok(())
    }

    /// Takes over the last id and the lanes of another store.
    fn take_over(&mut self, last: i64, lanes: &[LaneRow]) -> rusqlite::Result<()> {
        let change = open::begin(&mut self.connection, Force::ToDisk)?;
        self.last = self.last.max(last);
        meta::set_number(&change, "last", self.last)?;
        for lane in lanes {
            lanes::put(&change, lane)?;
        }
        change.commit()
    }

    /// Whether the file was checked and found undamaged.
    ///
    /// # Errors
    /// If it is damaged.
    pub(super) fn is_sound(&mut self) -> Result<bool, StoreProblem> {
        if let Soundness::InCheck(check) = &self.soundness
            && let Some(found) = check.wait(Duration::ZERO)
        {
            match found {
                Ok(()) => {
                    self.soundness = Soundness::Sound;
                    info!("{}: no damage found", self.path.display());
                    open::let_out_of_journal(&self.connection, true)?;
                }
                Err(StoreProblem::Damaged(damage)) => drop(self.met(StoreProblem::Damaged(damage))),
                // A file that can't be checked is not written to either.
                Err(problem) => drop(self.met(StoreProblem::Damaged(problem.to_string()))),
            }
        }
        match &self.soundness {
            Soundness::Sound => Ok(true),
            Soundness::InCheck(_) => Ok(false),
            Soundness::Damaged(damage) => Err(StoreProblem::Damaged(damage.clone())),
        }
    }

    /// The id of the last stored alert; 0 if there was none yet.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    /// The oldest stored block.
    pub(super) fn oldest(&self) -> i64 {
        self.oldest
    }

    /// Everything before this block was removed.
    pub(super) fn removed_before(&mut self, block: i64) {
        self.oldest = self.oldest.max(block);
    }

    /// Stores alerts, all or none, and returns the id of the last.
    pub(super) fn append(&mut self, alerts: &[Arc<Alert>]) -> Result<i64, StoreProblem> {
        self.ready()?;
        let mut result = self.try_append(alerts);
        if result.is_ok() && !self.is_in_place() {
            // Readers don't know of them yet: they are stored where lanes and searches find them.
            result = self.switch_file().and_then(|()| self.try_append(alerts));
        }
        match result {
            Ok(last) => {
                self.last = last;
                Ok(last)
            }
            Err(error) => {
                // Cached ids may belong to rows that were rolled back.
                self.ids = Ids::default();
                Err(self.met(error))
            }
        }
    }

    /// Handles an error in writing: after damage, nothing more is written to the file.
    fn met(&mut self, problem: StoreProblem) -> StoreProblem {
        let damage = match problem {
            StoreProblem::Damaged(damage) => damage,
            StoreProblem::NotAStore => "its header was overwritten".to_owned(),
            problem => return problem,
        };
        let problem = StoreProblem::Damaged(damage.clone());
        let hint = problem.hint().unwrap_or_default();
        error!("{}: {problem}; nothing more is stored in it; {hint}", self.path.display());
        self.soundness = Soundness::Damaged(damage);
        problem
    }

    fn try_append(&mut self, alerts: &[Arc<Alert>]) -> Result<i64, StoreProblem> {
        let Self { connection, ids, record, oldest, .. } = self;
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
                let (signature, origin) = ids.of(alert, Span::new(id / BLOCK, *oldest), &change)?;
                record.clear();
                record::encode(alert, record);
                insert.execute(params![id, signature, origin, &*record])?;
                blocks.add(alert, id);
                index.add(id, signature, (alert.src_ip(), alert.dst_ip()));
            }
        }
        blocks.write(&change)?;
        meta::set_number(&change, "last", id)?;
        change.commit()?;
        self.index = Some(index);
        Ok(id)
    }

    /// Begins a transaction that may be lost at a power failure.
    pub(super) fn change(&mut self) -> Result<(Transaction<'_>, Interner<'_>), StoreProblem> {
        self.ready()?;
        let span = Span::new(self.last / BLOCK, self.oldest);
        let interner = Interner { ids: &mut self.ids, span };
        Ok((open::begin(&mut self.connection, Force::Nothing)?, interner))
    }

    /// Closes the store cleanly. If anything is written after this, the next start checks.
    pub(super) fn close(&mut self) {
        if !self.is_in_place() || !self.is_sound().is_ok_and(|sound| sound) {
            return;
        }
        if let Err(error) = open::checkpoint(&self.connection) {
            debug!("{}: {error}", self.path.display());
        }
        if let Some(Err(error)) = self.lock.as_mut().map(Lock::end) {
            warn!("{}: cannot mark it as closed cleanly: {error}", self.path.display());
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}
