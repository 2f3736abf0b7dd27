//! Changes what is said about alerts.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{MarkKind, SINCE, has_tables};
use crate::store::connect;
use crate::store::criteria::Criteria;
use crate::store::error::{StoreError, StoreProblem};
use crate::store::reader::{Further, Reader};
use crate::store::record::microseconds;

/// The most alerts that are changed in one transaction, while who stores alerts waits.
const STEP: usize = 500;

/// How many actions can be undone.
const KEPT: i64 = 20;

/// The longest comment, in bytes.
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
        self.located(|connection| mark(connection, alerts, (kind, is_set), by))
    }

    /// The same for all alerts that meet the criteria.
    ///
    /// # Errors
    /// If the store can't be read or written.
    pub fn mark_matching(
        &mut self,
        criteria: &Criteria,
        (kind, is_set): (MarkKind, bool),
        by: &str,
    ) -> Result<TriageAction, StoreError> {
        let mut alerts = Vec::new();
        Reader::open(&self.path)?.newest(criteria, |stored| {
            alerts.push(stored.id);
            Further::On
        })?;
        self.mark(&alerts, (kind, is_set), by)
    }

    /// Undoes one of the last twenty actions, and returns how many alerts were changed: the marks of its kind
    /// are again what they were before it. `None` if it can't be undone any more, or was undone already.
    ///
    /// # Errors
    /// If the store can't be written.
    pub fn undo(&mut self, action: i64) -> Result<Option<u64>, StoreError> {
        self.located(|connection| undo(connection, action))
    }

    /// Comments on an alert, and returns the comment's number; `None` if the alert isn't stored any more.
    ///
    /// # Errors
    /// If the text is empty or longer than 10,000 bytes, or the store can't be written.
    pub fn comment(&mut self, alert: i64, by: &str, text: &str) -> Result<Option<i64>, StoreError> {
        self.located(|connection| {
            if text.trim().is_empty() || text.len() > MAX_COMMENT {
                return Err(StoreProblem::Comment { most: MAX_COMMENT });
            }
            let change = begin(connection)?;
            let added = change
                .prepare_cached(
                    "INSERT INTO comment (alert, at, by, text) \
                    SELECT id, ?2, ?3, ?4 FROM alert WHERE id = ?1",
                )?
                .execute(params![alert, now(), by, text])?;
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

fn mark(
    connection: &mut Connection,
    alerts: &[i64],
    (kind, is_set): (MarkKind, bool),
    by: &str,
) -> Result<TriageAction, StoreProblem> {
    let id = begin_action(connection, by)?;
    let mut changed = 0;
    for alerts in alerts.chunks(STEP) {
        let change = begin(connection)?;
        for alert in alerts {
            let before = change
                .prepare_cached(
                    "INSERT OR IGNORE INTO triage_before (alert, action, kind, at, by) \
                    SELECT id, ?2, ?3, triage.at, triage.by \
                    FROM alert LEFT JOIN triage ON triage.alert = id AND triage.kind = ?3 \
                    WHERE id = ?1 AND (triage.at IS NULL) = ?4",
                )?
                .execute(params![alert, id, kind.number(), is_set])?;
            if before > 0 {
                put(&change, *alert, kind.number(), is_set.then(|| (now(), by)))?;
                changed += 1;
            }
        }
        change.commit()?;
    }
    Ok(TriageAction { id, alerts: changed })
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
fn begin_action(connection: &mut Connection, by: &str) -> Result<i64, StoreProblem> {
    let change = begin(connection)?;
    change.execute("INSERT INTO triage_action (at, by) VALUES (?1, ?2)", params![now(), by])?;
    let id = change.last_insert_rowid();
    change.execute("DELETE FROM triage_action WHERE id <= ?1", [id - KEPT])?;
    change.commit()?;
    let forget = "DELETE FROM triage_before WHERE (alert, action) IN \
        (SELECT alert, action FROM triage_before WHERE action <= ?1 LIMIT ?2)";
    while connection.execute(forget, params![id - KEPT, STEP])? > 0 {}
    Ok(id)
}

fn undo(connection: &mut Connection, action: i64) -> Result<Option<u64>, StoreProblem> {
    let known = connection
        .query_row("SELECT 1 FROM triage_action WHERE id = ?1", [action], |_| Ok(()))
        .optional()?;
    if known.is_none() {
        return Ok(None);
    }
    let mut changed = 0;
    loop {
        let change = begin(connection)?;
        let step = before(&change, action)?;
        for (alert, kind, mark) in &step {
            put(&change, *alert, *kind, mark.as_ref().map(|(at, by)| (*at, &**by)))?;
            change
                .prepare_cached("DELETE FROM triage_before WHERE alert = ?1 AND action = ?2")?
                .execute([*alert, action])?;
        }
        changed += step.len() as u64;
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
