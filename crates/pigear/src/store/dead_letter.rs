//! What was refused for good, with the reason.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use pigear_alert::Alert;
use rusqlite::{Row, params};

use super::error::{StoreError, StoreProblem};
use super::lanes::{self, Mark};
use super::open;
use super::reader::Reader;
use super::record;
use super::writer::Writer;

/// An alert that was refused, and the reason.
pub(super) type Refusal = (Arc<Alert>, String);

/// An alert that a handler could not hand on, and won't try to again unless told to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Its number.
    pub id: i64,
    /// The handler.
    pub lane: String,
    /// When it was refused.
    pub refused: Timestamp,
    /// Why.
    pub reason: String,
    /// Whether it will be sent again.
    pub again: bool,
    /// The alert's number; 0 if it was never stored.
    pub alert_id: i64,
    /// The alert.
    pub alert: Alert,
}

impl Writer {
    /// Writes a lane's mark, and what it could not hand on.
    pub(super) fn note(
        &mut self,
        lane: &str,
        mark: Mark,
        refused: &[Refusal],
    ) -> Result<(), StoreProblem> {
        let (change, ids) = self.change()?;
        for (alert, reason) in refused {
            let (signature, origin) = ids.of(alert, &change)?;
            let mut data = Vec::new();
            record::encode(alert, &mut data);
            change
                .prepare_cached(
                    "INSERT INTO dead_letter (lane, alert, refused, reason, signature, origin, data) \
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![
                    lane,
                    alert.store_id.unwrap_or_default(),
                    now(),
                    reason,
                    signature,
                    origin,
                    data
                ])?;
        }
        lanes::set_mark(&change, lane, mark)?;
        change.commit()?;
        Ok(())
    }

    /// Removes dead letters that were sent again.
    pub(super) fn remove_letters(&mut self, letters: &[i64]) -> Result<(), StoreProblem> {
        let (change, _) = self.change()?;
        for id in letters {
            change.execute("DELETE FROM dead_letter WHERE id = ?1", [id])?;
        }
        change.commit()?;
        Ok(())
    }

    /// Notes that dead letters were refused again.
    pub(super) fn refuse_letters(&mut self, refused: &[(i64, String)]) -> Result<(), StoreProblem> {
        let (change, _) = self.change()?;
        for (id, reason) in refused {
            change.execute(
                "UPDATE dead_letter SET again = 0, refused = ?2, reason = ?3 WHERE id = ?1",
                params![id, now(), reason],
            )?;
        }
        change.commit()?;
        Ok(())
    }
}

fn now() -> i64 {
    Timestamp::now().as_second()
}

const COLUMNS: &str =
    "alert, signature, origin, data, id, lane, refused, reason, again FROM dead_letter";

impl Reader {
    /// The dead letters of a lane that are to be sent again, oldest first.
    pub(super) fn marked_letters(
        &mut self,
        lane: &str,
        most: usize,
    ) -> Result<Vec<(i64, Arc<Alert>)>, StoreProblem> {
        let sql = format!("SELECT {COLUMNS} WHERE lane = ?1 AND again ORDER BY id LIMIT ?2");
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let letters = self.letters(&sql, params![lane, most])?;
        Ok(letters.into_iter().map(|letter| (letter.id, Arc::new(letter.alert))).collect())
    }

    /// The dead letters, of one lane or of all, newest first.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn dead_letters(
        &mut self,
        lane: Option<&str>,
        most: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} WHERE ?1 IS NULL OR lane = ?1 ORDER BY id DESC LIMIT ?2");
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.letters(&sql, params![lane, most]).map_err(|problem| problem.at(&self.path))
    }

    fn letters(
        &mut self,
        sql: &str,
        values: impl rusqlite::Params,
    ) -> Result<Vec<DeadLetter>, StoreProblem> {
        let Self { connection, interned, .. } = self;
        let mut select = connection.prepare_cached(sql)?;
        let mut rows = select.query(values)?;
        let mut letters = Vec::new();
        while let Some(row) = rows.next()? {
            let stored = super::reader::alert(row, connection, interned)?;
            letters.push(letter(row, stored.id, stored.alert)?);
        }
        Ok(letters)
    }
}

fn letter(row: &Row<'_>, alert_id: i64, alert: Alert) -> Result<DeadLetter, StoreProblem> {
    let refused = Timestamp::from_second(row.get("refused")?);
    Ok(DeadLetter {
        id: row.get("id")?,
        lane: row.get("lane")?,
        refused: refused.unwrap_or(Timestamp::UNIX_EPOCH),
        reason: row.get("reason")?,
        again: row.get("again")?,
        alert_id,
        alert,
    })
}

/// Has dead letters sent again, of one lane or of all, by whoever runs these lanes now or next. Returns
/// the lanes with how many they are.
///
/// # Errors
/// If the store can't be written.
pub fn redeliver(path: &Path, lane: Option<&str>) -> Result<Vec<(String, u64)>, StoreError> {
    let marked = || -> Result<Vec<(String, u64)>, StoreProblem> {
        let connection = open::beside(path)?;
        connection
            .execute("UPDATE dead_letter SET again = 1 WHERE ?1 IS NULL OR lane = ?1", [lane])?;
        let mut select = connection.prepare(
            "SELECT lane, count(*) FROM dead_letter WHERE again AND (?1 IS NULL OR lane = ?1) \
            GROUP BY lane ORDER BY lane",
        )?;
        let lanes = select.query_map([lane], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(lanes.collect::<Result<_, _>>()?)
    };
    marked().map_err(|problem| problem.at(path))
}
