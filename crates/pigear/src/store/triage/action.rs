//! Changes what is said about alerts.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{MarkKind, SINCE, has_tables};
use crate::store::connect;
use crate::store::error::{StoreError, StoreProblem};
use crate::store::identity::StoreIdentity;
use crate::store::record::microseconds;

/// The most alerts that are changed in one transaction, while who stores alerts waits.
const STEP: usize = 500;

/// How many actions can be undone.
const KEPT: i64 = 20;

/// The most alerts whose marks are kept for undoing, beside those of the latest action.
const MAX_BEFORE: i64 = 200_000;

/// The most comments on an alert.
const MAX_COMMENTS: i64 = 100;

/// The longest comment, in characters.
const MAX_COMMENT: usize = 10_000;

/// Changes what is said about alerts, while another process may store alerts.
pub struct TriageWriter {
    connection: Connection,
    path: PathBuf,
}

/// Marks that were set or removed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TriageAction {
    /// Its number, for [`TriageWriter::undo`].
    pub id: i64,
    /// How many alerts were changed; others had, or lacked, the mark already.
    pub alerts: u64,
}

impl TriageWriter {
    /// Opens a store for triage.
    ///
    /// # Errors
    /// If there is no store, it can't be written, or no Pigear of this version has written to it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let open = || -> Result<Connection, StoreProblem> {
            let connection = connect::beside(path)?;
            if !has_tables(&connection)? {
                return Err(StoreProblem::Older { needed: SINCE });
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

    /// Sets a mark on alerts, or removes it. What isn't stored any more is passed over.
    ///
    /// # Errors
    /// If the store can't be written. What was changed before that remains, and can be undone.
    pub fn mark(
        &mut self,
        alerts: &[i64],
        (kind, is_set): (MarkKind, bool),
        by: &str,
    ) -> Result<TriageAction, StoreError> {
        self.located(|connection| {
            let at = now();
            let action = begin_action(connection, at, by)?;
            let changed = mark(connection, alerts, (kind, is_set), (at, by), Some(action))?;
            Ok(TriageAction { id: action, alerts: changed })
        })
    }

    /// Undoes one of the last twenty actions, and returns how many alerts were changed: the marks of its kind
    /// are again what they were before it, except where somebody has changed them since. `None` if it can't be undone any more, or was undone already.
    ///
    /// # Errors
    /// If the store can't be written.
    pub fn undo(&mut self, action: i64) -> Result<Option<u64>, StoreError> {
        self.located(|connection| undo(connection, action))
    }

    /// Comments on an alert, and returns the comment's number; `None` if the alert isn't stored any more, or
    /// has a hundred comments.
    ///
    /// # Errors
    /// If the text is empty or longer than 10,000 characters, or the store can't be written.
    pub fn comment(&mut self, alert: i64, by: &str, text: &str) -> Result<Option<i64>, StoreError> {
        self.located(|connection| {
            if text.trim().is_empty() || text.chars().count() > MAX_COMMENT {
                return Err(StoreProblem::Comment { most: MAX_COMMENT });
            }
            let change = begin(connection)?;
            let added = change
                .prepare_cached(
                    "INSERT INTO comment (alert, at, by, text) \
                    SELECT id, ?2, ?3, ?4 FROM alert WHERE id = ?1 \
                    AND (SELECT count(*) FROM comment WHERE alert = ?1) < ?5",
                )?
                .execute(params![alert, now(), by, text, MAX_COMMENTS])?;
            let id = change.last_insert_rowid();
            change.commit()?;
            Ok((added > 0).then_some(id))
        })
    }

    /// Removes a comment; false if there is none with this number.
    ///
    /// # Errors
    /// If the store can't be written.
    pub fn remove_comment(&mut self, id: i64) -> Result<bool, StoreError> {
        self.located(|connection| {
            Ok(connection.execute("DELETE FROM comment WHERE id = ?1", [id])? > 0)
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

/// Sets a mark of this time and name, or removes it, and returns how many alerts were changed. What was there
/// before is kept for an action, if there is one.
pub(super) fn mark(
    connection: &mut Connection,
    alerts: &[i64],
    (kind, is_set): (MarkKind, bool),
    (at, by): (i64, &str),
    action: Option<i64>,
) -> Result<u64, StoreProblem> {
    let (kind, mut changed) = (kind.number(), 0);
    for alerts in alerts.chunks(STEP) {
        let change = begin(connection)?;
        for alert in alerts {
            if !is_to_change(&change, *alert, kind, is_set)? {
                continue;
            }
            if let Some(action) = action {
                change
                    .prepare_cached(
                        "INSERT INTO triage_before (alert, action, kind, at, by) \
                        SELECT ?1, ?2, ?3, \
                        (SELECT at FROM triage WHERE alert = ?1 AND kind = ?3), \
                        (SELECT by FROM triage WHERE alert = ?1 AND kind = ?3)",
                    )?
                    .execute([*alert, action, kind])?;
            }
            put(&change, *alert, kind, is_set.then_some((at, by)))?;
            changed += 1;
        }
        change.commit()?;
    }
    Ok(changed)
}

/// Whether an alert is stored, and lacks the mark that it is to have, or has the one that it isn't to have.
fn is_to_change(
    change: &Connection,
    alert: i64,
    kind: i64,
    is_set: bool,
) -> rusqlite::Result<bool> {
    change
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM alert WHERE id = ?1) \
            AND EXISTS (SELECT 1 FROM triage WHERE alert = ?1 AND kind = ?2) != ?3",
        )?
        .query_row(params![alert, kind, is_set], |row| row.get(0))
}

/// Sets a mark, or removes it.
fn put(
    change: &Connection,
    alert: i64,
    kind: i64,
    mark: Option<(i64, &str)>,
) -> rusqlite::Result<()> {
    match mark {
        Some((at, by)) => change
            .prepare_cached(
                "INSERT OR REPLACE INTO triage (alert, kind, at, by) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![alert, kind, at, by])?,
        None => change
            .prepare_cached("DELETE FROM triage WHERE alert = ?1 AND kind = ?2")?
            .execute([alert, kind])?,
    };
    Ok(())
}

/// Adds an action, and forgets those that are too old to be undone.
fn begin_action(connection: &mut Connection, at: i64, by: &str) -> Result<i64, StoreProblem> {
    let change = begin(connection)?;
    change.execute("INSERT INTO triage_action (at, by) VALUES (?1, ?2)", params![at, by])?;
    let id = change.last_insert_rowid();
    let beyond = "SELECT max(action) FROM (SELECT action, sum(count(*)) OVER (ORDER BY action DESC) AS rows \
        FROM triage_before GROUP BY action) WHERE rows > ?1";
    let beyond: Option<i64> = change.query_row(beyond, [MAX_BEFORE], |row| row.get(0))?;
    let last = beyond.unwrap_or_default().max(id - KEPT);
    change.execute("DELETE FROM triage_action WHERE id <= ?1", [last])?;
    change.commit()?;
    let forget = "DELETE FROM triage_before WHERE (alert, action) IN \
        (SELECT alert, action FROM triage_before WHERE action <= ?1 LIMIT ?2)";
    while connection.execute(forget, params![last, STEP])? > 0 {}
    Ok(id)
}

fn undo(connection: &mut Connection, action: i64) -> Result<Option<u64>, StoreProblem> {
    let done_at = connection
        .query_row("SELECT at FROM triage_action WHERE id = ?1", [action], |row| row.get(0))
        .optional()?;
    let Some(done_at) = done_at else { return Ok(None) };
    let mut changed = 0;
    loop {
        let change = begin(connection)?;
        let step = before(&change, action)?;
        for (alert, kind, mark) in &step {
            let now = change
                .prepare_cached("SELECT at FROM triage WHERE alert = ?1 AND kind = ?2")?
                .query_row([alert, kind], |row| row.get::<_, i64>(0))
                .optional()?;
            // Of the action: it set the mark where there was none, and removed it where there was one.
            if now == mark.is_none().then_some(done_at) {
                put(&change, *alert, *kind, mark.as_ref().map(|(at, by)| (*at, &**by)))?;
                changed += 1;
            }
            change
                .prepare_cached("DELETE FROM triage_before WHERE alert = ?1 AND action = ?2")?
                .execute([*alert, action])?;
        }
        if step.len() < STEP {
            change.execute("DELETE FROM triage_action WHERE id = ?1", [action])?;
            change.commit()?;
            return Ok(Some(changed));
        }
        change.commit()?;
    }
}

/// An alert, a kind of mark, and the mark.
type Before = (i64, i64, Option<(i64, String)>);

/// The next marks as they were before an action.
fn before(change: &Connection, action: i64) -> rusqlite::Result<Vec<Before>> {
    let mut select = change.prepare_cached(
        "SELECT alert, kind, at, by FROM triage_before WHERE action = ?1 LIMIT ?2",
    )?;
    let rows = select.query_map(params![action, STEP], |row| {
        let mark = row.get::<_, Option<i64>>(2)?.zip(row.get(3)?);
        Ok((row.get(0)?, row.get(1)?, mark))
    })?;
    rows.collect()
}
