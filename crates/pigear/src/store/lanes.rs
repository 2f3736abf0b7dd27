//! The positions of the durable lanes.

use std::path::Path;

use jiff::Timestamp;
use pigear_pipeline::Totals;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::connect;
use super::error::{StoreError, StoreProblem};
use super::meta::last_id;
use super::reader::Reader;
use crate::config::Begin;

/// The position of a lane, and the end of the batch that it has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) done: i64,
    pub(super) begun: i64,
}

/// A durable lane, as recorded in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneState {
    /// Its name: that of its handler.
    pub name: String,
    /// How many stored alerts wait for it.
    pub lag: u64,
    /// When its position last moved.
    pub moved: Option<Timestamp>,
    /// How many dead letters it has.
    pub dead_letters: u64,
    /// How many of its dead letters were removed by the retention policy.
    pub removed_letters: u64,
    /// Its account, over all runs.
    pub account: Totals,
    /// The receiver that its handler delivers to.
    pub target: Option<String>,
}

/// A lane's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LaneRow {
    name: String,
    mark: Mark,
    moved: Option<i64>,
    removed_letters: i64,
    account: Totals,
    target: Option<String>,
}

/// The state of a running lane, to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) mark: Mark,
    /// The totals of the alerts before the position.
    pub(super) account: Totals,
}

/// The state of a lane at its start.
pub(super) struct Opened {
    pub(super) position: Position,
    /// The receiver that its handler delivered to before, if that was another.
    pub(super) former_target: Option<String>,
}

/// The state of a lane, which is added to the store if it is new, with its handler's receiver.
pub(super) fn open(
    connection: &Connection,
    name: &str,
    begin: Begin,
    target: Option<&str>,
) -> Result<Opened, StoreProblem> {
    let change = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let known = change.query_row("SELECT * FROM lane WHERE name = ?1", [name], row).optional()?;
    let (position, former) = if let Some(lane) = known {
        (Position { mark: lane.mark, account: lane.account }, lane.target)
    } else {
        let mark = new_mark(&change, begin)?;
        (Position { mark, account: Totals::default() }, None)
    };
    put_position(&change, name, position)?;
    change.execute("UPDATE lane SET target = ?2 WHERE name = ?1", params![name, target])?;
    change.commit()?;
    let former_target = former.filter(|former| Some(former.as_str()) != target);
    Ok(Opened { position, former_target })
}

fn new_mark(connection: &Connection, begin: Begin) -> Result<Mark, StoreProblem> {
    let last = last_id(connection)?;
    let done = match begin {
        Begin::Now => last,
        Begin::Start => {
            let oldest: Option<i64> =
                connection.query_row("SELECT min(id) FROM alert", [], |row| row.get(0))?;
            oldest.map_or(last, |oldest| oldest - 1)
        }
    };
    Ok(Mark { done, begun: done })
}

/// Writes a lane's position.
pub(super) fn put_position(
    connection: &Connection,
    name: &str,
    position: Position,
) -> rusqlite::Result<()> {
    set_mark(connection, name, position.mark)?;
    set_account(connection, name, position.account)
}

fn set_mark(connection: &Connection, name: &str, mark: Mark) -> rusqlite::Result<()> {
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
    // The tables of version 1, which may be read, have only a position.
    let number = |name: &str| row.get::<_, i64>(name).unwrap_or_default();
    let count = |name: &str| u64::try_from(number(name)).unwrap_or_default();
    Ok(LaneRow {
        name: row.get("name")?,
        mark: Mark { done: row.get("done")?, begun: row.get("begun")? },
        moved: row.get("moved")?,
        removed_letters: number("removed_letters"),
        account: Totals {
            handled: count("handled"),
            dropped: count("dropped"),
            failed: count("failed"),
            filtered: count("filtered"),
            muted: count("muted"),
        },
        target: row.get("target").unwrap_or_default(),
    })
}

/// Writes a lane's row, replacing the existing one.
pub(super) fn put(connection: &Connection, lane: &LaneRow) -> rusqlite::Result<()> {
    let LaneRow { name, mark, moved, removed_letters, account, target } = lane;
    connection.execute(
        "INSERT OR REPLACE INTO lane (name, done, begun, moved, removed_letters, target) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![name, mark.done, mark.begun, moved, removed_letters, target],
    )?;
    set_account(connection, name, *account)
}

/// Writes the account of an existing lane.
fn set_account(connection: &Connection, name: &str, account: Totals) -> rusqlite::Result<()> {
    let Totals { handled, dropped, failed, filtered, muted } = account;
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

/// All lanes, each with the number of alerts that wait for it.
pub(super) fn waiting(connection: &Connection) -> rusqlite::Result<Vec<(String, i64)>> {
    let last = last_id(connection)?;
    let rows = rows(connection)?;
    Ok(rows.into_iter().map(|lane| (lane.name, last - lane.mark.done)).collect())
}

impl Reader {
    /// The durable lanes, including former ones.
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

/// Removes a lane and its dead letters, and returns how many these were; `None` if there is no such lane.
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
