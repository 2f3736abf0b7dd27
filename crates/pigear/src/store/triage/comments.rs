//! Comments on alerts.

use rusqlite::{OptionalExtension, params};

use super::action::{TriageWriter, begin, now};
use crate::store::error::{StoreError, StoreProblem};

/// The most comments on an alert.
const MAX_COMMENTS: i64 = 100;

/// The longest comment, in characters.
const MAX_COMMENT: usize = 10_000;

/// The most that all comments of a store have, in bytes: they count into the limit of the store's size, and a list of
/// alerts may have all of them.
const MAX_ALL: i64 = 4_000_000;

impl TriageWriter {
    /// Comments on an alert, and returns the comment's number; `None` if the alert isn't stored any more.
    ///
    /// # Errors
    /// If the text is empty, longer than 10,000 characters, or has control characters other than line ends and
    /// tabs; if the alert has a hundred comments, or all of the store would have more than 4 million bytes; or if it can't be
    /// written.
    pub fn comment(&mut self, alert: i64, by: &str, text: &str) -> Result<Option<i64>, StoreError> {
        let text = text.replace("\r\n", "\n");
        self.located(|connection| {
            if text.trim().is_empty() || text.chars().count() > MAX_COMMENT {
                return Err(StoreProblem::Comment { most: MAX_COMMENT });
            }
            if text.chars().any(|it| it.is_control() && !"\n\t".contains(it)) {
                return Err(StoreProblem::ControlCharacter);
            }
            let change = begin(connection)?;
            let sum = "SELECT coalesce(sum(length(CAST(text AS BLOB))), 0) + ?1 FROM comment";
            let bytes = i64::try_from(text.len()).unwrap_or(i64::MAX);
            if change.prepare_cached(sum)?.query_row([bytes], |row| row.get::<_, i64>(0))? > MAX_ALL
            {
                return Err(StoreProblem::TooManyComments { most: MAX_ALL });
            }
            let count = "SELECT count(*) FROM comment WHERE alert = ?1";
            let of_alert: i64 =
                change.prepare_cached(count)?.query_row([alert], |row| row.get(0))?;
            if of_alert >= MAX_COMMENTS {
                return Err(StoreProblem::TooManyCommentsOfAlert { most: MAX_COMMENTS });
            }
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
    /// If it is not of this author, if one is given, or the store can't be written.
    pub fn remove_comment(&mut self, id: i64, author: Option<&str>) -> Result<bool, StoreError> {
        self.located(|connection| {
            let change = begin(connection)?;
            let by = change
                .prepare_cached("SELECT by FROM comment WHERE id = ?1")?
                .query_row([id], |row| row.get::<_, String>(0))
                .optional()?;
            let Some(by) = by else { return Ok(false) };
            if author.is_some_and(|author| author != by) {
                return Err(StoreProblem::CommentOfOther { by });
            }
            change.execute("DELETE FROM comment WHERE id = ?1", [id])?;
            change.commit()?;
            Ok(true)
        })
    }
}
