//! The marks of the durable lanes, up to which each is done.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::connect;
use super::error::{StoreError, StoreProblem};
use super::meta::last_id;
use super::reader::Reader;
use crate::config::Begin;

/// Up to where a lane is done, and up to where the batch goes that it has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) done: i64,
    pub(super) begun: i64,
}

/// A durable lane, as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneState {
    /// Its name: that of its handler.
    pub name: String,
    /// How many alerts are stored that it isn't done with.
    pub lag: u64,
    /// When it was last done with some.
    pub moved: Option<Timestamp>,
    /// How many dead letters it has.
    pub dead_letters: u64,
    /// How many of its dead letters were removed since there were too many, or they were too old.
    pub removed_letters: u64,
    /// Its account, over all runs.
    pub account: LaneAccount,
    /// To whom its handler delivers, as the handler says.
    pub target: Option<String>,
}

/// What became of a lane's alerts, over all runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is the row of a table")]
pub struct LaneAccount {
    /// The handler has dealt with them.
    pub handled: u64,
    /// There was no room for them.
    pub dropped: u64,
    /// The handler has failed on them.
    pub failed: u64,
    /// They did not pass the handler's filter.
    pub filtered: u64,
    /// They were left out since there were too many alike.
    pub muted: u64,
}

/// A lane's row, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LaneRow {
    name: String,
    mark: Mark,
    moved: Option<i64>,
    removed_letters: i64,
    account: LaneAccount,
    target: Option<String>,
}

/// The mark of a lane, which has one from now on.
pub(super) fn mark(
    connection: &Connection,
    name: &str,
    begin: Begin,
) -> Result<Mark, StoreProblem> {
    let known = connection
        .query_row("SELECT done, begun FROM lane WHERE name = ?1", [name], |row| {
            Ok(Mark { done: row.get(0)?, begun: row.get(1)? })
        })
        .optional()?;
    if let Some(mark) = known {
        return Ok(mark);
    }
    let last = last_id(connection)?;
    let done = match begin {
        Begin::Now => last,
        Begin::Start => {
            let oldest: Option<i64> =
                connection.query_row("SELECT min(id) FROM alert", [], |row| row.get(0))?;
            oldest.map_or(last, |oldest| oldest - 1)
        }
    };
    let mark = Mark { done, begun: done };
    set_mark(connection, name, mark)?;
    Ok(mark)
}

pub(super) fn set_mark(connection: &Connection, name: &str, mark: Mark) -> rusqlite::Result<()> {
    let now = Timestamp::now().as_second();
    connection
        .prepare_cached(
            "INSERT INTO lane (name, done, begun, moved) VALUES (?1, ?2, ?3, ?4) \
            ON CONFLICT DO UPDATE SET done = ?2, begun = ?3, moved = ?4",
        )?
        .execute(params![name, mark.done, mark.begun, now])?;
    Ok(())
}

/// The rows of all lanes.
pub(super) fn rows(connection: &Connection) -> rusqlite::Result<Vec<LaneRow>> {
    let mut select = connection.prepare("SELECT * FROM lane ORDER BY name")?;
    select.query_map([], row)?.collect()
}

fn row(row: &Row<'_>) -> rusqlite::Result<LaneRow> {
    // The tables of version 1, which may be read, have no more than a mark.
    let number = |name: &str| row.get::<_, i64>(name).unwrap_or_default();
    let count = |name: &str| u64::try_from(number(name)).unwrap_or_default();
    Ok(LaneRow {
        name: row.get("name")?,
        mark: Mark { done: row.get("done")?, begun: row.get("begun")? },
        moved: row.get("moved")?,
        removed_letters: number("removed_letters"),
        account: LaneAccount {
            handled: count("handled"),
            dropped: count("dropped"),
            failed: count("failed"),
            filtered: count("filtered"),
            muted: count("muted"),
        },
        target: row.get("target").unwrap_or_default(),
    })
}

/// Writes a lane's row, in place of what there is.
pub(super) fn put(connection: &Connection, lane: &LaneRow) -> rusqlite::Result<()> {
    let LaneRow { name, mark, moved, removed_letters, account, target } = lane;
    connection.execute(
        "INSERT OR REPLACE INTO lane (name, done, begun, moved, removed_letters, target) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![name, mark.done, mark.begun, moved, removed_letters, target],
    )?;
    set_account(connection, name, *account)
}

/// Writes the account of a lane that has a mark.
pub(super) fn set_account(
    connection: &Connection,
    name: &str,
    account: LaneAccount,
) -> rusqlite::Result<()> {
    let LaneAccount { handled, dropped, failed, filtered, muted } = account;
    let [handled, dropped, failed, filtered, muted] = [handled, dropped, failed, filtered, muted]
        .map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    connection
        .prepare_cached(
            "UPDATE lane SET handled = ?2, dropped = ?3, failed = ?4, filtered = ?5, muted = ?6 \
            WHERE name = ?1",
        )?
        .execute(params![name, handled, dropped, failed, filtered, muted])?;
    Ok(())
}

/// The names of all lanes that have a mark.
pub(super) fn names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut select = connection.prepare("SELECT name FROM lane ORDER BY name")?;
    select.query_map([], |row| row.get(0))?.collect()
}

impl Reader {
    /// The durable lanes that there are or were.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn lanes(&self) -> Result<Vec<LaneState>, StoreError> {
        lanes(&self.connection).map_err(|error| StoreProblem::from(error).at(&self.path))
    }
}

fn lanes(connection: &Connection) -> rusqlite::Result<Vec<LaneState>> {
    let last = last_id(connection)?;
    let mut letters = connection.prepare("SELECT count(*) FROM dead_letter WHERE lane = ?1")?;
    let mut state = |lane: LaneRow| -> rusqlite::Result<LaneState> {
        Ok(LaneState {
            lag: u64::try_from(last - lane.mark.done).unwrap_or_default(),
            moved: lane.moved.and_then(|moved| Timestamp::from_second(moved).ok()),
            dead_letters: letters.query_row([&lane.name], |row| row.get(0))?,
            removed_letters: u64::try_from(lane.removed_letters).unwrap_or_default(),
            account: lane.account,
            target: lane.target,
            name: lane.name,
        })
    };
    rows(connection)?.into_iter().map(&mut state).collect()
}

/// Drops a lane's mark and its dead letters, and returns how many these were; `None` if there is no such
/// lane.
///
/// # Errors
/// If the store can't be written.
pub fn drop_lane(path: &Path, name: &str) -> Result<Option<u64>, StoreError> {
    let dropped = || -> Result<Option<u64>, StoreProblem> {
        let mut connection = connect::beside(path)?;
        let change = connection.transaction()?;
        let marks = change.execute("DELETE FROM lane WHERE name = ?1", [name])?;
        let letters = change.execute("DELETE FROM dead_letter WHERE lane = ?1", [name])?;
        change.commit()?;
        Ok((marks + letters > 0).then_some(letters as u64))
    };
    dropped().map_err(|problem| problem.at(path))
}
