//! What was said about alerts, in short.

use std::collections::BTreeMap;

#[cfg(feature = "top")]
use pigear_alert::triage::Triage;
use rusqlite::Connection;

use super::alert_set::{AlertSet, bit, ids};
use super::{MarkKind, has_tables};
use crate::store::error::{StoreError, StoreProblem};
use crate::store::layout::{BLOCK, end_of_block};
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
    #[cfg(feature = "top")]
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
            for (block, wanted) in alerts.iter().copied().collect::<AlertSet>().blocks() {
                read(&self.connection, (block, wanted), &mut all)?;
            }
            Ok(all)
        };
        read().map_err(|problem| problem.at(&self.path))
    }
}

/// Adds what was said about the wanted alerts of a block.
fn read(
    connection: &Connection,
    (block, wanted): (i64, u64),
    all: &mut BTreeMap<i64, Marks>,
) -> rusqlite::Result<()> {
    let sql = "SELECT kind, alerts FROM triage_mark WHERE block = ?1";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([block])?;
    while let Some(row) = rows.next()? {
        let (kind, bits) = (MarkKind::from_number(row.get(0)?), row.get::<_, i64>(1)?);
        for id in ids(block, bits.cast_unsigned() & wanted) {
            let marks = all.entry(id).or_default();
            match kind {
                MarkKind::Acknowledged => marks.is_acknowledged = true,
                MarkKind::Starred => marks.is_starred = true,
            }
        }
    }
    let mut select = connection.prepare_cached(
        "SELECT alert, count(*), max(id) FROM comment WHERE alert BETWEEN ?1 AND ?2 GROUP BY alert",
    )?;
    let mut rows = select.query([block * BLOCK, end_of_block(block * BLOCK)])?;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        if wanted & bit(id) != 0 {
            let marks = all.entry(id).or_default();
            (marks.comments, marks.last_comment) = (row.get(1)?, row.get(2)?);
        }
    }
    Ok(())
}
