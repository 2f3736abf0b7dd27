//! Filters whose alerts are acknowledged as they come.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::action::{Author, TriageWriter, begin, mark, now};
use super::alert_set::AlertSet;
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

/// What filters acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppliedRules {
    /// How many alerts.
    pub alerts: u64,
    /// Whether there are more alerts, for which the time was too short.
    pub is_behind: bool,
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

    /// Acknowledges the alerts that came since the last time and pass a filter. A filter for which `compile`
    /// returns none is passed over. After a second for a filter the rest is left for the next time.
    ///
    /// # Errors
    /// If the store can't be read or written.
    pub fn apply_rules(
        &mut self,
        mut compile: impl FnMut(&TriageRule) -> Option<Test>,
    ) -> Result<AppliedRules, StoreError> {
        let rules = self.located(|connection| Ok(rules(connection)?))?;
        let mut applied = AppliedRules::default();
        for (rule, done) in rules {
            let Some(test) = compile(&rule) else { continue };
            let mut reader = Reader::open(self.path())?;
            // Another store may have taken its place, whose alerts have the same numbers.
            if reader.identity()? != self.identity()? {
                return Ok(applied);
            }
            let passed = passed(&mut reader, done, test)?;
            applied.is_behind |= passed.is_unfinished;
            if passed.last > done {
                applied.alerts +=
                    self.located(|connection| acknowledge(connection, rule.id, &passed))?;
            }
        }
        Ok(applied)
    }
}

/// The alerts after one that pass a filter.
struct Passed {
    alerts: AlertSet,
    /// Up to which alert that is known.
    last: i64,
    is_unfinished: bool,
}

/// Acknowledges them, and notes that this is done; unless the filter was removed meanwhile.
fn acknowledge(
    connection: &mut Connection,
    rule: i64,
    passed: &Passed,
) -> Result<u64, StoreProblem> {
    let change = begin(connection)?;
    // Another page may have come further.
    let noted = change.execute(
        "UPDATE triage_rule SET done = max(done, ?2) WHERE id = ?1",
        [rule, passed.last],
    )?;
    if noted == 0 {
        return Ok(0);
    }
    let mut marked = 0;
    if !passed.alerts.is_empty() {
        let by = format!("rule {rule}");
        let author = Author { by: &by, is_rule: true, criteria: None };
        let action = mark(&change, &passed.alerts, (MarkKind::Acknowledged, true), &author)?;
        marked = action.alerts;
    }
    change.commit()?;
    Ok(marked)
}

fn passed(reader: &mut Reader, done: i64, test: Test) -> Result<Passed, StoreError> {
    let criteria = Criteria { also: Some(test), ..Criteria::default() };
    let end = Instant::now() + LIMIT;
    reader.end_when(move || Instant::now() >= end);
    let mut alerts = AlertSet::default();
    let last = reader.after(done, &criteria, |stored| {
        alerts.insert(stored.id);
        Further::On
    });
    let (last, is_unfinished) = match last {
        Err(StoreError { source: StoreProblem::Unfinished { reached }, .. }) => (reached, true),
        last => (last?, false),
    };
    Ok(Passed { alerts, last, is_unfinished })
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
