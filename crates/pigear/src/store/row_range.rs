//! Reads the rows of a range of ids, also where pages of the file are damaged.

use rusqlite::Connection;

use super::error::StoreProblem;
use super::interned::InternedRows;
use super::meta::last_id;
use super::row::{self, DamagedRow, StoredRow};

pub(super) const RANGE: &str =
    "SELECT id, signature, origin, data FROM alert WHERE id BETWEEN ?1 AND ?2 ORDER BY id";
const ONE: &str = "SELECT id, signature, origin, data FROM alert WHERE id = ?1";

/// The rows with these ids, oldest first, of signatures that may be wanted.
pub(super) fn rows(
    connection: &Connection,
    interned: &mut InternedRows,
    (from, to): (i64, i64),
    may_be: &dyn Fn(Option<i64>) -> bool,
) -> Result<Vec<StoredRow>, StoreProblem> {
    let mut select = connection.prepare_cached(RANGE)?;
    let (mut found, mut next) = (Vec::new(), from);
    let mut read = || -> Result<(), StoreProblem> {
        let mut rows = select.query([from, to])?;
        while let Some(row) = rows.next()? {
            next = following(row.get(0)?, (next, to))?;
            if may_be(row.get(1).ok()) {
                found.push(row::stored(row, connection, interned)?);
            }
        }
        Ok(())
    };
    match read() {
        Err(StoreProblem::Damaged(_)) => {}
        result => return result.map(|()| found),
    }
    // A page can't be read. Rows on other pages can.
    let mut found = Vec::new();
    for id in from.max(1)..=to.min(last_id(connection)?) {
        match one(connection, interned, id, may_be) {
            Ok(row) => found.extend(row),
            Err(StoreProblem::Damaged(reason)) => {
                let [signature, origin] = [0; 2];
                let data = Vec::new();
                found.push(StoredRow::Damaged(DamagedRow { id, signature, origin, data, reason }));
            }
            Err(problem) => return Err(problem),
        }
    }
    Ok(found)
}

/// The least id that a row behind this one may have, which is within a range. In a page that was overwritten, a row
/// may have any number.
pub(super) fn following(id: i64, (from, to): (i64, i64)) -> Result<i64, StoreProblem> {
    if (from..=to).contains(&id) {
        Ok(id.saturating_add(1))
    } else {
        Err(StoreProblem::Damaged(format!(
            "a row has the number {id}, which isn't behind the last"
        )))
    }
}

fn one(
    connection: &Connection,
    interned: &mut InternedRows,
    id: i64,
    may_be: &dyn Fn(Option<i64>) -> bool,
) -> Result<Option<StoredRow>, StoreProblem> {
    let mut select = connection.prepare_cached(ONE)?;
    let mut rows = select.query([id])?;
    let row = rows.next()?.filter(|row| may_be(row.get(1).ok()));
    row.map(|row| row::stored(row, connection, interned)).transpose()
}
