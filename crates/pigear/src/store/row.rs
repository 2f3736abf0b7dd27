//! Rows decoded to alerts, and rows that can't be decoded.

use std::sync::Arc;

use pigear_alert::Alert;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Row};

use super::error::StoreProblem;
use super::interned::{InternedRows, Signature};
use super::record;

/// An alert with its id in the store.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The id: alerts are numbered from 1 in the order in which they were stored.
    pub id: i64,
    /// The alert, as it was received.
    pub alert: Alert,
}

/// The row with an id.
#[derive(Clone, Debug)]
pub(super) enum StoredRow {
    Alert(Box<Stored>),
    Damaged(DamagedRow),
}

/// A row that can't be decoded to an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DamagedRow {
    pub(super) id: i64,
    /// The id of its signature, if that could be read.
    pub(super) signature: i64,
    /// The id of its origin, if that could be read.
    pub(super) origin: i64,
    /// The record, if it could be read.
    pub(super) data: Vec<u8>,
    /// What is wrong with it.
    pub(super) reason: String,
}

/// Decodes the first columns of a row: id, signature, origin, and record.
///
/// # Errors
/// If the database can't be read. A row that can't be decoded is not an error.
pub(super) fn stored(
    row: &Row<'_>,
    connection: &Connection,
    interned: &mut InternedRows,
) -> Result<StoredRow, StoreProblem> {
    let id: i64 = row.get(0)?;
    match alert(row, id, connection, interned) {
        Ok(alert) => Ok(StoredRow::Alert(Box::new(Stored { id, alert }))),
        Err(Unreadable::Problem(problem)) => Err(problem),
        Err(Unreadable::Damaged(reason)) => Ok(StoredRow::Damaged(DamagedRow {
            id,
            signature: row.get(1).unwrap_or_default(),
            origin: row.get(2).unwrap_or_default(),
            data: bytes(row).to_vec(),
            reason,
        })),
    }
}

/// Why a row is not an alert.
enum Unreadable {
    Problem(StoreProblem),
    Damaged(String),
}

impl From<rusqlite::Error> for Unreadable {
    fn from(error: rusqlite::Error) -> Self {
        Self::Problem(error.into())
    }
}

fn alert(
    row: &Row<'_>,
    id: i64,
    connection: &Connection,
    interned: &mut InternedRows,
) -> Result<Alert, Unreadable> {
    let number = |column, what: &str| {
        row.get(column).map_err(|_| Unreadable::Damaged(format!("its {what} is not a number")))
    };
    let (signature, origin) = (number(1, "signature")?, number(2, "origin")?);
    let signature = known(interned.signature(signature, connection), "signature", signature)?;
    let origin = known(interned.origin(origin, connection), "origin", origin)?;
    let mut alert = record::decode(bytes(row), &signature, &origin)
        .map_err(|problem| Unreadable::Damaged(problem.to_owned()))?;
    // A dead letter may be of an alert that was never stored.
    alert.store_id = Some(id).filter(|id| *id > 0);
    Ok(alert)
}

fn bytes<'a>(row: &'a Row<'_>) -> &'a [u8] {
    match row.get_ref(3) {
        Ok(ValueRef::Blob(bytes) | ValueRef::Text(bytes)) => bytes,
        _ => &[],
    }
}

/// A signature; `None` if it is missing or can't be decoded.
pub(super) fn known_signature(
    interned: &mut InternedRows,
    id: i64,
    connection: &Connection,
) -> Result<Option<Arc<Signature>>, StoreProblem> {
    match known(interned.signature(id, connection), "signature", id) {
        Ok(signature) => Ok(Some(signature)),
        Err(Unreadable::Damaged(_)) => Ok(None),
        Err(Unreadable::Problem(problem)) => Err(problem),
    }
}

fn known<T>(found: rusqlite::Result<T>, what: &str, id: i64) -> Result<T, Unreadable> {
    found.map_err(|error| match error {
        rusqlite::Error::QueryReturnedNoRows => {
            Unreadable::Damaged(format!("its {what} {id} is missing"))
        }
        error if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
            Unreadable::Damaged(format!("its {what} {id} can't be read: {error}"))
        }
        error if error.sqlite_error_code().is_none() => {
            Unreadable::Damaged(format!("its {what} {id} can't be decoded: {error}"))
        }
        error => error.into(),
    })
}
