//! Filters whose alerts are acknowledged as they come.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::action::{TriageWriter, mark, now};
use super::{MarkKind, has_tables};
use crate::store::criteria::{Criteria, Test};
use crate::store::error::{StoreError, StoreProblem};
use crate::store::meta::last_id;
use crate::store::reader::{Further, Reader};

/// The most filters.
const MAX_RULES: usize = 100;

/// How long a filter may take at once.
const LIMIT: Duration = Duration::from_secs(1);

/// A filter whose alerts are acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TriageRule {
    /// Its number.
    pub id: i64,
    /// The filter.
    pub expression: String,
    /// When it was added.
    pub at: Timestamp,
    /// Who added it.
    pub by: String,
}

impl TriageWriter {
    /// Adds a filter: alerts that are stored from now on and pass it are acknowledged when
    /// [`apply_rules`](Self::apply_rules) is called. Returns its number.
    ///
    /// # Errors
    /// If there are a hundred already, or the store can't be written.
    pub fn add_rule(&mut self, expression: &str, by: &str) -> Result<i64, StoreError> {
        self.located(|connection| {
            if rules(connection)?.len() >= MAX_RULES {
                return Err(StoreProblem::TooManyRules { most: MAX_RULES });
            }
            let done = last_id(connection)?;
            connection.execute(
                "INSERT INTO triage_rule (expression, at, by, done) VALUES (?1, ?2, ?3, ?4)",
                params![expression, now(), by, done],
            )?;
            Ok(connection.last_insert_rowid())
        })
    }

    /// Removes a filter; what it acknowledged stays so. False if there is none with this number.
    ///
    /// # Errors
    /// If the store can't be written.
    pub fn remove_rule(&mut self, id: i64) -> Result<bool, StoreError> {
        self.located(|connection| {
            Ok(connection.execute("DELETE FROM triage_rule WHERE id = ?1", [id])? > 0)
        })
    }

    /// Acknowledges the alerts that came since the last time and pass a filter, and returns how many those
    /// were. A filter for which `compile` returns none is passed over. After a second for a filter the rest is
    /// left for the next time.
    ///
    /// # Errors
    /// If the store can't be read or written.
    pub fn apply_rules(
        &mut self,
        mut compile: impl FnMut(&TriageRule) -> Option<Test>,
    ) -> Result<u64, StoreError> {
        let rules = self.located(|connection| Ok(rules(connection)?))?;
        let mut all = 0;
        for (rule, done) in rules {
            let Some(test) = compile(&rule) else { continue };
            let (passed, last) = passed(self.path(), done, test)?;
            all += self.located(|connection| {
                let (change, by) = ((MarkKind::Acknowledged, true), format!("rule {}", rule.id));
                let marked = mark(connection, &passed, change, (now(), &by), None)?;
                let done = "UPDATE triage_rule SET done = ?2 WHERE id = ?1";
                connection.execute(done, [rule.id, last])?;
                Ok(marked)
            })?;
        }
        Ok(all)
    }
}

/// The alerts after one that pass, and up to which alert that is known.
fn passed(store: &Path, done: i64, test: Test) -> Result<(Vec<i64>, i64), StoreError> {
    let criteria = Criteria { also: Some(test), ..Criteria::default() };
    let mut reader = Reader::open(store)?;
    let end = Instant::now() + LIMIT;
    reader.end_when(move || Instant::now() >= end);
    let mut passed = Vec::new();
    let last = reader.after(done, &criteria, |stored| {
        passed.push(stored.id);
        Further::On
    });
    match last {
        Err(StoreError { source: StoreProblem::Unfinished { reached }, .. }) => {
            Ok((passed, reached))
        }
        last => Ok((passed, last?)),
    }
}

impl Reader {
    /// The filters whose alerts are acknowledged, oldest first.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn triage_rules(&self) -> Result<Vec<TriageRule>, StoreError> {
        let read = || -> Result<_, StoreProblem> {
            Ok(if has_tables(&self.connection)? { rules(&self.connection)? } else { Vec::new() })
        };
        let rules = read().map_err(|problem| problem.at(&self.path))?;
        Ok(rules.into_iter().map(|(rule, _)| rule).collect())
    }
}

/// The filters, each with up to which alert it was applied.
fn rules(connection: &Connection) -> rusqlite::Result<Vec<(TriageRule, i64)>> {
    let mut select = connection
        .prepare_cached("SELECT id, expression, at, by, done FROM triage_rule ORDER BY id")?;
    let rows = select.query_map([], |row| {
        let at = Timestamp::from_microsecond(row.get(2)?).unwrap_or_default();
        let rule = TriageRule { id: row.get(0)?, expression: row.get(1)?, at, by: row.get(3)? };
        Ok((rule, row.get(4)?))
    })?;
    rows.collect()
}
