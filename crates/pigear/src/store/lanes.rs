//! The positions of the durable lanes.

use std::collections::HashMap;
use std::path::Path;

use jiff::Timestamp;
use pigear_pipeline::{RecentEvents, Totals};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::connect;
use super::error::{StoreError, StoreProblem};
use super::lock::{self, Holder};
use super::meta::{self, last_id};
use super::reader::Reader;
use super::recent_sends::{self, Moment};
use super::settled_ranges::{self, IdRange};
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
    /// Whether the Pigear that last opened the store for writing delivers from it.
    pub is_in_use: bool,
}

/// A lane's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LaneRow {
    pub(super) name: String,
    mark: Mark,
    moved: Option<i64>,
    removed_letters: i64,
    account: Totals,
    target: Option<String>,
    sends: Option<String>,
    /// What is settled behind the mark.
    settled: Vec<IdRange>,
    /// The Pigear that has the store open delivers from it.
    is_in_use: bool,
}

impl LaneRow {
    /// How many alerts up to the last stored one are not settled.
    fn lag(&self, last: i64) -> i64 {
        let behind = |(from, to): &IdRange| (to - (*from).max(self.mark.done + 1) + 1).max(0);
        last - self.mark.done - self.settled.iter().map(behind).sum::<i64>()
    }

    /// How many of these alerts the lane neither settled nor began. Those that it began, a running Pigear
    /// has in memory.
    pub(super) fn unread_among(&self, (first, last): IdRange) -> u64 {
        let first = first.max(self.mark.done.max(self.mark.begun) + 1);
        let within = |(from, to): &IdRange| (last.min(*to) - first.max(*from) + 1).max(0);
        let settled = self.settled.iter().map(within).sum::<i64>();
        u64::try_from(last - first + 1 - settled).unwrap_or_default()
    }
}

/// The state of a running lane, to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) mark: Mark,
    /// The totals of all settled alerts.
    pub(super) account: Totals,
}

/// The state of a lane at its start.
pub(super) struct Opened {
    pub(super) position: Position,
    /// The receiver that its handler delivered to before, if that was another.
    pub(super) former_target: Option<String>,
    /// It was added.
    pub(super) is_new: bool,
    /// The messages that it sent within the last minute, if their number is limited.
    pub(super) sent: Vec<RecentEvents>,
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
    let is_new = known.is_none();
    let (position, sends) = if let Some(lane) = known {
        (Position { mark: lane.mark, account: lane.account }, lane.sends)
    } else {
        settled_ranges::remove(&change, name)?;
        let mark = new_mark(&change, begin)?;
        (Position { mark, account: Totals::default() }, None)
    };
    put_position(&change, name, position)?;
    let former_target = set_target(&change, name, target)?;
    set_in_use(&change, name)?;
    change.commit()?;
    let sent = sends.map(|sends| recent_sends::decode(&sends, Moment::now()));
    Ok(Opened { position, former_target, is_new, sent: sent.unwrap_or_default() })
}

/// Sets the receiver of a lane's handler, and returns the one before, if that was another.
pub(super) fn set_target(
    connection: &Connection,
    name: &str,
    target: Option<&str>,
) -> rusqlite::Result<Option<String>> {
    let former: Option<Option<String>> = connection
        .query_row("SELECT target FROM lane WHERE name = ?1", [name], |row| row.get(0))
        .optional()?;
    connection.execute("UPDATE lane SET target = ?2 WHERE name = ?1", params![name, target])?;
    Ok(former.flatten().filter(|former| Some(former.as_str()) != target))
}

/// What becomes of a lane whose handler goes while Pigear runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// It stays, for a handler of this name.
    Stays,
    /// It is as if it had never been opened: one that was added goes.
    Undone,
}

/// Nothing is delivered from a lane any more.
pub(super) fn leave(connection: &Connection, name: &str, removes: bool) -> rusqlite::Result<()> {
    let change = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    change.execute("DELETE FROM meta WHERE key = ?1", [in_use_key(name)])?;
    if removes {
        change.execute("DELETE FROM lane WHERE name = ?1", [name])?;
        settled_ranges::remove(&change, name)?;
    }
    change.commit()
}

/// The key of the value that a lane has while a Pigear delivers from it.
fn in_use_key(name: &str) -> String {
    format!("lane_in_use:{name}")
}

fn set_in_use(connection: &Connection, name: &str) -> rusqlite::Result<()> {
    meta::set_number(connection, &in_use_key(name), 1)
}

/// Whether the Pigear that has the store open delivers from a lane. If none has it open, this is how it was
/// in the last run.
fn is_in_use(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    Ok(meta::number(connection, &in_use_key(name))?.is_some())
}

/// Whether there is a lane of this name.
pub(super) fn is_there(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let query = "SELECT EXISTS (SELECT 1 FROM lane WHERE name = ?1)";
    connection.prepare_cached(query)?.query_row([name], |row| row.get(0))
}

/// A run begins: its lanes are not open yet.
pub(super) fn clear_in_use(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM meta WHERE key GLOB ?1", [in_use_key("*")])?;
    Ok(())
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

/// Writes a lane's position, and returns whether the lane was not there.
pub(super) fn put_position(
    connection: &Connection,
    name: &str,
    position: Position,
) -> rusqlite::Result<bool> {
    let is_new = set_mark(connection, name, position.mark)?;
    set_account(connection, name, position.account)?;
    Ok(is_new)
}

/// Writes a lane's mark, and returns whether the lane was not there.
fn set_mark(connection: &Connection, name: &str, mark: Mark) -> rusqlite::Result<bool> {
    let now = Timestamp::now().as_second();
    let values = params![name, mark.done, mark.begun, now];
    let updated = connection
        .prepare_cached("UPDATE lane SET done = ?2, begun = ?3, moved = ?4 WHERE name = ?1")?
        .execute(values)?;
    if updated == 0 {
        connection
            .prepare_cached("INSERT INTO lane (name, done, begun, moved) VALUES (?1, ?2, ?3, ?4)")?
            .execute(values)?;
    }
    Ok(updated == 0)
}

/// Writes when an existing lane sent its last messages.
pub(super) fn put_sends(connection: &Connection, name: &str, sends: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE lane SET sends = ?2 WHERE name = ?1")?
        .execute([name, sends])?;
    Ok(())
}

/// How many dead letters of each lane the retention policy has removed.
pub(super) fn removed_letters(connection: &Connection) -> rusqlite::Result<HashMap<String, u64>> {
    let removed =
        |lane: LaneRow| (lane.name, u64::try_from(lane.removed_letters).unwrap_or_default());
    Ok(rows(connection)?.into_iter().map(removed).collect())
}

/// The rows of all lanes.
pub(super) fn rows(connection: &Connection) -> rusqlite::Result<Vec<LaneRow>> {
    let mut select = connection.prepare("SELECT * FROM lane ORDER BY name")?;
    let mut rows: Vec<_> = select.query_map([], row)?.collect::<rusqlite::Result<_>>()?;
    for row in &mut rows {
        row.settled = settled_ranges::rows(connection, &row.name)?;
        row.is_in_use = is_in_use(connection, &row.name)?;
    }
    Ok(rows)
}

fn row(row: &Row<'_>) -> rusqlite::Result<LaneRow> {
    // The tables of older versions, which may be read, have less.
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
        sends: row.get("sends").unwrap_or_default(),
        settled: Vec::new(),
        is_in_use: false,
    })
}

/// Writes a lane's row, replacing the existing one.
pub(super) fn put(connection: &Connection, lane: &LaneRow) -> rusqlite::Result<()> {
    let LaneRow { name, mark, moved, removed_letters, account, target, sends, settled, is_in_use } =
        lane;
    connection.execute(
        "INSERT OR REPLACE INTO lane (name, done, begun, moved, removed_letters, target, sends) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![name, mark.done, mark.begun, moved, removed_letters, target, sends],
    )?;
    settled_ranges::put(connection, name, settled)?;
    if *is_in_use {
        set_in_use(connection, name)?;
    }
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
pub(super) fn waiting(connection: &Connection) -> rusqlite::Result<Vec<(String, u64)>> {
    let (last, removed) = (last_id(connection)?, removed(connection)?);
    let waiting = |lane: LaneRow| {
        let lag = u64::try_from(lane.lag(last)).unwrap_or_default();
        let waiting = lag.saturating_sub(lane.unread_among(removed));
        (lane.name, waiting)
    };
    Ok(rows(connection)?.into_iter().map(waiting).collect())
}

/// The key of the last alert that the retention policy removed.
const REMOVED: &str = "removed";

/// The alerts that the retention policy removed: the oldest ones.
fn removed(connection: &Connection) -> rusqlite::Result<IdRange> {
    Ok((1, meta::number(connection, REMOVED)?.unwrap_or_default()))
}

/// The retention policy removed all alerts up to this one.
pub(super) fn set_removed(connection: &Connection, last: i64) -> rusqlite::Result<()> {
    meta::set_number(connection, REMOVED, last)
}

impl Reader {
    /// The durable lanes, including former ones.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn lanes(&self) -> Result<Vec<LaneState>, StoreError> {
        // All of it is as of one moment.
        let read = || lanes(&*self.connection.unchecked_transaction()?);
        read().map_err(|error| StoreProblem::from(error).at(&self.path))
    }

    /// When the oldest stored alert that waits for a lane was received; `None` if none waits, or there is no such
    /// lane.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn waiting_since(&mut self, lane: &str) -> Result<Option<Timestamp>, StoreError> {
        // The mark never passes an alert that isn't settled.
        let done = self
            .connection
            .query_row("SELECT * FROM lane WHERE name = ?1", [lane], row)
            .optional()
            .map(|lane| lane.map(|lane| lane.mark.done))
            .map_err(StoreProblem::from);
        let Some(done) = self.located(done)? else { return Ok(None) };
        let first = self.first_behind(done);
        let Some(id) = self.located(first)? else { return Ok(None) };
        Ok(self.get(id)?.map(|alert| alert.received))
    }
}

fn lanes(connection: &Connection) -> rusqlite::Result<Vec<LaneState>> {
    let (last, removed) = (last_id(connection)?, removed(connection)?);
    let mut letters = connection.prepare("SELECT count(*) FROM dead_letter WHERE lane = ?1")?;
    let mut state = |lane: LaneRow| -> rusqlite::Result<LaneState> {
        // The lane itself counts them when it next looks.
        let unread = lane.unread_among(removed);
        let lag = u64::try_from(lane.lag(last)).unwrap_or_default();
        Ok(LaneState {
            lag: lag.saturating_sub(unread),
            moved: lane.moved.and_then(|moved| Timestamp::from_second(moved).ok()),
            dead_letters: letters.query_row([&lane.name], |row| row.get(0))?,
            removed_letters: u64::try_from(lane.removed_letters).unwrap_or_default(),
            account: Totals { dropped: lane.account.dropped + unread, ..lane.account },
            target: lane.target,
            is_in_use: lane.is_in_use,
            name: lane.name,
        })
    };
    rows(connection)?.into_iter().map(&mut state).collect()
}

/// A lane that was removed from the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DroppedLane {
    /// How many stored alerts waited for it. They stay in the store.
    pub waiting: u64,
    /// How many dead letters it had. They are removed with it.
    pub dead_letters: u64,
}

/// Removes a lane with all that is stored of it, and its dead letters; `None` if there is no such lane.
///
/// # Errors
/// If a running Pigear delivers from it, or the store can't be written.
pub fn drop_lane(path: &Path, name: &str) -> Result<Option<DroppedLane>, StoreError> {
    let dropped = || -> Result<Option<DroppedLane>, StoreProblem> {
        let mut connection = connect::beside(path, connect::BUSY_TIMEOUT)?;
        // A Pigear that starts meanwhile waits for this.
        let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if is_in_use(&change, name)?
            && let Some(Holder { process }) = lock::holder(path)?
        {
            return Err(StoreProblem::LaneInUse { lane: name.to_owned(), process });
        }
        let waiting = waiting(&change)?.into_iter().find(|(lane, _)| lane == name);
        let waiting = waiting.map_or(0, |(_, waiting)| waiting);
        let marks = change.execute("DELETE FROM lane WHERE name = ?1", [name])?;
        let letters = change.execute("DELETE FROM dead_letter WHERE lane = ?1", [name])?;
        settled_ranges::remove(&change, name)?;
        change.commit()?;
        let dropped = DroppedLane { waiting, dead_letters: letters as u64 };
        Ok((marks + letters > 0).then_some(dropped))
    };
    dropped().map_err(|problem| problem.at(path))
}
