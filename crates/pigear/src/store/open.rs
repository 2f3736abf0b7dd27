//! Opens a store for writing.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{AccessFlags, access};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tracing::{info, warn};

use super::check::Check;
use super::connect::{
    BUSY_TIMEOUT, beside_path, connect, has_journal, kind_of, let_out_of_journal, refuse_others,
};
use super::error::StoreProblem;
use super::file_id::FileId;
use super::identity;
use super::kind::FileKind;
use super::lanes;
use super::layout::{MODE, VERSION};
use super::lock::{Ended, Lock};
use super::meta;
use super::moving::unused_name;
use super::schema;

/// The size of the database's page cache, in KiB.
const CACHE: i64 = 32 * 1024;

/// How long emptying the journal waits for readers.
const EMPTY_TIMEOUT: Duration = Duration::from_millis(200);

/// The journal is truncated to this many bytes when it is empty.
const JOURNAL: i64 = 32 << 20;

/// The journal and the journal's index, as they are or were.
pub(super) type Beside = [(PathBuf, Option<FileId>); 2];

/// A store that is open for writing.
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) lock: Lock,
    /// Whether it is still being checked for damage: then nothing may leave the journal.
    pub(super) check: Option<Check>,
    /// The files that `SQLite` created beside it: the journal, and the journal's index.
    pub(super) beside: Beside,
}

/// Opens a store for writing, and creates it if there is none. If it was not closed cleanly, the check
/// for damage is waited for, at most this long.
pub(super) fn to_write(
    path: &Path,
    check_timeout: Option<Duration>,
) -> Result<Opened, StoreProblem> {
    // Before anything is opened: even reading creates an empty journal.
    let has_journal = has_journal(path);
    let mut kind = kind_of(path)?;
    refuse_others(kind)?;
    make_writable(path)?;
    let (mut lock, ended) = Lock::take(path)?;
    if kind == FileKind::Nothing {
        // Another Pigear may have begun it meanwhile.
        kind = kind_of(path)?;
        refuse_others(kind)?;
    }
    if kind == FileKind::Nothing && has_journal {
        set_journal_aside(path)?;
    }
    let is_old = matches!(kind, FileKind::Store(version) if version < VERSION);
    let mut check = None;
    if kind != FileKind::Nothing && ended != Ended::InOrder {
        info!("{} was not closed cleanly; checking it for damage", path.display());
        if ended == Ended::WithJournal && !has_journal {
            say_journal_is_gone(path);
        }
        let begun = Check::start(path)?;
        let check_timeout = if is_old { Some(Duration::MAX) } else { check_timeout };
        match check_timeout.and_then(|check_timeout| begun.wait(check_timeout)) {
            Some(found) => found?,
            None => check = Some(begun),
        }
    }
    prepare_tables(path, kind)?;
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    set_up(&connection)?;
    if check.is_some() {
        let_out_of_journal(&connection, false)?;
    } else {
        // So that the file's header identifies a store, and not only the journal.
        checkpoint(&connection)?;
    }
    begin_journal(&mut connection)?;
    lock.begin()?;
    let beside = files_beside(path)?;
    Ok(Opened { connection, lock, check, beside })
}

/// The journal and the journal's index, as they are now.
fn files_beside(path: &Path) -> io::Result<Beside> {
    let [journal, index] = ["-wal", "-shm"].map(|end| beside_path(path, end));
    let of = |path: PathBuf| FileId::of(&path).map(|file| (path, file));
    Ok([of(journal)?, of(index)?])
}

/// Another connection to a store that this process has open and locked, with the journal that is there now, or a new
/// one; and that journal and its index.
pub(super) fn again(path: &Path) -> Result<(Connection, Beside), StoreProblem> {
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    set_up(&connection)?;
    let change = begin(&mut connection, Force::ToDisk)?;
    count_start(&change)?;
    change.commit()?;
    let beside = files_beside(path)?;
    Ok((connection, beside))
}

/// Writes something into the journal: so while the store is in use, a missing or empty journal means that it was
/// removed.
fn count_start(change: &Transaction<'_>) -> rusqlite::Result<()> {
    let starts = meta::number(change, "starts")?.unwrap_or_default();
    meta::set_number(change, "starts", starts.wrapping_add(1))
}

/// Creates the tables, or migrates those of an older version. On a separate connection: one that has
/// changed its tables can't move the journal into the file at once.
fn prepare_tables(path: &Path, kind: FileKind) -> Result<(), StoreProblem> {
    if kind == FileKind::Store(VERSION) {
        return Ok(());
    }
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    match kind {
        FileKind::Store(version) => schema::migrate(&mut connection, version),
        FileKind::Nothing | FileKind::Other => schema::create(&mut connection),
    }
}

/// Creates the file if there is none; otherwise it must be writable.
pub(super) fn make_writable(path: &Path) -> Result<(), StoreProblem> {
    match OpenOptions::new().write(true).create_new(true).mode(MODE).open(path) {
        Ok(file) => {
            file.sync_all()?;
            let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
            // So that the name survives a power failure; not all directories can be opened.
            let _ = File::open(dir.unwrap_or(Path::new("."))).and_then(|dir| dir.sync_all());
            return Ok(());
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        // Creating may be forbidden where the file exists.
        Err(error) if !path.exists() => return Err(error.into()),
        Err(_) => {}
    }
    // The database itself would report this only at the first write.
    access(path, AccessFlags::W_OK).map_err(io::Error::from)?;
    let links = fs::metadata(path)?.nlink();
    if links > 1 {
        warn!(
            "{} has {links} names (hard links); always use the same: the journal is found by the name",
            path.display()
        );
    }
    Ok(())
}

/// Renames the journal of a file that isn't there: for a new file, `SQLite` would remove it.
fn set_journal_aside(path: &Path) -> io::Result<()> {
    let journal = beside_path(path, "-wal");
    let to = unused_name(&journal);
    fs::rename(&journal, &to)?;
    warn!(
        "{0} is not there, or empty, but its journal was: it is now {1}, and has what was stored last; before you \
        open the file that was there, rename the journal to that file's name with -wal at the end, beside it",
        path.display(),
        to.display()
    );
    Ok(())
}

fn say_journal_is_gone(path: &Path) {
    warn!(
        "{0} was not closed cleanly, and its journal {0}-wal is gone: what was stored last is lost, up to \
        {1} MB, and what was done with it is not known; if you have the journal, stop Pigear, put it back, \
        and start again",
        path.display(),
        JOURNAL >> 20
    );
}

/// Begins the journal, and what a start changes.
fn begin_journal(connection: &mut Connection) -> rusqlite::Result<()> {
    let change = begin(connection, Force::Nothing)?;
    count_start(&change)?;
    identity::ensure(&change)?;
    lanes::clear_in_use(&change)?;
    change.commit()
}

fn set_up(connection: &Connection) -> Result<(), StoreProblem> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreProblem::Database(format!("cannot keep a journal here, but {mode}")));
    }
    connection.pragma_update(None, "cache_size", -CACHE)?;
    connection.pragma_update(None, "journal_size_limit", JOURNAL)?;
    let_out_of_journal(connection, true)
}

/// What a change must survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Force {
    /// A power failure: it is synced to the disk, with all changes before it.
    ToDisk,
    /// The end of the process.
    Nothing,
}

/// Begins a transaction.
pub(super) fn begin(
    connection: &mut Connection,
    force: Force,
) -> rusqlite::Result<Transaction<'_>> {
    let synchronous = match force {
        Force::ToDisk => "FULL",
        Force::Nothing => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Moves all of the journal into the file, and empties it. Returns whether that was possible: no reader may be at it.
pub(super) fn empty_journal(connection: &Connection) -> Result<bool, StoreProblem> {
    connection.busy_timeout(EMPTY_TIMEOUT)?;
    let is_busy =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(is_busy? == 0)
}

/// Moves the journal's contents into the file, as far as no reader uses an older version. Returns whether
/// all of it was moved.
pub(super) fn checkpoint(connection: &Connection) -> Result<bool, StoreProblem> {
    let [is_busy, pages, moved] =
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            Ok([row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?])
        })?;
    Ok(is_busy == 0 && pages >= 0 && pages == moved)
}
