//! Checks a store for damage, after it was not closed cleanly.
//!
//! Checking a large store takes minutes, and Snort doesn't wait, so alerts are stored meanwhile. Until the
//! check has succeeded, everything written stays in the journal, and a damaged file is not changed.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle};

use super::connect;
use super::error::StoreProblem;

/// A check in progress, until this is dropped.
pub(super) struct Check {
    found: Receiver<Result<(), StoreProblem>>,
    interrupt: InterruptHandle,
}

impl Check {
    pub(super) fn start(path: &Path) -> Result<Self, StoreProblem> {
        let connection = connect::to_read(path, connect::BUSY_TIMEOUT)?;
        let interrupt = connection.get_interrupt_handle();
        let (finder, found) = channel();
        let look = move || {
            // The thread that waits for the result may have ended.
            let _ = finder.send(look_through(&connection));
        };
        thread::Builder::new().name("check".to_owned()).spawn(look)?;
        Ok(Self { found, interrupt })
    }

    /// The result, if there is one before the deadline.
    pub(super) fn wait(&self, longest: Duration) -> Option<Result<(), StoreProblem>> {
        match self.found.recv_timeout(longest) {
            Ok(found) => Some(found),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                Some(Err(StoreProblem::Database("it could not be checked for damage".to_owned())))
            }
        }
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        self.interrupt.interrupt();
    }
}

pub(super) fn look_through(connection: &Connection) -> Result<(), StoreProblem> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        Ok(())
    } else {
        let table = damaged_table(connection, &found);
        let table = table.map(|table| format!(" (in the table {table})")).unwrap_or_default();
        Err(StoreProblem::Damaged(format!("{}{table}", found.trim().replace('\n', "; "))))
    }
}

/// The table that a finding is about, such as "Tree 9 page 101: …".
fn damaged_table(connection: &Connection, found: &str) -> Option<String> {
    let (_, behind) = found.split_once("Tree ")?;
    let root: i64 = behind.split(' ').next()?.parse().ok()?;
    let sql = "SELECT tbl_name FROM sqlite_schema WHERE rootpage = ?1";
    connection.query_row(sql, [root], |row| row.get(0)).ok()
}
