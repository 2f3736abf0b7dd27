//! Dead letters: alerts that were refused for good, with the reason.

mod changes;
mod resent;

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use pigear_alert::Alert;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, TransactionBehavior, params};
use tracing::warn;

use super::connect;
use super::criteria::Criteria;
use super::error::{StoreError, StoreProblem};
use super::lanes;
use super::meta;
use super::reader::{Further, Reader};
use super::row::{self, StoredRow};

pub(super) use changes::{Fate, LetterChanges};
pub use resent::Resent;

/// An alert that was refused.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) alert: Arc<Alert>,
    pub(super) reason: Arc<str>,
}

/// An alert that a handler could not deliver, and won't retry unless told to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Its id.
    pub id: i64,
    /// The name of the handler.
    pub lane: String,
    /// When it was refused.
    pub refused: Timestamp,
    /// The reason.
    pub reason: String,
    /// Whether it is to be sent again.
    pub again: bool,
    /// The alert's id; 0 if it was never stored.
    pub alert_id: i64,
    /// The number of alerts it stands for: a handler may refuse a group, of which this is the first.
    pub count: u64,
    /// The alert.
    pub content: LetterContent,
}

/// The contents of a dead letter.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "it is one or the other")]
#[expect(clippy::large_enum_variant, reason = "it hardly ever is the other")]
pub enum LetterContent {
    /// The alert that was refused.
    Alert(Alert),
    /// The stored bytes of an alert that can't be decoded any more.
    Damaged(Vec<u8>),
}

impl DeadLetter {
    /// The alert; `None` if it can't be decoded any more.
    #[must_use]
    pub fn alert(&self) -> Option<&Alert> {
        match &self.content {
            LetterContent::Alert(alert) => Some(alert),
            LetterContent::Damaged(_) => None,
        }
    }
}

/// Dead letters that are to be sent again, by their ids.
#[derive(Debug, Default)]
pub(super) struct MarkedLetters {
    pub(super) alerts: Vec<(i64, Arc<Alert>)>,
    /// Those that can't be sent, with the reasons.
    pub(super) damaged: Vec<(i64, String)>,
}

/// The columns of a dead letter, as the store's version has them.
fn columns(connection: &Connection) -> rusqlite::Result<&'static str> {
    Ok(if meta::version(connection)? < 2 {
        "alert, signature, origin, data, id, lane, refused, reason, again, 1 AS count, 0 AS damaged \
        FROM dead_letter"
    } else {
        "alert, signature, origin, data, id, lane, refused, reason, again, count, damaged \
        FROM dead_letter"
    })
}

impl Reader {
    /// The dead letters of a lane that are to be sent again, oldest first.
    pub(super) fn marked_letters(
        &mut self,
        lane: &str,
        most: usize,
    ) -> Result<MarkedLetters, StoreProblem> {
        let order = "WHERE lane = ?1 AND again ORDER BY id";
        let mut marked = MarkedLetters::default();
        self.letters(order, params![lane], |letter| {
            match letter.content {
                LetterContent::Alert(mut alert) => {
                    alert.refused = Some(letter.refused);
                    marked.alerts.push((letter.id, Arc::new(alert)));
                }
                // Found only now: it can't be sent, and stays.
                LetterContent::Damaged(_) => marked.damaged.push((letter.id, letter.reason)),
            }
            if marked.alerts.len() < most { Further::On } else { Further::Enough }
        })?;
        Ok(marked)
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
        let order = "WHERE ?1 IS NULL OR lane = ?1 ORDER BY id DESC LIMIT ?2";
        let mut letters = Vec::new();
        self.letters(order, params![lane, i64::try_from(most).unwrap_or(i64::MAX)], |letter| {
            letters.push(letter);
            Further::On
        })
        .map_err(|problem| problem.at(&self.path))?;
        Ok(letters)
    }

    /// Of the dead letters, of one lane or of all, those whose alert meets all criteria but those on what people said,
    /// newest first; and how many have none that could be looked at, since it is damaged.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn selected_letters(
        &mut self,
        lane: Option<&str>,
        criteria: &Criteria,
        most: usize,
    ) -> Result<(Vec<DeadLetter>, u64), StoreError> {
        if !criteria.is_selective() {
            return Ok((self.dead_letters(lane, most)?, 0));
        }
        let order = "WHERE ?1 IS NULL OR lane = ?1 ORDER BY id DESC";
        let (mut letters, mut damaged) = (Vec::new(), 0);
        self.letters(order, params![lane], |letter| {
            if letters.len() == most {
                return Further::Enough;
            }
            match letter.alert() {
                Some(alert) if criteria.meets(alert) => letters.push(letter),
                Some(_) => {}
                None => damaged += 1,
            }
            Further::On
        })
        .map_err(|problem| problem.at(&self.path))?;
        Ok((letters, damaged))
    }

    fn letters(
        &mut self,
        order: &str,
        values: impl rusqlite::Params,
        mut visit: impl FnMut(DeadLetter) -> Further,
    ) -> Result<(), StoreProblem> {
        let Self { connection, interned, .. } = self;
        let sql = format!("SELECT {} {order}", columns(connection)?);
        let mut select = connection.prepare_cached(&sql)?;
        let mut rows = select.query(values)?;
        while let Some(row) = rows.next()? {
            let read =
                row::stored(row, connection, interned).and_then(|stored| letter(row, stored));
            match read {
                Ok(letter) => {
                    if visit(letter) == Further::Enough {
                        break;
                    }
                }
                Err(problem) => warn!("dead letter {} can't be read: {problem}", text(row, "id")),
            }
        }
        Ok(())
    }
}

/// A dead letter. What says less about it may be damaged: it is shown as far as it can be read.
fn letter(row: &Row<'_>, stored: StoredRow) -> Result<DeadLetter, StoreProblem> {
    let mut reason = text(row, "reason");
    let count = row.get::<_, i64>("count").map_or(1, i64::unsigned_abs);
    let (alert_id, content) = match stored {
        StoredRow::Alert(mut stored) => {
            stored.alert.count = NonZeroU64::new(count).filter(|_| count > 1);
            (stored.id, LetterContent::Alert(stored.alert))
        }
        StoredRow::Damaged(damaged) => {
            if !row.get::<_, bool>("damaged").unwrap_or_default() {
                reason = format!("{}; it was refused: {reason}", damaged.reason);
            }
            (damaged.id, LetterContent::Damaged(damaged.data))
        }
    };
    let refused =
        row.get("refused").ok().and_then(|second: i64| Timestamp::from_second(second).ok());
    Ok(DeadLetter {
        id: row.get("id")?,
        lane: text(row, "lane"),
        refused: refused.unwrap_or(Timestamp::UNIX_EPOCH),
        reason,
        again: row.get("again").unwrap_or_default(),
        alert_id,
        count,
        content,
    })
}

/// A column as text, whatever is in it.
fn text(row: &Row<'_>, column: &str) -> String {
    match row.get_ref(column) {
        Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        Ok(ValueRef::Integer(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// What is sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redelivery {
    /// The lanes, each with its number of dead letters.
    pub lanes: Vec<(String, u64)>,
    /// How many dead letters are damaged, and stay.
    pub damaged: u64,
    /// The ids of those that are sent again, in the order of the lanes.
    pub ids: Vec<i64>,
    /// How many dead letters of each lane the retention policy had removed before.
    removed: HashMap<String, u64>,
}

/// Marks dead letters of one lane or all to be sent again, by the Pigear that runs these lanes.
///
/// # Errors
/// If the store can't be written.
pub fn redeliver(path: &Path, lane: Option<&str>) -> Result<Redelivery, StoreError> {
    let marked = || -> Result<Redelivery, StoreProblem> {
        let mut connection = connect::beside(path, connect::BUSY_TIMEOUT)?;
        let connection = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let whole = match meta::version(&connection)? {
            ..2 => "",
            _ => " AND NOT damaged",
        };
        connection.execute(
            &format!("UPDATE dead_letter SET again = 1 WHERE (?1 IS NULL OR lane = ?1){whole}"),
            [lane],
        )?;
        let (mut lanes, mut ids) = (Vec::<(String, u64)>::new(), Vec::new());
        let mut select = connection.prepare(
            "SELECT lane, id FROM dead_letter WHERE again AND (?1 IS NULL OR lane = ?1) \
            ORDER BY lane, id",
        )?;
        let mut rows = select.query([lane])?;
        while let Some(row) = rows.next()? {
            ids.push(row.get(1)?);
            let name: String = row.get(0)?;
            match lanes.last_mut() {
                Some((last, letters)) if *last == name => *letters += 1,
                _ => lanes.push((name, 1)),
            }
        }
        drop(rows);
        drop(select);
        let damaged = connection.query_row(
            "SELECT count(*) FROM dead_letter WHERE NOT again AND (?1 IS NULL OR lane = ?1)",
            [lane],
            |row| row.get(0),
        )?;
        let removed = lanes::removed_letters(&connection)?;
        connection.commit()?;
        Ok(Redelivery { lanes, damaged, ids, removed })
    };
    marked().map_err(|problem| problem.at(path))
}
