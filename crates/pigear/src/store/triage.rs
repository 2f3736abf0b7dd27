//! Triage: alerts are acknowledged, starred and commented on, beside the Pigear that stores alerts.
//!
//! An alert has at most one mark of each kind. Each action remembers the marks that were there before, so it
//! can be undone. All is in tables of its own, whose rows are removed with their alerts.

mod action;
#[cfg(feature = "top")]
mod marks;
mod read;
mod rules;

use jiff::Timestamp;
use pigear_alert::triage::Mark;
use rusqlite::Connection;

use super::error::StoreProblem;
use super::meta;

pub use action::{TriageAction, TriageWriter};
#[cfg(feature = "top")]
pub(crate) use marks::Marks;
pub(super) use read::{TriageReader, blocks};
pub use rules::TriageRule;

/// The version of the store that got the tables.
const SINCE: u32 = 4;

/// A kind of mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkKind {
    /// Somebody has looked at the alert, and nothing is left to be done.
    Acknowledged,
    /// The alert is worth keeping in sight.
    Starred,
}

impl MarkKind {
    /// Its number in the file.
    fn number(self) -> i64 {
        match self {
            Self::Acknowledged => 0,
            Self::Starred => 1,
        }
    }
}

/// The tables. `kind` is 0 for acknowledged, 1 for starred; times are in microseconds since 1970.
pub(super) const TABLES: &str = "
-- What people said about alerts (triage.rs): one mark of each kind at most.
CREATE TABLE triage (
    alert INTEGER NOT NULL, kind INTEGER NOT NULL, at INTEGER NOT NULL, by TEXT NOT NULL,
    PRIMARY KEY (alert, kind)
) WITHOUT ROWID;
CREATE INDEX triage_by_kind ON triage (kind, alert);

-- The marks before each of the latest actions; `at` is NULL where there was none.
CREATE TABLE triage_action (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, by TEXT NOT NULL);
CREATE TABLE triage_before (
    alert INTEGER NOT NULL, action INTEGER NOT NULL, kind INTEGER NOT NULL, at INTEGER, by TEXT,
    PRIMARY KEY (alert, action)
) WITHOUT ROWID;
CREATE INDEX triage_before_by_action ON triage_before (action);

CREATE TABLE comment (
    id INTEGER PRIMARY KEY AUTOINCREMENT, alert INTEGER NOT NULL, at INTEGER NOT NULL, by TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX comment_by_alert ON comment (alert);

-- Filters whose alerts are acknowledged, and up to which alert that is done.
CREATE TABLE triage_rule (
    id INTEGER PRIMARY KEY AUTOINCREMENT, expression TEXT NOT NULL, at INTEGER NOT NULL, by TEXT NOT NULL,
    done INTEGER NOT NULL
);
";

/// Whether the store has the tables.
fn has_tables(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(meta::version(connection)? >= SINCE)
}

/// Removes what was said about alerts up to this one.
pub(super) fn forget(connection: &Connection, last: i64) -> Result<(), StoreProblem> {
    for table in ["triage", "triage_before", "comment"] {
        connection
            .prepare_cached(&format!("DELETE FROM {table} WHERE alert <= ?1"))?
            .execute([last])?;
    }
    Ok(())
}

fn mark(at: i64, by: String) -> Mark {
    Mark { at: Timestamp::from_microsecond(at).unwrap_or_default(), by }
}
