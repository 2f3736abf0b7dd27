//! What a store contains, to explain why a search finds nothing.

use std::cell::RefCell;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::criteria::Criteria;
use super::error::{StoreError, StoreProblem};
use super::interned;
use super::reader::Reader;

/// What a store contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contents {
    /// When the earliest packet was seen.
    pub first: Timestamp,
    /// When the latest packet was seen.
    pub last: Timestamp,
    /// The lowest and the highest id.
    pub ids: (i64, i64),
}

/// A value of a criterion that no stored alert has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unmet {
    /// The criterion, such as `class`.
    pub criterion: &'static str,
    /// The value.
    pub value: String,
    /// The values that stored alerts have, where there are few.
    pub known: Vec<String>,
}

impl Reader {
    /// What the store contains; `None` if there are no alerts.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn contents(&self) -> Result<Option<Contents>, StoreError> {
        self.try_contents().map_err(|problem| problem.at(&self.path))
    }

    fn try_contents(&self) -> Result<Option<Contents>, StoreProblem> {
        type Ends = (Option<i64>, Option<i64>);
        let ends = |sql: &str| -> rusqlite::Result<Ends> {
            self.connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        };
        let times = ends("SELECT min(first), max(last) FROM block")?;
        let ids = ends("SELECT (SELECT min(id) FROM alert), (SELECT max(id) FROM alert)")?;
        let ((Some(first), Some(last)), (Some(from), Some(to))) = (times, ids) else {
            return Ok(None);
        };
        let time = |microseconds| Timestamp::from_microsecond(microseconds).unwrap_or_default();
        Ok(Some(Contents { first: time(first), last: time(last), ids: (from, to) }))
    }

    /// The values in the criteria that no stored alert has, whatever the others are.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn unmet(&self, criteria: &Criteria) -> Result<Vec<Unmet>, StoreError> {
        self.try_unmet(criteria).map_err(|problem| problem.at(&self.path))
    }

    fn try_unmet(&self, criteria: &Criteria) -> Result<Vec<Unmet>, StoreProblem> {
        let known = RefCell::new(Known::default());
        let text = criteria.text.as_ref().map(|text| text.to_lowercase());
        interned::signatures(&self.connection, &[], |signature| {
            let known = &mut *known.borrow_mut();
            known.gid.insert(signature.gid);
            known.sid.insert(signature.sid);
            known.priority.insert(signature.priority);
            known.class.extend(signature.class().map(str::to_owned));
            known.text |= text.as_ref().is_some_and(|text| signature.contains(text));
            false
        })?;
        let known = known.into_inner();
        let mut unmet = Vec::new();
        for (criterion, wanted, known) in [
            ("gid", &criteria.gid, &known.gid),
            ("sid", &criteria.sid, &known.sid),
            ("priority", &criteria.priority, &known.priority),
        ] {
            let missing = wanted.iter().filter(|value| !known.contains(value));
            unmet.extend(missing.map(|value| Unmet::new(criterion, value.to_string(), [])));
        }
        let missing = criteria.class.iter().filter(|class| !known.class.contains(*class));
        unmet.extend(missing.map(|class| Unmet::new("class", class.clone(), known.class.clone())));
        if let Some(text) = criteria.text.clone().filter(|_| !known.text) {
            unmet.push(Unmet::new("text", text, []));
        }
        if let Some(sensor) = &criteria.sensor {
            let sensors = self.sensors()?;
            if !sensors.contains(sensor) {
                unmet.push(Unmet::new("sensor", sensor.clone(), sensors));
            }
        }
        Ok(unmet)
    }

    fn sensors(&self) -> Result<BTreeSet<String>, StoreProblem> {
        let sql = "SELECT DISTINCT sensor FROM origin WHERE sensor IS NOT NULL";
        let mut select = self.connection.prepare(sql)?;
        let sensors = select.query_map([], |row| row.get(0))?;
        Ok(sensors.collect::<Result<_, _>>()?)
    }
}

/// What stored signatures have.
#[derive(Default)]
struct Known {
    gid: BTreeSet<u32>,
    sid: BTreeSet<u32>,
    priority: BTreeSet<u32>,
    class: BTreeSet<String>,
    /// Whether a message has the wanted text.
    text: bool,
}

impl Unmet {
    fn new(
        criterion: &'static str,
        value: String,
        known: impl IntoIterator<Item = String>,
    ) -> Self {
        Self { criterion, value, known: known.into_iter().collect() }
    }
}
