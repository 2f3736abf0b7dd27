//! Connections to an existing store: for reading, or for a small change beside the writer.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::StoreProblem;
use super::kind::FileKind;
use super::layout::VERSION;
use crate::file_name::with_end;

/// How long to wait for another process that writes.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The size of the journal, in pages, at which they are moved into the file: the last pages of each table are
/// written repeatedly, and so are moved less often.
const JOURNAL_PAGES: i64 = 4_000;

/// What a file is, together with its journal. Changes nothing.
pub(super) fn kind_of(path: &Path) -> Result<FileKind, StoreProblem> {
    kind_within(path, BUSY_TIMEOUT)
}

/// The same, but waits only for this time for a program that has it locked.
fn kind_within(path: &Path, wait: Duration) -> Result<FileKind, StoreProblem> {
    FileKind::read(path, || connect_to_read(path, wait))
}

/// Opens a store for a small change, while another process may be writing. It waits for this time, then and later,
/// for a program that has it locked.
pub(super) fn beside(path: &Path, wait: Duration) -> Result<Connection, StoreProblem> {
    // Before anything is opened, which creates an empty one.
    let had_journal = has_journal(path);
    present(path, wait)?;
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(wait)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    if had_journal {
        // It is the writer's. If that one is running, it moves the pages; if it was killed, the next one first checks
        // the file, and misses a journal that isn't there.
        let_out_of_journal(&connection, false)?;
    }
    Ok(connection)
}

/// Opens a store for reading, while another process may be writing. It waits for this time, then and later, for
/// a program that has it locked.
pub(super) fn to_read(path: &Path, wait: Duration) -> Result<Connection, StoreProblem> {
    let connected = present(path, wait).and_then(|()| connect_to_read(path, wait));
    connected.map_err(StoreProblem::in_reading)
}

pub(super) fn connect_to_read(path: &Path, wait: Duration) -> Result<Connection, StoreProblem> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let readable = connection.and_then(|connection| {
        connection.busy_timeout(wait)?;
        probed(connection)
    });
    match readable {
        Err(StoreProblem::Io(_)) if !has_journal(path) => {
            // For a read-only directory, where the files that reading needs can't be created.
            probed(unchanging(path)?)
        }
        result => result,
    }
}

/// Opens a store without a journal as a file that nothing changes: so no file is made beside it.
pub(super) fn unchanging(path: &Path) -> Result<Connection, StoreProblem> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let name = path.to_string_lossy().replace('%', "%25").replace('?', "%3f");
    let uri = format!("file:{}?immutable=1", name.replace('#', "%23"));
    connect(Path::new(&uri), flags)
}

fn probed(connection: Connection) -> Result<Connection, StoreProblem> {
    connection.query_row("PRAGMA user_version", [], |_| Ok(()))?;
    Ok(connection)
}

/// Whether there is a journal: then the file alone is not the whole store.
pub(super) fn has_journal(path: &Path) -> bool {
    fs::metadata(beside_path(path, "-wal")).is_ok_and(|journal| journal.len() > 0)
}

/// Sets whether pages are moved from the journal into the file: automatically, and at the end.
pub(super) fn let_out_of_journal(connection: &Connection, out: bool) -> Result<(), StoreProblem> {
    let pages = if out { JOURNAL_PAGES } else { 0 };
    connection.pragma_update(None, "wal_autocheckpoint", pages)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !out)?;
    Ok(())
}

/// The path of a store with this suffix. A symbolic link to a store has none of these files.
pub(super) fn beside_path(path: &Path, end: &str) -> PathBuf {
    with_end(&fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()), end)
}

fn present(path: &Path, wait: Duration) -> Result<(), StoreProblem> {
    let kind = kind_within(path, wait)?;
    refuse_others(kind)?;
    match kind {
        // One that is empty is a store for who writes to it, and not for who reads it.
        FileKind::Nothing if path.exists() => Err(StoreProblem::Empty),
        FileKind::Nothing => Err(StoreProblem::Missing),
        _ => Ok(()),
    }
}

pub(super) fn refuse_others(kind: FileKind) -> Result<(), StoreProblem> {
    match kind {
        FileKind::Store(version) if version > VERSION => Err(StoreProblem::Newer { version }),
        FileKind::Store(_) | FileKind::Nothing => Ok(()),
        FileKind::Other => Err(StoreProblem::NotAStore),
    }
}

pub(super) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreProblem> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
