//! Looks at a store without changing any file: neither the store nor what `SQLite` puts beside it.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::block_rows;
use super::check;
use super::connect::{beside_path, connect, to_read};
use super::error::StoreProblem;
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

impl Inspection {
    /// Opens a store; `None` if that would change something: it was not closed in order, and no program has it
    /// open.
    ///
    /// # Errors
    /// If it can't be read.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, StoreProblem> {
        let has = |end| beside_path(path, end).exists();
        if has("-shm") {
            return Ok(Some(Self { connection: to_read(path, WAIT)? }));
        }
        if has("-wal") {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let name = path.to_string_lossy().replace('%', "%25").replace('?', "%3f");
        let uri = format!("file:{}?immutable=1", name.replace('#', "%23"));
        Ok(Some(Self { connection: connect(Path::new(&uri), flags)? }))
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
            let inspection = Inspection::open(&path).unwrap().unwrap();
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
    fn a_store_that_was_not_closed_is_left_alone() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("a.db");
        drop(Store::open(&path).unwrap());
        fs::write(room.path().join("a.db-wal"), "x").unwrap();
        assert!(Inspection::open(&path).unwrap().is_none());
    }
}
