//! Comments on alerts.

use rusqlite::{OptionalExtension, Transaction, params};

use super::AlertSet;
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
    /// As of [`Self::comment_on_each`].
    pub fn comment(&mut self, alert: i64, by: &str, text: &str) -> Result<Option<i64>, StoreError> {
        let added = self.comment_on_each(&AlertSet::from_iter([alert]), by, text)?;
        Ok(added.first().copied())
    }

    /// Makes the same comment on each of these alerts, or on none of them. Returns the comments' numbers; alerts that
    /// aren't stored any more are left out.
    ///
    /// # Errors
    /// If the text is empty, longer than 10,000 characters, or has control characters other than line ends and
    /// tabs; if one of the alerts has a hundred comments, or all of the store would have more than 4 million bytes;
    /// or if it can't be written.
    pub fn comment_on_each(
        &mut self,
        alerts: &AlertSet,
        by: &str,
        text: &str,
    ) -> Result<Vec<i64>, StoreError> {
        let text = text.replace("\r\n", "\n");
        self.located(|connection| {
            check(&text)?;
            let change = begin(connection)?;
            let added = add(&change, alerts, by, &text)?;
            change.commit()?;
            Ok(added)
        })
    }

    /// Removes a comment; false if there is none with this number.
    ///
    /// # Errors
    /// As of [`Self::remove_comments`].
    pub fn remove_comment(&mut self, id: i64, author: Option<&str>) -> Result<bool, StoreError> {
        Ok(self.remove_comments(&[id], author)? > 0)
    }

    /// Removes comments, and returns how many there were; or removes none.
    ///
    /// # Errors
    /// If one is not of this author, if one is given, or the store can't be written.
    pub fn remove_comments(
        &mut self,
        ids: &[i64],
        author: Option<&str>,
    ) -> Result<usize, StoreError> {
        self.located(|connection| {
            let change = begin(connection)?;
            let mut removed = 0;
            for id in ids {
                let by = change
                    .prepare_cached("DELETE FROM comment WHERE id = ?1 RETURNING by")?
                    .query_row([id], |row| row.get::<_, String>(0))
                    .optional()?;
                let Some(by) = by else { continue };
                // What was removed before is put back then.
                if author.is_some_and(|author| author != by) {
                    return Err(StoreProblem::CommentOfOther { by });
                }
                removed += 1;
            }
            change.commit()?;
            Ok(removed)
        })
    }
}

/// Whether a text can be a comment.
fn check(text: &str) -> Result<(), StoreProblem> {
    if text.trim().is_empty() || text.chars().count() > MAX_COMMENT {
        return Err(StoreProblem::Comment { most: MAX_COMMENT });
    }
    if text.chars().any(|it| it.is_control() && !"\n\t".contains(it)) {
        return Err(StoreProblem::ControlCharacter);
    }
    Ok(())
}

/// Adds a comment to each of the alerts that are stored.
fn add(
    change: &Transaction<'_>,
    alerts: &AlertSet,
    by: &str,
    text: &str,
) -> Result<Vec<i64>, StoreProblem> {
    let sum = "SELECT coalesce(sum(length(CAST(text AS BLOB))), 0) FROM comment";
    let mut bytes: i64 = change.prepare_cached(sum)?.query_row([], |row| row.get(0))?;
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let mut count = change.prepare_cached("SELECT count(*) FROM comment WHERE alert = ?1")?;
    let mut insert = change.prepare_cached(
        "INSERT INTO comment (alert, at, by, text) \
        SELECT id, ?2, ?3, ?4 FROM alert WHERE id = ?1",
    )?;
    let (at, mut added) = (now(), Vec::new());
    for alert in alerts.iter() {
        if insert.execute(params![alert, at, by, text])? == 0 {
            continue;
        }
        added.push(change.last_insert_rowid());
        bytes = bytes.saturating_add(length);
        if bytes > MAX_ALL {
            return Err(StoreProblem::TooManyComments { most: MAX_ALL });
        }
        if count.query_row([alert], |row| row.get::<_, i64>(0))? > MAX_COMMENTS {
            return Err(StoreProblem::TooManyCommentsOfAlert { alert, most: MAX_COMMENTS });
        }
    }
    Ok(added)
}
