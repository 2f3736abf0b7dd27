//! Changes the marks of alerts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use nix::errno::Errno;
use rusqlite::{Connection, MAIN_DB, OptionalExtension, Transaction, TransactionBehavior, params};

use super::alert_set::{AlertSet, bit};
use super::{MarkKind, SINCE, UNDOABLE, has_tables};
use crate::store::connect::{self, BUSY_TIMEOUT};
use crate::store::error::{StoreError, StoreProblem};
use crate::store::free_space;
use crate::store::identity::StoreIdentity;
use crate::store::layout::{BLOCK, end_of_block};
use crate::store::record::microseconds;

/// How long it is waited for a program that has the store locked, to find out whether it can be written.
const CHECK_TIMEOUT: Duration = Duration::from_millis(250);

/// Changes what is said about alerts, while another process may store alerts.
///
/// Each change is made whole, or not at all.
pub struct TriageWriter {
    connection: Connection,
    path: PathBuf,
}

/// Marks that were set or removed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TriageAction {
    /// Its number, for [`TriageWriter::undo`]. If no alert was changed, there is nothing to undo.
    pub id: i64,
    /// How many alerts were changed; others had, or lacked, the mark already.
    pub alerts: u64,
}

/// Who sets marks or removes them, and which.
pub(super) struct Author<'a> {
    pub(super) by: &'a str,
    pub(super) is_rule: bool,
    /// By which criteria the alerts were found.
    pub(super) criteria: Option<&'a str>,
}

impl TriageWriter {
    /// Opens a store for triage.
    ///
    /// # Errors
    /// If there is no store, it can't be written, or no Pigear of this version has written to it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_within(path, BUSY_TIMEOUT)
    }

    fn open_within(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        let open = || -> Result<Connection, StoreProblem> {
            let connection = connect::beside(path, wait)?;
            if !has_tables(&connection)? {
                return Err(StoreProblem::Older { needed: SINCE });
            }
            // SQLite opens what it can't write for reading.
            if connection.is_readonly(MAIN_DB)? {
                return Err(std::io::Error::from(Errno::EACCES).into());
            }
            Ok(connection)
        };
        let connection = open().map_err(|problem| problem.at(path))?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Which store it is.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn identity(&self) -> Result<StoreIdentity, StoreError> {
        let identity = StoreIdentity::of(&self.connection, StoreIdentity::of_file(&self.path));
        identity.map_err(|error| StoreProblem::from(error).at(&self.path))
    }

    /// Checks whether the store can be written, without changing it. One that another program has locked can.
    ///
    /// # Errors
    /// As of [`open`](Self::open), and if the disk is full.
    pub fn check(path: &Path) -> Result<(), StoreError> {
        let check = |mut writer: Self| {
            writer.located(|connection| {
                if free_space::is_used_up(path) {
                    return Err(StoreProblem::Full);
                }
                begin(connection)?.rollback()?;
                Ok(())
            })
        };
        match Self::open_within(path, CHECK_TIMEOUT).and_then(check) {
            Err(StoreError { source: StoreProblem::Locked, .. }) => Ok(()),
            result => result,
        }
    }

    /// Sets a mark on alerts, or removes it. What isn't stored any more is passed over.
    ///
    /// # Errors
    /// If the store can't be written.
    pub fn mark(
        &mut self,
        alerts: &[i64],
        change: (MarkKind, bool),
        by: &str,
    ) -> Result<TriageAction, StoreError> {
        self.mark_all(&alerts.iter().copied().collect(), change, by, None)
    }

    /// The same for any number of alerts, with the criteria by which they were found.
    ///
    /// # Errors
    /// If the store can't be written.
    pub fn mark_all(
        &mut self,
        alerts: &AlertSet,
        change: (MarkKind, bool),
        by: &str,
        criteria: Option<&str>,
    ) -> Result<TriageAction, StoreError> {
        self.located(|connection| {
            let transaction = begin(connection)?;
            let author = Author { by, is_rule: false, criteria };
            let action = mark(&transaction, alerts, change, &author)?;
            transaction.commit()?;
            Ok(action)
        })
    }

    /// Undoes one of the last hundred actions, and returns how many alerts were changed: the marks of its kind
    /// are again what they were before it, except where somebody has changed them since. `None` if it can't be
    /// undone any more, or was undone already.
    ///
    /// # Errors
    /// If the store can't be written.
    pub fn undo(&mut self, action: i64, by: &str) -> Result<Option<u64>, StoreError> {
        self.located(|connection| {
            let change = begin(connection)?;
            let undone = undo(&change, action, by)?;
            change.commit()?;
            Ok(undone)
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn located<T>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreProblem>,
    ) -> Result<T, StoreError> {
        work(&mut self.connection).map_err(|problem| problem.at(&self.path))
    }
}

pub(super) fn now() -> i64 {
    microseconds(Timestamp::now())
}

pub(super) fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Sets a mark, or removes it.
pub(super) fn mark(
    change: &Connection,
    alerts: &AlertSet,
    (kind, is_set): (MarkKind, bool),
    author: &Author<'_>,
) -> Result<TriageAction, StoreProblem> {
    let kind = kind.number();
    change
        .prepare_cached(
            "INSERT INTO triage_action (at, by, kind, is_set, is_rule, criteria) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![now(), author.by, kind, is_set, author.is_rule, author.criteria])?;
    let (id, mut changed, mut until) = (change.last_insert_rowid(), 0, 0);
    for (block, wanted) in alerts.blocks() {
        let marked = marked(change, block, kind)?;
        let bits = wanted & if is_set { !marked } else { marked };
        let bits = if bits == 0 { 0 } else { bits & stored(change, block)? };
        if bits == 0 {
            continue;
        }
        if is_set {
            add(change, (block, kind, id), bits)?;
        } else {
            remove(change, (block, kind, id), bits)?;
        }
        changed += u64::from(bits.count_ones());
        until = block;
    }
    if changed == 0 {
        // Others stay among the latest.
        change.prepare_cached("DELETE FROM triage_action WHERE id = ?1")?.execute([id])?;
        return Ok(TriageAction { id, alerts: 0 });
    }
    change
        .prepare_cached("UPDATE triage_action SET alerts = ?2, until = ?3 WHERE id = ?1")?
        .execute(params![id, changed.cast_signed(), until])?;
    if !author.is_rule {
        // What is too old to be undone.
        change
            .prepare_cached(
                "DELETE FROM triage_removed WHERE action < (SELECT min(id) FROM \
                (SELECT id FROM triage_action WHERE NOT is_rule ORDER BY id DESC LIMIT ?1))",
            )?
            .execute([UNDOABLE])?;
    }
    Ok(TriageAction { id, alerts: changed })
}

/// The alerts of a block that are stored.
fn stored(change: &Connection, block: i64) -> rusqlite::Result<u64> {
    let n = change
        .prepare_cached("SELECT n FROM block WHERE id = ?1")?
        .query_row([block], |row| row.get(0))
        .optional()?;
    if n == Some(BLOCK) {
        return Ok(u64::MAX);
    }
    let mut select = change.prepare_cached("SELECT id FROM alert WHERE id BETWEEN ?1 AND ?2")?;
    let mut rows = select.query([block * BLOCK, end_of_block(block * BLOCK)])?;
    let mut bits = 0;
    while let Some(row) = rows.next()? {
        bits |= bit(row.get(0)?);
    }
    Ok(bits)
}

/// The alerts of a block that have a mark of a kind.
fn marked(change: &Connection, block: i64, kind: i64) -> rusqlite::Result<u64> {
    Ok(marks(change, block, kind)?.into_iter().fold(0, |all, (_, bits)| all | bits))
}

/// The marks of a kind in a block: the action, and the alerts.
fn marks(change: &Connection, block: i64, kind: i64) -> rusqlite::Result<Vec<(i64, u64)>> {
    let mut select = change
        .prepare_cached("SELECT action, alerts FROM triage_mark WHERE block = ?1 AND kind = ?2")?;
    let rows = select.query_map([block, kind], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?;
    rows.collect()
}

fn unsigned(bits: i64) -> u64 {
    bits.cast_unsigned()
}

/// Adds marks of an action.
fn add(
    change: &Connection,
    (block, kind, action): (i64, i64, i64),
    bits: u64,
) -> rusqlite::Result<()> {
    change
        .prepare_cached(
            "INSERT INTO triage_mark VALUES (?1, ?2, ?3, ?4) \
            ON CONFLICT DO UPDATE SET alerts = alerts | excluded.alerts",
        )?
        .execute([block, kind, action, bits.cast_signed()])?;
    Ok(())
}

/// Takes marks away from earlier actions, and keeps them for undoing.
fn remove(
    change: &Connection,
    (block, kind, action): (i64, i64, i64),
    bits: u64,
) -> rusqlite::Result<()> {
    for (was, set) in marks(change, block, kind)? {
        let gone = set & bits;
        if gone == 0 {
            continue;
        }
        change.prepare_cached("INSERT INTO triage_removed VALUES (?1, ?2, ?3, ?4)")?.execute([
            block,
            action,
            was,
            gone.cast_signed(),
        ])?;
        let (left, of) =
            ((set & !gone).cast_signed(), "WHERE block = ?1 AND kind = ?2 AND action = ?3");
        let sql = match left {
            0 => format!("DELETE FROM triage_mark {of} AND ?4 = 0"),
            _ => format!("UPDATE triage_mark SET alerts = ?4 {of}"),
        };
        change.prepare_cached(&sql)?.execute([block, kind, was, left])?;
    }
    Ok(())
}

fn undo(change: &Connection, action: i64, by: &str) -> Result<Option<u64>, StoreProblem> {
    let found = change
        .query_row(
            "SELECT kind, is_set FROM triage_action WHERE id = ?1 AND undone IS NULL AND id IN \
            (SELECT id FROM triage_action WHERE NOT is_rule ORDER BY id DESC LIMIT ?2)",
            [action, UNDOABLE],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((kind, is_set)) = found else { return Ok(None) };
    let changed = if is_set { take_back(change, action)? } else { put_back(change, action, kind)? };
    change.execute(
        "UPDATE triage_action SET undone = ?2, undone_by = ?3 WHERE id = ?1",
        params![action, now(), by],
    )?;
    Ok(Some(changed))
}

/// Removes the marks that an action set and that are still there, and those that could be put back.
fn take_back(change: &Connection, action: i64) -> rusqlite::Result<u64> {
    let mut select = change.prepare("SELECT alerts FROM triage_mark WHERE action = ?1")?;
    let mut changed = 0;
    let mut rows = select.query([action])?;
    while let Some(row) = rows.next()? {
        changed += u64::from(unsigned(row.get(0)?).count_ones());
    }
    change.execute("DELETE FROM triage_mark WHERE action = ?1", [action])?;
    change.execute("DELETE FROM triage_removed WHERE was = ?1", [action])?;
    Ok(changed)
}

/// Sets the marks again that an action removed, where none was set since.
fn put_back(change: &Connection, action: i64, kind: i64) -> rusqlite::Result<u64> {
    let mut select =
        change.prepare("SELECT block, was, alerts FROM triage_removed WHERE action = ?1")?;
    let mut rows = select.query([action])?;
    let mut changed = 0;
    while let Some(row) = rows.next()? {
        let (block, was) = (row.get(0)?, row.get(1)?);
        let bits = unsigned(row.get(2)?) & !marked(change, block, kind)?;
        if bits != 0 {
            add(change, (block, kind, was), bits)?;
        }
        changed += u64::from(bits.count_ones());
    }
    change.execute("DELETE FROM triage_removed WHERE action = ?1", [action])?;
    Ok(changed)
}
