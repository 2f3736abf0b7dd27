//! Triage: alerts are acknowledged, starred and commented on, beside the Pigear that stores alerts.
//!
//! An alert has at most one mark of each kind. A mark names the action that set it, which says who did that and
//! when; so the alerts of an action and a block are 64 bits, and an action is undone by removing its marks. What
//! an action removes is kept, so that it can be put back. All is in tables of its own, whose rows are removed with
//! their alerts.

mod action;
mod alert_set;
mod comments;
mod history;
#[cfg(any(feature = "top", feature = "web"))]
mod marks;
mod read;
mod rules;

use jiff::Timestamp;
use pigear_alert::triage::Mark;
use rusqlite::Connection;

use super::error::StoreProblem;
use super::layout::BLOCK;
use super::meta;

pub use action::{TriageAction, TriageWriter};
pub use alert_set::AlertSet;
pub use history::PastAction;
#[cfg(any(feature = "top", feature = "web"))]
pub(crate) use marks::Marks;
pub(super) use read::{TriageReader, blocks};
pub use rules::{AppliedRules, TriageRule};

/// The version of the store that got the tables as they are.
const SINCE: u32 = 5;

/// How many actions of people can be undone: the latest. Each single mark is one, of everyone who works with the
/// store.
const UNDOABLE: i64 = 100;

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

    fn from_number(number: i64) -> Self {
        if number == Self::Starred.number() { Self::Starred } else { Self::Acknowledged }
    }
}

/// The tables of version 4. `kind` is 0 for acknowledged, 1 for starred; times are in microseconds since 1970.
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

/// The tables since version 5: `alerts` are the alerts of a block, 64 bits. Of version 4, marks are kept, and what
/// was before each action is not.
pub(super) const BITS: &str = "
-- Who marked alerts, or took their mark away, and until which block; undone when and by whom. Of a filter, if
-- `is_rule`. Ids are not reused.
DELETE FROM triage_action;
ALTER TABLE triage_action ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;
ALTER TABLE triage_action ADD COLUMN is_set INTEGER NOT NULL DEFAULT 1;
ALTER TABLE triage_action ADD COLUMN is_rule INTEGER NOT NULL DEFAULT 0;
ALTER TABLE triage_action ADD COLUMN criteria TEXT;
ALTER TABLE triage_action ADD COLUMN alerts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE triage_action ADD COLUMN until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE triage_action ADD COLUMN undone INTEGER;
ALTER TABLE triage_action ADD COLUMN undone_by TEXT;
INSERT INTO triage_action (at, by, kind, is_rule, alerts, until)
    SELECT at, by, kind, by LIKE 'rule %', count(*), max(alert) / 64 FROM triage
    GROUP BY at, by, kind ORDER BY at;
CREATE INDEX triage_action_by_until ON triage_action (until);
CREATE INDEX triage_action_of_people ON triage_action (id) WHERE NOT is_rule;

-- The marks: the alerts that an action marked, and that still are.
CREATE TABLE triage_mark (
    block INTEGER NOT NULL, kind INTEGER NOT NULL, action INTEGER NOT NULL, alerts INTEGER NOT NULL,
    PRIMARY KEY (block, kind, action)
) WITHOUT ROWID;
INSERT INTO triage_mark
    SELECT alert / 64, triage.kind, triage_action.id, sum(1 << (alert & 63))
    FROM triage JOIN triage_action USING (at, by, kind) GROUP BY 1, 2, 3;

-- The marks of earlier actions (`was`) that an action took away.
CREATE TABLE triage_removed (
    block INTEGER NOT NULL, action INTEGER NOT NULL, was INTEGER NOT NULL, alerts INTEGER NOT NULL,
    PRIMARY KEY (block, action, was)
) WITHOUT ROWID;
DROP TABLE triage;
DROP TABLE triage_before;
";

/// Whether the store has the tables.
fn has_tables(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(meta::version(connection)? >= SINCE)
}

/// Removes what was said about alerts up to the end of this block.
pub(super) fn forget(connection: &Connection, block: i64) -> Result<(), StoreProblem> {
    for table in ["triage_mark", "triage_removed"] {
        connection
            .prepare_cached(&format!("DELETE FROM {table} WHERE block <= ?1"))?
            .execute([block])?;
    }
    connection
        .prepare_cached("DELETE FROM comment WHERE alert <= ?1")?
        .execute([block * BLOCK + BLOCK - 1])?;
    // The latest are still listed.
    connection
        .prepare_cached(
            "DELETE FROM triage_action WHERE until <= ?1 AND id NOT IN \
            (SELECT id FROM triage_action WHERE NOT is_rule ORDER BY id DESC LIMIT ?2)",
        )?
        .execute([block, UNDOABLE])?;
    Ok(())
}

fn mark(at: i64, by: String) -> Mark {
    Mark { at: Timestamp::from_microsecond(at).unwrap_or_default(), by }
}
