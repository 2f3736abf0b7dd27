//! What was said about alerts, in short.

use std::collections::BTreeMap;

use pigear_alert::triage::Triage;
use rusqlite::Connection;

use super::{MarkKind, has_tables};
use crate::store::error::{StoreError, StoreProblem};
use crate::store::layout::BLOCK;
use crate::store::reader::Reader;

/// What was said about an alert, without when and by whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) is_acknowledged: bool,
    pub(crate) is_starred: bool,
    /// How many comments there are.
    pub(crate) comments: usize,
    /// The number of the last comment.
    pub(crate) last_comment: Option<i64>,
}

impl Marks {
    /// Those of an alert that was read with them.
    pub(crate) fn of(said: Option<&Triage>) -> Self {
        said.map_or_else(Self::default, |said| Self {
            is_acknowledged: said.acknowledged.is_some(),
            is_starred: said.starred.is_some(),
            comments: said.comments.len(),
            last_comment: said.comments.last().map(|comment| comment.id),
        })
    }
}

impl Reader {
    /// What was said about these alerts, as far as anything was.
    ///
    /// # Errors
    /// If the store can't be read.
    pub(crate) fn marks(&self, alerts: &[i64]) -> Result<BTreeMap<i64, Marks>, StoreError> {
        let read = || -> Result<_, StoreProblem> {
            let mut all = BTreeMap::new();
            if !has_tables(&self.connection)? {
                return Ok(all);
            }
            for alert in alerts {
                let marks = read(&self.connection, *alert)?;
                if marks != Marks::default() {
                    all.insert(*alert, marks);
                }
            }
            Ok(all)
        };
        read().map_err(|problem| problem.at(&self.path))
    }
}

fn read(connection: &Connection, alert: i64) -> rusqlite::Result<Marks> {
    let has = |kind: i64| {
        format!(
            "EXISTS (SELECT 1 FROM triage_mark WHERE block = ?1 / {BLOCK} AND kind = {kind} \
            AND alerts >> (?1 % {BLOCK}) & 1)"
        )
    };
    let sql = format!(
        "SELECT {}, {}, \
        (SELECT count(*) FROM comment WHERE alert = ?1), \
        (SELECT max(id) FROM comment WHERE alert = ?1)",
        has(MarkKind::Acknowledged.number()),
        has(MarkKind::Starred.number())
    );
    connection.prepare_cached(&sql)?.query_row([alert], |row| {
        Ok(Marks {
            is_acknowledged: row.get(0)?,
            is_starred: row.get(1)?,
            comments: row.get(2)?,
            last_comment: row.get(3)?,
        })
    })
}
