//! Writes alerts.

mod journal;
mod new_file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pigear_alert::Alert;
use pigear_pipeline::EventCounter;
use rusqlite::{Connection, params};
use tracing::{debug, error, info, warn};

use super::block_rows::{self, BlockRows};
use super::change::{Change, Interner};
use super::check::Check;
use super::clock::{Clock, ClockWatch};
use super::connect;
use super::error::StoreProblem;
use super::file_id::{FileId, FileState};
use super::ids::Ids;
use super::layout::{BLOCK, SEGMENT};
use super::lock::Lock;
use super::meta::{self, last_id};
use super::open::{self, Beside, Force, Opened};
use super::record;
use super::retention::RetentionPolicy;
use super::segment_index::SegmentIndex;
use super::span::Span;

/// The writer of alerts.
pub(super) struct Writer {
    pub(super) connection: Connection,
    path: PathBuf,
    /// The file that the connection is to.
    file: FileId,
    /// The right to write to it. None while another is at its path, and that could not be opened yet.
    lock: Option<Lock>,
    /// It was said that the file isn't at its path any more.
    is_moved: bool,
    /// What is beside the file, as it was when it was opened: the journal, and the journal's index.
    beside: Beside,
    /// It was said that the journal isn't there any more.
    is_journal_gone: bool,
    soundness: Soundness,
    ids: Ids,
    /// The id of the last stored alert.
    last: i64,
    /// The oldest stored block.
    oldest: i64,
    /// The index of the current segment; `None` if it must be rebuilt.
    index: Option<SegmentIndex>,
    /// Whether all complete segments are known to be indexed.
    pub(super) is_indexed: bool,
    record: Vec<u8>,
    /// The last state of the clock, for removal by age.
    pub(super) clock: Option<ClockWatch>,
    /// The retention policy that was noted in the store.
    pub(super) noted_policy: Option<RetentionPolicy>,
    /// How many dead letters were removed unread.
    pub(super) removed_letters: EventCounter,
    /// How many alerts were removed before a lane got them.
    pub(super) removed_unread: BTreeMap<String, EventCounter>,
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
        let file = lock.store();
        let (lock, index) = (Some(lock), None);
        Ok(Self {
            connection,
            path,
            file,
            lock,
            is_moved: false,
            beside,
            is_journal_gone: false,
            soundness,
            ids,
            last,
            oldest,
            index,
            is_indexed: false,
            record,
            clock: None,
            noted_policy: None,
            removed_letters: EventCounter::default(),
            removed_unread: BTreeMap::new(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file that is written to.
    pub(super) fn file(&self) -> FileId {
        self.file
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
                    connect::let_out_of_journal(&self.connection, true)?;
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
        let mut stored = self.try_append(alerts).map_err(|problem| self.met(problem))?;
        // Readers don't know of them yet, so they are stored again where readers find them. If no other file
        // can be created, they stay in the one that was opened, wherever that is now.
        let state = FileState::of(&self.path);
        if let Ok(state) = state {
            let at_path = state.map(|state| state.id());
            if at_path != Some(self.file) && self.switch_file(at_path).is_ok() {
                stored = self.try_append(alerts).map_err(|problem| self.met(problem))?;
            }
            self.refuse_truncated(state)?;
        }
        self.last = stored;
        // If that fails, it is tried again before the next change.
        if let Err(problem) = self.keep_journal() {
            debug!("{}: {problem}", self.path.display());
        }
        Ok(stored)
    }

    /// Handles an error in writing: after damage, nothing more is written to the file.
    fn met(&mut self, problem: StoreProblem) -> StoreProblem {
        let damage = match problem {
            StoreProblem::Damaged(damage) => damage,
            StoreProblem::NotAStore => "its header was overwritten".to_owned(),
            problem => return problem,
        };
        let problem = StoreProblem::Damaged(damage.clone());
        let hint = problem.hint_at(&self.path).unwrap_or_default();
        error!("{}: {problem}; nothing more is stored in it; {hint}", self.path.display());
        self.soundness = Soundness::Damaged(damage);
        problem
    }

    fn try_append(&mut self, alerts: &[Arc<Alert>]) -> Result<i64, StoreProblem> {
        let Self { connection, ids, record, oldest, .. } = self;
        let mut change = Change::new(open::begin(connection, Force::ToDisk)?, Interner::new(ids));
        let index =
            self.index.take().map_or_else(|| SegmentIndex::of_segment(&change, self.last), Ok);
        let (mut index, mut blocks, mut id) = (index?, BlockRows::default(), self.last);
        let (connection, ids) = change.parts();
        // Kept for all alerts: finding it again takes as long as storing a small one.
        let mut insert = connection.prepare_cached("INSERT INTO alert VALUES (?1, ?2, ?3, ?4)")?;
        for alert in alerts {
            id += 1;
            if id % SEGMENT == 0 {
                std::mem::take(&mut index).write(id / SEGMENT - 1, connection)?;
            }
            let (signature, origin) = ids.of(alert, Span::new(id / BLOCK, *oldest), connection)?;
            record.clear();
            record::encode(alert, record);
            insert.execute(params![id, signature, origin, &*record])?;
            blocks.add(alert, id);
            index.add(id, signature, Some(alert));
        }
        drop(insert);
        blocks.write(Clock::now().wall, &change)?;
        meta::set_number(&change, "last", id)?;
        change.commit()?;
        self.index = Some(index);
        Ok(id)
    }

    /// Begins a change that is made whole or not at all, and that may be lost if the power fails.
    pub(super) fn change(&mut self) -> Result<Change<'_>, StoreProblem> {
        self.ready()?;
        let transaction = open::begin(&mut self.connection, Force::Nothing)?;
        Ok(Change::new(transaction, Interner::new(&mut self.ids)))
    }

    /// The blocks for which a dead letter of now has its signature and origin.
    pub(super) fn span(&self) -> Span {
        Span::new(self.last / BLOCK, self.oldest)
    }

    /// Ends in order: the next start need not check. It may be called more than once; what is written after
    /// the last time isn't known to be in order, and nothing says so.
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
