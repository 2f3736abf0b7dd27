//! The marks of the durable lanes, up to which each is done.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::error::{StoreError, StoreProblem};
use super::open;
use super::reader::Reader;
use super::writer::last_id;
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
        .prepare_cached("INSERT OR REPLACE INTO lane VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![name, mark.done, mark.begun, now])?;
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
    let mut select = connection.prepare(
        "SELECT name, done, moved, (SELECT count(*) FROM dead_letter WHERE lane = name) FROM lane \
        ORDER BY name",
    )?;
    let state = |row: &rusqlite::Row<'_>| {
        let done: i64 = row.get(1)?;
        let moved: Option<i64> = row.get(2)?;
        Ok(LaneState {
            name: row.get(0)?,
            lag: u64::try_from(last - done).unwrap_or_default(),
            moved: moved.and_then(|moved| Timestamp::from_second(moved).ok()),
            dead_letters: row.get(3)?,
        })
    };
    select.query_map([], state)?.collect()
}

/// Drops a lane's mark and its dead letters, and returns how many these were; `None` if there is no such
/// lane.
///
/// # Errors
/// If the store can't be written.
pub fn drop_lane(path: &Path, name: &str) -> Result<Option<u64>, StoreError> {
    let dropped = || -> Result<Option<u64>, StoreProblem> {
        let mut connection = open::beside(path)?;
        let change = connection.transaction()?;
        let marks = change.execute("DELETE FROM lane WHERE name = ?1", [name])?;
        let letters = change.execute("DELETE FROM dead_letter WHERE lane = ?1", [name])?;
        change.commit()?;
        Ok((marks + letters > 0).then_some(letters as u64))
    };
    dropped().map_err(|problem| problem.at(path))
}
