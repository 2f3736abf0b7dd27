//! Reads what was said about alerts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use pigear_alert::triage::{Comment, Triage};
use rusqlite::Connection;

use super::alert_set::ids;
use super::{MarkKind, has_tables, mark};
use crate::store::criteria::Criteria;
use crate::store::layout::{BLOCK, SEGMENT};
use crate::store::segment_index::Blocks;

/// Whether anything was said about any alert, as of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct TriageReader {
    is_empty: bool,
}

impl TriageReader {
    pub(in crate::store) fn new(connection: &Connection) -> rusqlite::Result<Self> {
        let any = "SELECT EXISTS (SELECT 1 FROM triage_mark) OR EXISTS (SELECT 1 FROM comment)";
        let is_empty = !has_tables(connection)?
            || !connection.prepare_cached(any)?.query_row([], |row| row.get(0))?;
        Ok(Self { is_empty })
    }

    /// What was said about the alerts with these ids.
    pub(in crate::store) fn read(
        self,
        connection: &Connection,
        (from, to): (i64, i64),
    ) -> rusqlite::Result<BTreeMap<i64, Triage>> {
        let mut said = BTreeMap::<i64, Triage>::new();
        if self.is_empty {
            return Ok(said);
        }
        let mut select = connection.prepare_cached(
            "SELECT block, triage_mark.kind, triage_mark.alerts, at, by \
            FROM triage_mark JOIN triage_action ON id = action WHERE block BETWEEN ?1 AND ?2",
        )?;
        let mut rows = select.query([from / BLOCK, to / BLOCK])?;
        while let Some(row) = rows.next()? {
            let set = mark(row.get(3)?, row.get(4)?);
            let bits = row.get::<_, i64>(2)?.cast_unsigned();
            for id in ids(row.get(0)?, bits).filter(|id| (from..=to).contains(id)) {
                let of_alert = said.entry(id).or_default();
                let kind = match MarkKind::from_number(row.get(1)?) {
                    MarkKind::Acknowledged => &mut of_alert.acknowledged,
                    MarkKind::Starred => &mut of_alert.starred,
                };
                *kind = Some(set.clone());
            }
        }
        let mut select = connection.prepare_cached(
            "SELECT alert, id, at, by, text FROM comment WHERE alert BETWEEN ?1 AND ?2 ORDER BY id",
        )?;
        let mut rows = select.query([from, to])?;
        while let Some(row) = rows.next()? {
            let at = Timestamp::from_microsecond(row.get(2)?).unwrap_or_default();
            let comment = Comment { id: row.get(1)?, at, by: row.get(3)?, text: row.get(4)? };
            said.entry(row.get(0)?).or_default().comments.push(comment);
        }
        Ok(said)
    }
}

/// The blocks of a segment with alerts about which was said what the criteria want.
pub(in crate::store) fn blocks(
    connection: &Connection,
    criteria: &Criteria,
    segment: i64,
) -> rusqlite::Result<Blocks> {
    let mut found = Blocks::ALL;
    if !has_tables(connection)? {
        return Ok(if criteria.wants_triage() { Blocks::default() } else { found });
    }
    let range = (segment * SEGMENT, segment * SEGMENT + SEGMENT - 1);
    for (wanted, kind) in
        [(criteria.acknowledged, MarkKind::Acknowledged), (criteria.starred, MarkKind::Starred)]
    {
        if wanted == Some(true) {
            let kind = kind.number();
            let sql = "SELECT DISTINCT block FROM triage_mark WHERE kind = ?3 AND block BETWEEN ?1 AND ?2";
            found &= of_rows(connection, sql, &[range.0 / BLOCK, range.1 / BLOCK, kind])?;
        }
    }
    if criteria.comment.is_some() {
        let sql = "SELECT DISTINCT alert / ?3 FROM comment WHERE alert BETWEEN ?1 AND ?2";
        found &= of_rows(connection, sql, &[range.0, range.1, BLOCK])?;
    }
    Ok(found)
}

fn of_rows(connection: &Connection, sql: &str, with: &[i64]) -> rusqlite::Result<Blocks> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(rusqlite::params_from_iter(with))?;
    let mut blocks = Blocks::default();
    while let Some(row) = rows.next()? {
        blocks.add(row.get(0)?);
    }
    Ok(blocks)
}
