//! Rows decoded to alerts, and rows that can't be decoded.

use std::sync::{Arc, LazyLock};

use pigear_alert::wire::{Decoded, Dialect};
use pigear_alert::{Alert, AlertMessage};
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
    let mut alert = empty_alert();
    Ok(match decode_into(&mut alert, row, connection, interned)? {
        Ok(()) => StoredRow::Alert(Box::new(Stored { id, alert })),
        Err(reason) => StoredRow::Damaged(DamagedRow {
            id,
            signature: row.get(1).unwrap_or_default(),
            origin: row.get(2).unwrap_or_default(),
            data: bytes(row).to_vec(),
            reason,
        }),
    })
}

/// The same into the memory of an alert, which is invalid if there is something wrong with the row: what.
pub(super) fn decode_into(
    alert: &mut Alert,
    row: &Row<'_>,
    connection: &Connection,
    interned: &mut InternedRows,
) -> Result<Result<(), String>, StoreProblem> {
    match try_decode(alert, row, connection, interned) {
        Ok(()) => Ok(Ok(())),
        Err(Unreadable::Problem(problem)) => Err(problem),
        Err(Unreadable::Damaged(reason)) => Ok(Err(reason)),
    }
}

/// An alert that others are decoded into.
pub(super) fn empty_alert() -> Alert {
    static EMPTY: LazyLock<Alert> = LazyLock::new(|| {
        let decoded = Decoded::new(AlertMessage::default(), Dialect::Snort29);
        Alert::new(decoded, Arc::default(), Arc::default())
    });
    EMPTY.clone()
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

fn try_decode(
    alert: &mut Alert,
    row: &Row<'_>,
    connection: &Connection,
    interned: &mut InternedRows,
) -> Result<(), Unreadable> {
    let number = |column, what: &str| {
        row.get(column).map_err(|_| Unreadable::Damaged(format!("its {what} is not a number")))
    };
    let (signature, origin) = (number(1, "signature")?, number(2, "origin")?);
    let InternedRows { signatures, origins } = interned;
    let signature = known(signatures.get(signature, connection), "signature", signature)?;
    let origin = known(origins.get(origin, connection), "origin", origin)?;
    record::decode_into(alert, bytes(row), signature, origin)
        .map_err(|problem| Unreadable::Damaged(problem.to_owned()))?;
    let id: i64 = row.get(0)?;
    // A dead letter may be of an alert that was never stored.
    alert.store_id = Some(id).filter(|id| *id > 0);
    Ok(())
}

/// The record of a row; empty if it can't be read.
pub(super) fn bytes<'a>(row: &'a Row<'_>) -> &'a [u8] {
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
