//! What a store contains, to explain why a search finds nothing.

#[cfg(feature = "web")]
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::OptionalExtension;

use super::criteria::{Criteria, NO_CLASS, is_class};
use super::error::{StoreError, StoreProblem};
use super::reader::Reader;
use super::record;

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
    /// How many there are.
    pub alerts: u64,
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
    /// Whether no alerts are stored.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        let first = self.first_behind(0).map_err(|problem| problem.at(&self.path))?;
        Ok(first.is_none())
    }

    /// What the store contains; `None` if there are no alerts. Where the table of blocks is damaged, the times are
    /// those of the first and the last alert that was stored, and the number is what these leave room for.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn contents(&self) -> Result<Option<Contents>, StoreError> {
        self.try_contents().map_err(|problem| problem.at(&self.path))
    }

    fn try_contents(&self) -> Result<Option<Contents>, StoreProblem> {
        let of_blocks = self.contents_of_blocks().map(Some);
        match self.damage.or(of_blocks, || None)? {
            Some(contents) => Ok(contents),
            None => self.contents_of_alerts(),
        }
    }

    fn contents_of_alerts(&self) -> Result<Option<Contents>, StoreProblem> {
        let end = |order: &str| {
            let sql = format!("SELECT id, data FROM alert ORDER BY id {order} LIMIT 1");
            let end = |row: &rusqlite::Row<'_>| {
                let seconds = row.get_ref(1)?.as_blob().ok().and_then(record::seconds);
                Ok((
                    row.get::<_, i64>(0)?,
                    Timestamp::from_second(seconds.unwrap_or_default().into()),
                ))
            };
            self.connection.query_row(&sql, [], end).optional()
        };
        let (Some((from, first)), Some((to, last))) = (end("ASC")?, end("DESC")?) else {
            return Ok(None);
        };
        let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
        let alerts = to.abs_diff(from) + 1;
        Ok(Some(Contents {
            first: first.min(last),
            last: first.max(last),
            ids: (from, to),
            alerts,
        }))
    }

    fn contents_of_blocks(&self) -> Result<Option<Contents>, StoreProblem> {
        type Ends = (Option<i64>, Option<i64>);
        let ends = |sql: &str| -> rusqlite::Result<Ends> {
            self.connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        };
        let sql =
            "SELECT min(first), (SELECT max(last) FROM block), coalesce(sum(n), 0) FROM block";
        let (times, alerts): (Ends, i64) = self
            .connection
            .query_row(sql, [], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
        let ids = ends("SELECT (SELECT min(id) FROM alert), (SELECT max(id) FROM alert)")?;
        let ((Some(first), Some(last)), (Some(from), Some(to))) = (times, ids) else {
            return Ok(None);
        };
        let time = |microseconds| Timestamp::from_microsecond(microseconds).unwrap_or_default();
        let alerts = u64::try_from(alerts).unwrap_or_default();
        Ok(Some(Contents { first: time(first), last: time(last), ids: (from, to), alerts }))
    }

    /// The values in the criteria that no stored alert has, whatever the others are.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn unmet(&self, criteria: &Criteria) -> Result<Vec<Unmet>, StoreError> {
        self.try_unmet(criteria).map_err(|problem| problem.at(&self.path))
    }

    fn try_unmet(&self, criteria: &Criteria) -> Result<Vec<Unmet>, StoreProblem> {
        let mut unmet = Vec::new();
        for (criterion, wanted) in
            [("gid", &criteria.gid), ("sid", &criteria.sid), ("priority", &criteria.priority)]
        {
            for value in wanted {
                if !self.has_signature(criterion, *value)? {
                    unmet.push(Unmet::new(criterion, value.to_string(), []));
                }
            }
        }
        for &(gid, sid) in &criteria.rule {
            let sql = "SELECT 1 FROM signature WHERE gid = ?1 AND sid = ?2";
            if !self.connection.prepare(sql)?.exists([gid, sid])? {
                unmet.push(Unmet::new("sid", format!("{gid}:{sid}"), []));
            }
        }
        if !criteria.class.is_empty() || !criteria.named_classes.is_empty() {
            let classes = self.classes()?;
            let is_stored = |wanted: &String| {
                classes.iter().any(|(name, description)| is_class(wanted, name, description))
            };
            let mut known: BTreeSet<_> = classes.iter().map(|(name, _)| name.clone()).collect();
            let without = "SELECT 1 FROM signature WHERE class IS NULL";
            if self.connection.prepare(without)?.exists([])? {
                known.insert(NO_CLASS.to_owned());
            }
            // Filters compare classes without case.
            let is_known = |name: &String| known.iter().any(|it| it.eq_ignore_ascii_case(name));
            let named = criteria.named_classes.iter().filter(|class| !is_known(class));
            let is_missing = |class: &&String| !is_known(class) && !is_stored(class);
            let missing = criteria.class.iter().filter(is_missing).chain(named);
            unmet.extend(missing.map(|class| Unmet::new("class", class.clone(), known.clone())));
        }
        if let Some(text) = &criteria.text
            && !self.has_text(&text.to_lowercase())?
        {
            unmet.push(Unmet::new("text", text.clone(), []));
        }
        if let Some(sensor) = &criteria.sensor {
            let sensors = self.distinct("origin", "sensor")?;
            if !sensors.contains(sensor) {
                unmet.push(Unmet::new("sensor", sensor.clone(), sensors));
            }
        }
        Ok(unmet)
    }

    /// The short names of classes that stored alerts have, with their descriptions.
    ///
    /// # Errors
    /// If the store can't be read.
    #[cfg(feature = "web")]
    pub(crate) fn class_descriptions(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let classes = self.classes().map_err(|problem| problem.at(&self.path))?;
        Ok(classes.into_iter().filter(|(_, description)| !description.is_empty()).collect())
    }

    /// The same; a class has several if its description was changed.
    fn classes(&self) -> Result<BTreeSet<(String, String)>, StoreProblem> {
        let sql = "SELECT DISTINCT class, coalesce(class_description, '') FROM signature \
            WHERE class IS NOT NULL";
        let mut select = self.connection.prepare(sql)?;
        let mut rows = select.query([])?;
        let mut classes = BTreeSet::new();
        while let Some(row) = rows.next()? {
            // What isn't a text belongs to a damaged row.
            classes.extend(row.get(0).ok().zip(row.get(1).ok()));
        }
        Ok(classes)
    }

    /// Whether a signature has this number in a column.
    fn has_signature(&self, column: &str, value: u32) -> Result<bool, StoreProblem> {
        let sql = format!("SELECT 1 FROM signature WHERE {column} = ?1");
        Ok(self.connection.prepare(&sql)?.exists([value])?)
    }

    /// Whether the message of a signature has this text, in lower case.
    fn has_text(&self, text: &str) -> Result<bool, StoreProblem> {
        let mut select = self.connection.prepare("SELECT msg FROM signature")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let message = row.get_ref(0)?.as_blob().unwrap_or_default();
            if String::from_utf8_lossy(message).to_lowercase().contains(text) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The texts in a column of a table.
    fn distinct(&self, table: &str, column: &str) -> Result<BTreeSet<String>, StoreProblem> {
        let sql = format!("SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL");
        let mut select = self.connection.prepare(&sql)?;
        let mut rows = select.query([])?;
        let mut texts = BTreeSet::new();
        while let Some(row) = rows.next()? {
            // What isn't a text belongs to a damaged row.
            texts.extend(row.get::<_, String>(0).ok());
        }
        Ok(texts)
    }
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
