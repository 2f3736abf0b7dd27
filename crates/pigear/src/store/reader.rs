//! Reads alerts, while another process may be writing.

mod reading;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pigear_alert::Alert;
use rusqlite::Connection;

use super::chunk_reader::ChunkReader;
use super::connect;
use super::count::PriorityCounts;
use super::criteria::Criteria;
use super::damage::Damage;
use super::error::{StoreError, StoreProblem};
use super::file_id::{FileId, FileState};
use super::identity::StoreIdentity;
use super::interned::InternedRows;
use super::layout::{BLOCK, VERSION, end_of_block};
use super::meta::last_id;
use super::part::{Order, Part};
use super::row::{Stored, StoredRow};
use super::row_range::rows;
use super::search::Search;

/// Reads alerts. Unreadable ones are skipped, and [counted](Self::unreadable).
pub struct Reader {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    pub(super) interned: InternedRows,
    /// The file that the connection is to.
    file: Option<FileId>,
    /// What the file was like when it was opened.
    state: Option<FileState>,
    /// The journal that was open then.
    journal: (PathBuf, Option<FileId>),
    /// Which store it is, if that is not in it.
    unnamed: StoreIdentity,
    pub(super) unreadable: u64,
    /// Whether a search met damage in what makes it quick.
    pub(super) damage: Damage,
    /// Whether a search is to end early.
    is_over: Option<IsOver>,
    /// Whether what is being read is to be interrupted.
    interrupt: Option<Arc<Mutex<Interrupt>>>,
    /// How long to wait for a program that has the store locked.
    pub(super) wait: Duration,
    /// One for each thread, once a search was shared by several.
    pub(super) chunk_readers: Vec<ChunkReader>,
    /// What is remembered for series.
    pub(super) priority_counts: Arc<PriorityCounts>,
}

type Interrupt = Box<dyn FnMut() -> bool + Send>;

pub(super) type IsOver = Arc<dyn Fn() -> bool + Send + Sync>;

/// Candidates for a search, checked one after the other.
pub(super) type Visit<'a> = &'a mut dyn FnMut(Stored) -> Further;

/// After how many instructions of SQLite a reader looks whether it should be interrupted.
const INSTRUCTIONS: i32 = 4_000;

/// Whether to continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Further {
    /// With the next alert.
    On,
    /// The search ends.
    Enough,
}

impl Reader {
    /// Opens an existing store.
    ///
    /// # Errors
    /// If the file doesn't exist, isn't a store, or can't be read.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_within(path, connect::BUSY_TIMEOUT)
    }

    /// The same, but each operation waits only for this time for a program that has the store locked.
    ///
    /// # Errors
    /// If the file doesn't exist, isn't a store, or can't be read.
    pub fn open_within(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        // Before it is opened: if it is replaced meanwhile, that is seen later.
        let file = FileId::of(path).map_err(|error| StoreProblem::from(error).at(path))?;
        let (state, unnamed) = (FileState::of(path).ok().flatten(), StoreIdentity::of_file(path));
        let connection = connect::to_read(path, wait).map_err(|problem| problem.at(path))?;
        let journal = connect::beside_path(path, "-wal");
        let journal_file = FileId::of(&journal).ok().flatten();
        let (path, interned) = (path.to_owned(), InternedRows::default());
        let (is_over, interrupt, chunk_readers) = (None, None, Vec::new());
        Ok(Self {
            connection,
            path,
            interned,
            file,
            state,
            journal: (journal, journal_file),
            unnamed,
            unreadable: 0,
            damage: Damage::default(),
            is_over,
            interrupt,
            wait,
            chunk_readers,
            priority_counts: Arc::default(),
        })
    }

    /// Ends each search with an error once this is true, which is asked again and again.
    pub fn end_when(&mut self, is_over: impl Fn() -> bool + Send + Sync + 'static) {
        self.is_over = Some(Arc::new(is_over));
    }

    /// Checks that the store is still one that this program can read: a newer Pigear may have changed it.
    ///
    /// # Errors
    /// If it isn't, or can't be read.
    pub fn check_version(&self) -> Result<(), StoreError> {
        let version = self.connection.query_row("PRAGMA user_version", [], |row| row.get(0));
        let checked = version.map_err(StoreProblem::from).and_then(|version: u32| {
            if version > VERSION { Err(StoreProblem::Newer { version }) } else { Ok(()) }
        });
        self.located(checked)
    }

    /// Interrupts what is being read, with an error, while a condition holds. It is looked at every few
    /// milliseconds.
    pub fn interrupt_while(&mut self, condition: impl FnMut() -> bool + Send + 'static) {
        let condition: Interrupt = Box::new(condition);
        let condition = Arc::new(Mutex::new(condition));
        self.interrupt = Some(Arc::clone(&condition));
        self.connection.progress_handler(INSTRUCTIONS, Some(move || is_true(&condition)));
    }

    /// The same error as if the reading was interrupted, if it is to be.
    pub(super) fn check_interrupted(&self) -> Result<(), StoreProblem> {
        if self.interrupt.as_ref().is_some_and(|condition| is_true(condition)) {
            let interrupted = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT);
            return Err(rusqlite::Error::SqliteFailure(interrupted, None).into());
        }
        Ok(())
    }

    /// Whether the store's file was replaced or removed. Alerts stored before are still read from the open
    /// one.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        FileId::of(&self.path).is_ok_and(|file| file != self.file)
    }

    /// Whether another file is at the path, or the file was written to: by a program that stores alerts, or over
    /// all that was read of it.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        FileState::of(&self.path).is_ok_and(|state| state != self.state) || self.has_lost_journal()
    }

    /// Whether another journal is beside the file, or none: what is stored from then on is not in the one that is
    /// open, so the store must be opened again.
    #[must_use]
    pub fn has_lost_journal(&self) -> bool {
        let (path, file) = &self.journal;
        FileId::of(path).is_ok_and(|now| now != *file)
    }

    /// Which store it is.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn identity(&self) -> Result<StoreIdentity, StoreError> {
        self.located(self.store_identity())
    }

    pub(super) fn store_identity(&self) -> Result<StoreIdentity, StoreProblem> {
        Ok(StoreIdentity::of(&self.connection, self.unnamed)?)
    }

    /// The file that is read.
    pub(super) fn file(&self) -> Option<FileId> {
        self.file
    }

    /// How many unreadable alerts were met since this was opened.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Whether the index, or a table that searches need, was found to be damaged since this was opened. Then alerts
    /// are read instead, which takes longer; none is missing that can be read.
    #[must_use]
    pub fn is_index_damaged(&self) -> bool {
        self.damage.is_met()
    }

    /// Remembers the damage that a search met.
    pub(super) fn note_damage(&self, search: &Search<'_>) {
        if search.damage.is_met() {
            self.damage.note();
        }
    }

    pub(super) fn located<T>(&self, result: Result<T, StoreProblem>) -> Result<T, StoreError> {
        result.map_err(|problem| problem.at(&self.path))
    }

    /// The id of the last stored alert; 0 if there is none yet.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn last(&self) -> Result<i64, StoreError> {
        self.located(self.last_id())
    }

    pub(super) fn last_id(&self) -> Result<i64, StoreProblem> {
        Ok(last_id(&self.connection)?)
    }

    /// The id of the first stored alert; `None` if there is none.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn first(&self) -> Result<Option<i64>, StoreError> {
        self.located(self.first_behind(0))
    }

    /// The id of the first alert with a higher id than this; `None` if there is none.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn next_id(&self, id: i64) -> Result<Option<i64>, StoreError> {
        self.located(self.first_behind(id))
    }

    /// The number of the first alert behind this one.
    pub(super) fn first_behind(&self, id: i64) -> Result<Option<i64>, StoreProblem> {
        let mut select =
            self.connection.prepare_cached("SELECT min(id) FROM alert WHERE id > ?1")?;
        Ok(select.query_row([id], |row| row.get(0))?)
    }

    /// The alert of a number.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn get(&mut self, id: i64) -> Result<Option<Alert>, StoreError> {
        let mut found = None;
        let result = self.visit((id, id), None, &mut |stored| {
            found = Some(stored.alert);
            Further::Enough
        });
        self.located(result.map(|()| found))
    }

    /// Visits the alerts that meet the criteria, newest first.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn newest(
        &mut self,
        criteria: &Criteria,
        mut visit: impl FnMut(Stored) -> Further,
    ) -> Result<(), StoreError> {
        let result = self.search_newest(criteria, i64::MAX, &mut visit);
        self.located(result)
    }

    /// The same, but only of alerts with an id below this one.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn newest_before(
        &mut self,
        id: i64,
        criteria: &Criteria,
        mut visit: impl FnMut(Stored) -> Further,
    ) -> Result<(), StoreError> {
        let result = self.search_newest(criteria, id.saturating_sub(1), &mut visit);
        self.located(result)
    }

    /// Visits the alerts after an id that meet the criteria, oldest first, and returns the id of the last
    /// alert that was checked.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn after(
        &mut self,
        id: i64,
        criteria: &Criteria,
        mut visit: impl FnMut(Stored) -> Further,
    ) -> Result<i64, StoreError> {
        // The first id is 1.
        let (id, last) = (id.max(0), self.last()?);
        if last <= id {
            return Ok(last);
        }
        let search = self.located(Search::new(criteria, &self.connection))?;
        let result = self.visit((id + 1, last), Some(&search), &mut visit);
        self.note_damage(&search);
        self.located(result.map(|()| last))
    }

    fn search_newest(
        &mut self,
        criteria: &Criteria,
        newest: i64,
        visit: Visit<'_>,
    ) -> Result<(), StoreProblem> {
        let search = Search::new(criteria, &self.connection)?;
        let result = self.find_newest(&search, criteria, newest, visit);
        self.note_damage(&search);
        result
    }

    fn find_newest(
        &mut self,
        search: &Search<'_>,
        criteria: &Criteria,
        newest: i64,
        visit: Visit<'_>,
    ) -> Result<(), StoreProblem> {
        for (n, segments) in search.windows(newest).enumerate() {
            let blocks = search.blocks(&self.connection, segments)?;
            // Most searches end in the first window. A visitor that wants everything is slower than the reading.
            if n > 0
                && criteria.is_selective()
                && let Some(further) = self.scan(search, &blocks, newest, visit)?
            {
                match further {
                    Further::On => continue,
                    Further::Enough => break,
                }
            }
            for block in blocks {
                let (first, last) = (block * BLOCK, end_of_block(block * BLOCK).min(newest));
                if first > newest {
                    continue;
                }
                self.check_over(last.saturating_add(1))?;
                let Part { found, over } =
                    self.read((first, last), Some(search), Order::NewestFirst)?;
                for stored in found {
                    if visit(*stored) == Further::Enough {
                        return Ok(());
                    }
                }
                over?;
            }
        }
        Ok(())
    }

    pub(super) fn check_over(&self, reached: i64) -> Result<(), StoreProblem> {
        check_over(self.is_over.as_ref(), reached)
    }

    /// When searches end early.
    pub(super) fn is_over(&self) -> Option<IsOver> {
        self.is_over.clone()
    }

    /// The wanted alerts of a block, oldest first.
    #[expect(clippy::vec_box, reason = "alerts are large: none is moved when the list grows")]
    pub(super) fn block(
        &mut self,
        search: &Search<'_>,
        block: i64,
    ) -> Result<Vec<Box<Stored>>, StoreProblem> {
        self.check_over(block * BLOCK)?;
        let ids = (block * BLOCK, block * BLOCK + BLOCK - 1);
        let Part { found, over } = self.read(ids, Some(search), Order::OldestFirst)?;
        over.map(|()| found)
    }

    /// Visits the rows with these ids, oldest first, as of one moment: changes meanwhile are not seen.
    pub(super) fn visit_rows(
        &mut self,
        (from, to): (i64, i64),
        visit: &mut dyn FnMut(StoredRow) -> Further,
    ) -> Result<(), StoreProblem> {
        let Self { connection, interned, .. } = self;
        let moment = connection.unchecked_transaction()?;
        let mut next = from;
        while next <= to {
            let last = end_of_block(next).min(to);
            for row in rows(&moment, interned, (next, last), &|_| true)? {
                if visit(row) == Further::Enough {
                    return Ok(());
                }
            }
            if last == to {
                break;
            }
            next = last + 1;
        }
        moment.finish()?;
        Ok(())
    }

    fn visit(
        &mut self,
        (from, to): (i64, i64),
        search: Option<&Search<'_>>,
        visit: Visit<'_>,
    ) -> Result<(), StoreProblem> {
        let mut next = from;
        while next <= to {
            self.check_over(next.saturating_sub(1))?;
            let last = end_of_block(next).min(to);
            let Part { found, over } = self.read((next, last), search, Order::OldestFirst)?;
            let is_empty = found.is_empty();
            for stored in found {
                if visit(*stored) == Further::Enough {
                    return Ok(());
                }
            }
            over?;
            if last == to {
                break;
            }
            // Numbers may begin at any, and have gaps.
            next = match is_empty.then(|| self.first_behind(last)) {
                Some(Ok(None)) => break,
                Some(Ok(Some(first))) => first.max(last + 1),
                None | Some(Err(StoreProblem::Damaged(_))) => last + 1,
                Some(Err(problem)) => return Err(problem),
            };
        }
        Ok(())
    }
}

/// An error once a search is to end early.
pub(super) fn check_over(is_over: Option<&IsOver>, reached: i64) -> Result<(), StoreProblem> {
    match is_over {
        Some(is_over) if is_over() => Err(StoreProblem::Unfinished { reached }),
        _ => Ok(()),
    }
}

/// Whether a row may be wanted, by its signature. One whose signature can't be read is.
fn may_be(signature: Option<i64>, search: Option<&Search<'_>>) -> bool {
    search.zip(signature).is_none_or(|(search, signature)| search.may_be(signature))
}

fn is_true(condition: &Mutex<Interrupt>) -> bool {
    let mut condition = condition.lock().unwrap_or_else(PoisonError::into_inner);
    (*condition)()
}
