//! Looks at a store without changing any file: neither the store nor what `SQLite` puts beside it.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::block_rows;
use super::check;
use super::connect::{beside_path, connect_to_read, has_journal, let_out_of_journal, unchanging};
use super::error::StoreProblem;
use super::kind::FileKind;
use super::lock::process_of;

/// How long to wait for a program that has the store locked.
const WAIT: Duration = Duration::from_secs(1);

/// A store that is looked at.
pub(crate) struct Inspection {
    connection: Connection,
}

/// What one process sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SentBy {
    pub(crate) pid: Option<u32>,
    pub(crate) uid: Option<u32>,
    pub(crate) dialect: String,
    pub(crate) alerts: u64,
}

/// What a file is, together with its journal. Makes no file beside it. Only for processes that don't open it besides:
/// closing it would release their locks.
///
/// # Errors
/// If it can't be read.
pub(crate) fn kind_without_trace(path: &Path) -> Result<FileKind, StoreProblem> {
    FileKind::read(path, || connect_without_trace(path))
}

impl Inspection {
    /// Opens a store together with its journal.
    ///
    /// # Errors
    /// If it can't be read.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreProblem> {
        connect_without_trace(path).map(|connection| Self { connection })
    }

    /// Whether it is damaged, if that is known within this time.
    pub(crate) fn check(self, longest: Duration) -> Option<Result<(), StoreProblem>> {
        let interrupt = self.connection.get_interrupt_handle();
        let (finder, found) = channel();
        let look = move || finder.send(check::look_through(&self.connection));
        thread::Builder::new().name("check".to_owned()).spawn(look).ok()?;
        let result = found.recv_timeout(longest);
        if matches!(result, Err(RecvTimeoutError::Timeout)) {
            interrupt.interrupt();
        }
        result.ok()
    }

    /// How many alerts it has, and in how many seconds they were stored.
    ///
    /// # Errors
    /// If it can't be read.
    pub(crate) fn extent(&self) -> Result<(u64, u64), StoreProblem> {
        let version = self.connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let time = block_rows::time_of_age(version);
        let sql = format!(
            "SELECT coalesce(sum(n), 0), coalesce(max({time}) - min({time}), 0) FROM block"
        );
        let extent = self.connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (alerts, seconds): (i64, i64) = extent;
        Ok((u64::try_from(alerts).unwrap_or_default(), u64::try_from(seconds).unwrap_or_default()))
    }

    /// The number of the newest alert.
    ///
    /// # Errors
    /// If it can't be read.
    pub(crate) fn last(&self) -> Result<i64, StoreProblem> {
        let last = "SELECT coalesce(max(id), 0) FROM alert";
        Ok(self.connection.query_row(last, [], |row| row.get(0))?)
    }

    /// Who sent the alerts behind a number.
    ///
    /// # Errors
    /// If it can't be read.
    pub(crate) fn sent_behind(&self, last: i64) -> Result<Vec<SentBy>, StoreProblem> {
        let sql = "SELECT pid, uid, dialect, count(*) FROM alert JOIN origin ON origin.id = origin \
            WHERE alert.id > ?1 GROUP BY pid, uid, dialect ORDER BY count(*) DESC";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([last], |row| {
            let alerts: i64 = row.get(3)?;
            Ok(SentBy {
                pid: row.get(0)?,
                uid: row.get(1)?,
                dialect: row.get(2)?,
                alerts: u64::try_from(alerts).unwrap_or_default(),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The process that writes to a store, as the kernel lists it.
    pub(crate) fn writer(path: &Path) -> Option<u32> {
        process_of(&beside_path(path, ".lock"))
    }
}

/// Opens a store together with its journal, and makes no file beside it.
fn connect_without_trace(path: &Path) -> Result<Connection, StoreProblem> {
    match (has_journal(path), beside_path(path, "-shm").exists()) {
        (true, true) => connect_to_read(path, WAIT).map_err(StoreProblem::in_reading),
        (true, false) => with_index_in_memory(path),
        (false, _) => unchanging(path),
    }
}

/// A store that was not closed in order, and has no index of its journal any more: `SQLite` would make it anew beside
/// the store. Without locks, it does so in memory.
fn with_index_in_memory(path: &Path) -> Result<Connection, StoreProblem> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags_and_vfs(path, flags, c"unix-none")?;
    let_out_of_journal(&connection, false)?;
    connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::Store;

    #[test]
    fn a_store_is_looked_at_open_and_closed_without_a_trace() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("a.db");
        let names = || {
            let all = fs::read_dir(room.path()).unwrap();
            let mut all: Vec<_> = all.map(|entry| entry.unwrap().file_name()).collect();
            all.sort();
            all
        };
        let look = |writer: Option<u32>| {
            let before = names();
            let inspection = Inspection::open(&path).unwrap();
            assert_eq!(inspection.extent().unwrap(), (0, 0));
            assert_eq!(inspection.last().unwrap(), 0);
            assert!(inspection.sent_behind(0).unwrap().is_empty());
            assert!(inspection.check(Duration::from_secs(10)).unwrap().is_ok());
            assert_eq!((names(), Inspection::writer(&path)), (before, writer));
        };
        let store = Store::open(&path).unwrap();
        look(Some(std::process::id()));
        store.close();
        drop(store);
        look(None);
    }

    #[test]
    fn a_store_that_was_not_closed_is_read_with_its_journal_and_left_alone() {
        let (room, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = room.path().join("a.db");
        let store = Store::open(&path).unwrap();
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        for name in ["a.db", "a.db-wal"] {
            fs::copy(room.path().join(name), copy.path().join(name)).unwrap();
        }
        drop((connection, store));
        let files = || {
            let all = fs::read_dir(copy.path()).unwrap().map(|it| it.unwrap().path());
            let mut all: Vec<_> = all.map(|it| (it.clone(), fs::read(it).unwrap())).collect();
            all.sort();
            all
        };
        let before = files();
        assert_eq!(before.len(), 2);
        let path = copy.path().join("a.db");
        let inspection = Inspection::open(&path).unwrap();
        assert!(inspection.check(Duration::from_secs(10)).unwrap().is_ok());
        assert_eq!(kind_without_trace(&path).unwrap(), FileKind::Store(99));
        // What its header says is in the journal, too.
        let mut bytes = fs::read(&path).unwrap();
        bytes[..100].fill(0xff);
        fs::write(&path, bytes).unwrap();
        assert_eq!(kind_without_trace(&path).unwrap(), FileKind::Store(99));
        assert!(files()[1] == before[1] && files().len() == 2);
        fs::write(copy.path().join("a.db-wal"), "x").unwrap();
        assert_eq!(kind_without_trace(&path).unwrap(), FileKind::Other);
        assert_eq!(files().len(), 2);
    }
}
