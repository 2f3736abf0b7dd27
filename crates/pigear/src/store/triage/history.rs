//! The latest actions: what was done, by whom, and whether it can be undone.

use jiff::Timestamp;
use pigear_alert::triage::Mark;

use super::{MarkKind, UNDOABLE, has_tables, mark};
use crate::store::error::{StoreError, StoreProblem};
use crate::store::reader::Reader;

/// Marks that someone set or removed together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PastAction {
    /// Its number.
    pub id: i64,
    /// When it was.
    pub at: Timestamp,
    /// Who did it.
    pub by: String,
    /// The kind of mark.
    pub kind: MarkKind,
    /// Whether the alerts got the mark, or lost it.
    pub is_set: bool,
    /// The criteria by which the alerts were found, as they were given to [`TriageWriter::mark_all`].
    ///
    /// [`TriageWriter::mark_all`]: super::TriageWriter::mark_all
    pub criteria: Option<String>,
    /// How many alerts were changed.
    pub alerts: u64,
    /// When it was undone, and by whom.
    pub undone: Option<Mark>,
}

impl PastAction {
    /// Whether it can be undone.
    #[must_use]
    pub fn is_undoable(&self) -> bool {
        self.undone.is_none()
    }
}

impl Reader {
    /// The latest hundred actions of people, newest first.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn triage_actions(&self) -> Result<Vec<PastAction>, StoreError> {
        let read = || -> Result<_, StoreProblem> {
            if !has_tables(&self.connection)? {
                return Ok(Vec::new());
            }
            let mut select = self.connection.prepare_cached(
                "SELECT id, at, by, kind, is_set, criteria, alerts, undone, undone_by \
                FROM triage_action WHERE NOT is_rule ORDER BY id DESC LIMIT ?1",
            )?;
            let rows = select.query_map([UNDOABLE], |row| {
                let undone = row.get::<_, Option<i64>>(7)?.zip(row.get(8)?);
                Ok(PastAction {
                    id: row.get(0)?,
                    at: Timestamp::from_microsecond(row.get(1)?).unwrap_or_default(),
                    by: row.get(2)?,
                    kind: MarkKind::from_number(row.get(3)?),
                    is_set: row.get(4)?,
                    criteria: row.get(5)?,
                    alerts: row.get::<_, i64>(6)?.cast_unsigned(),
                    undone: undone.map(|(at, by)| mark(at, by)),
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        };
        read().map_err(|problem| problem.at(&self.path))
    }
}
