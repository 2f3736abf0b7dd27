//! Opening a store: to write, beside somebody who writes, or to read.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tracing::info;

use super::check::Check;
use super::error::StoreProblem;
use super::lock::{Ended, Lock};
use super::schema::{self, APPLICATION, VERSION};

/// Alerts have packets in them, which are nobody else's business.
pub(super) const MODE: u32 = 0o640;

/// How long to wait for somebody else who writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// So much of the database is kept in memory, in KiB.
const CACHE: i64 = 32 * 1024;

/// So many pages gather in the journal before they are moved into the file: the last pages of each table
/// are written again and again, and so are moved less often.
const JOURNAL_PAGES: i64 = 4_000;

/// The journal is cut to so many bytes when there is nothing in it any more.
const JOURNAL: i64 = 32 << 20;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileKind {
    Nothing,
    /// A store of this version.
    Store(u32),
    Other,
}

impl FileKind {
    /// Looks, and changes nothing. Not by reading the file ourselves: in closing it again, this process
    /// would lose the locks that its connections have on it.
    fn of(path: &Path) -> Result<Self, StoreProblem> {
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Nothing),
            Err(error) => return Err(error.into()),
            Ok(metadata) if metadata.is_dir() => {
                return Err(io::Error::from(Errno::EISDIR).into());
            }
            Ok(metadata) if metadata.len() == 0 => return Ok(Self::Nothing),
            Ok(_) => {}
        }
        access(path, AccessFlags::R_OK).map_err(io::Error::from)?;
        let number = |connection: &Connection, pragma| {
            connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, u32>(0))
        };
        let numbers = connect_to_read(path).and_then(|connection| {
            Ok((number(&connection, "application_id")?, number(&connection, "user_version")?))
        });
        match numbers {
            Ok((APPLICATION, version)) => Ok(Self::Store(version)),
            Ok(_) | Err(StoreProblem::NotAStore) => Ok(Self::Other),
            Err(problem) => Err(problem),
        }
    }
}

/// A store that alerts are written to.
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) lock: Lock,
    /// Whether it is still looked through for damage: then nothing may leave the journal.
    pub(super) check: Option<Check>,
}

/// Opens a store to write alerts, and creates it if there is none. After a sudden end, it is waited so long,
/// if at all, for whether there is damage.
pub(super) fn to_write(
    path: &Path,
    check_timeout: Option<Duration>,
) -> Result<Opened, StoreProblem> {
    let kind = FileKind::of(path)?;
    refuse_others(kind)?;
    let (mut lock, ended) = Lock::take(path)?;
    if fs::exists(path)? {
        // The database itself would only say so once something is written.
        access(path, AccessFlags::W_OK).map_err(io::Error::from)?;
    } else {
        OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    }
    let is_old = matches!(kind, FileKind::Store(version) if version < VERSION);
    let mut check = None;
    if kind != FileKind::Nothing && ended == Ended::Suddenly {
        info!("{} was not closed in order; it is checked for damage", path.display());
        let begun = Check::start(path)?;
        let check_timeout = if is_old { Some(Duration::MAX) } else { check_timeout };
        match check_timeout.and_then(|check_timeout| begun.wait(check_timeout)) {
            Some(found) => found?,
            None => check = Some(begun),
        }
    }
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    match kind {
        FileKind::Store(version) if is_old => schema::migrate(&mut connection, version)?,
        FileKind::Store(_) => {}
        FileKind::Nothing | FileKind::Other => schema::create(&mut connection)?,
    }
    set_up(&connection)?;
    if check.is_some() {
        let_out_of_journal(&connection, false)?;
    } else {
        // So that the file's head says what this is, and not only the journal.
        checkpoint(&connection)?;
    }
    lock.begin()?;
    Ok(Opened { connection, lock, check })
}

/// Opens a store that somebody else may be writing to, for a small change.
pub(super) fn beside(path: &Path) -> Result<Connection, StoreProblem> {
    present(path)?;
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

/// Opens a store to read it, while somebody else may be writing to it.
pub(super) fn to_read(path: &Path) -> Result<Connection, StoreProblem> {
    present(path)?;
    connect_to_read(path)
}

fn connect_to_read(path: &Path) -> Result<Connection, StoreProblem> {
    let readable = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(probed);
    match readable {
        Err(StoreProblem::Io(_)) if !is_written_to(path) => {
            // Where nothing may be written, not even the files beside it that reading needs.
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            let name = path.to_string_lossy().replace('%', "%25").replace('?', "%3f");
            let uri = format!("file:{}?immutable=1", name.replace('#', "%23"));
            probed(connect(Path::new(&uri), flags)?)
        }
        result => result,
    }
}

fn probed(connection: Connection) -> Result<Connection, StoreProblem> {
    connection.query_row("PRAGMA user_version", [], |_| Ok(()))?;
    Ok(connection)
}

/// Whether there is a journal: then the file alone is not the store.
fn is_written_to(path: &Path) -> bool {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-wal");
    fs::metadata(PathBuf::from(journal)).is_ok_and(|journal| journal.len() > 0)
}

fn present(path: &Path) -> Result<(), StoreProblem> {
    let kind = FileKind::of(path)?;
    refuse_others(kind)?;
    match kind {
        FileKind::Nothing => Err(StoreProblem::Missing),
        _ => Ok(()),
    }
}

fn refuse_others(kind: FileKind) -> Result<(), StoreProblem> {
    match kind {
        FileKind::Store(version) if version > VERSION => Err(StoreProblem::Newer { version }),
        FileKind::Store(_) | FileKind::Nothing => Ok(()),
        FileKind::Other => Err(StoreProblem::NotAStore),
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreProblem> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
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

/// Says whether what is written is moved from the journal into the file by and by.
pub(super) fn let_out_of_journal(connection: &Connection, out: bool) -> Result<(), StoreProblem> {
    let pages = if out { JOURNAL_PAGES } else { 0 };
    connection.pragma_update(None, "wal_autocheckpoint", pages)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !out)?;
    Ok(())
}

/// What a change has to outlive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Force {
    /// A loss of power: it is forced to the disk, with all before it.
    ToDisk,
    /// The end of the process, however sudden.
    Nothing,
}

/// Begins a change that is made whole or not at all.
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

/// Moves what is in the journal into the file, as far as nobody reads older versions of it.
pub(super) fn checkpoint(connection: &Connection) -> Result<(), StoreProblem> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    Ok(())
}
