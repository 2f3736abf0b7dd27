//! Reading alerts, while somebody else may be writing.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use pigear_alert::Alert;
use pigear_alert::unified2::Event;
use rusqlite::{Connection, Row};

use super::criteria::Criteria;
use super::error::{StoreError, StoreProblem};
use super::interned::InternedRows;
use super::open;
use super::record;
use super::schema::BLOCK;
use super::search::Search;
use super::writer::last_id;

/// An alert with its number in the store.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The number: alerts are counted from 1 in the order in which they were stored.
    pub id: i64,
    /// The alert, as it was received.
    pub alert: Alert,
}

/// Reads alerts.
pub struct Reader {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    pub(super) interned: InternedRows,
}

/// Alerts that are looked at, one after the other, to see which are wanted.
pub(super) type Visit<'a> = &'a mut dyn FnMut(Stored) -> Further;

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Further {
    /// To the next alert.
    On,
    /// That was enough.
    Enough,
}

impl Reader {
    /// Opens a store that is there.
    ///
    /// # Errors
    /// If there is none, it isn't one, or it can't be read.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = open::to_read(path).map_err(|problem| problem.at(path))?;
        Ok(Self { connection, path: path.to_owned(), interned: InternedRows::default() })
    }

    fn located<T>(&self, result: Result<T, StoreProblem>) -> Result<T, StoreError> {
        result.map_err(|problem| problem.at(&self.path))
    }

    /// The number of the last alert that was stored; 0 if there was none yet.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn last(&self) -> Result<i64, StoreError> {
        self.located(last_id(&self.connection).map_err(StoreProblem::from))
    }

    /// The alert of a number.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn get(&mut self, id: i64) -> Result<Option<Alert>, StoreError> {
        let mut found = None;
        let result = self.visit_range((id, id), &mut |stored| {
            found = Some(stored.alert);
            Further::Enough
        });
        self.located(result.map(|()| found))
    }

    /// Whether the alert of an event of Snort's log is stored: with the same time, rule and event id,
    /// and of this sensor, if it has a name.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn has(&mut self, event: &Event, sensor: Option<&str>) -> Result<bool, StoreError> {
        let microsecond = i64::from(event.key.second) * 1_000_000 + i64::from(event.microsecond);
        let event_id = event.key.event_id;
        let criteria = Criteria {
            since: Timestamp::from_microsecond(microsecond).ok(),
            until: Timestamp::from_microsecond(microsecond + 1).ok(),
            gid: vec![event.generator],
            sid: vec![event.signature],
            sensor: sensor.map(str::to_owned),
            also: Some(Box::new(move |alert| alert.message.event_id == event_id)),
            ..Criteria::default()
        };
        let mut found = false;
        self.newest(&criteria, |_| {
            found = true;
            Further::Enough
        })?;
        Ok(found)
    }

    /// Looks at the alerts that meet the criteria, newest first.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn newest(
        &mut self,
        criteria: &Criteria,
        mut visit: impl FnMut(Stored) -> Further,
    ) -> Result<(), StoreError> {
        let result = self.search_newest(criteria, &mut visit);
        self.located(result)
    }

    /// Looks at the alerts behind a number that meet the criteria, oldest first, and returns the number
    /// of the last alert that was looked at, wanted or not.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn after(
        &mut self,
        id: i64,
        criteria: &Criteria,
        mut visit: impl FnMut(Stored) -> Further,
    ) -> Result<i64, StoreError> {
        let last = self.last()?;
        if last <= id {
            return Ok(last);
        }
        let result = Search::new(criteria, &self.connection).map_err(StoreProblem::from);
        let search = self.located(result)?;
        let result = self.visit((id + 1, last), Some(&search), &mut visit);
        self.located(result.map(|()| last))
    }

    fn search_newest(&mut self, criteria: &Criteria, visit: Visit<'_>) -> Result<(), StoreProblem> {
        let search = Search::new(criteria, &self.connection)?;
        for segments in search.windows() {
            for block in search.blocks(&self.connection, segments)? {
                for stored in self.block(&search, block)?.into_iter().rev() {
                    if visit(stored) == Further::Enough {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// The wanted alerts of a block, oldest first.
    pub(super) fn block(
        &mut self,
        search: &Search<'_>,
        block: i64,
    ) -> Result<Vec<Stored>, StoreProblem> {
        self.read((block * BLOCK, block * BLOCK + BLOCK - 1), Some(search))
    }

    /// Looks at the alerts of these numbers, oldest first.
    pub(super) fn visit_range(
        &mut self,
        range: (i64, i64),
        visit: Visit<'_>,
    ) -> Result<(), StoreProblem> {
        self.visit(range, None, visit)
    }

    fn visit(
        &mut self,
        (from, to): (i64, i64),
        search: Option<&Search<'_>>,
        visit: Visit<'_>,
    ) -> Result<(), StoreProblem> {
        let mut next = from;
        while next <= to {
            let last = (next / BLOCK * BLOCK + BLOCK - 1).min(to);
            for stored in self.read((next, last), search)? {
                if visit(stored) == Further::Enough {
                    return Ok(());
                }
            }
            next = last + 1;
        }
        Ok(())
    }

    /// The wanted alerts of these numbers, oldest first. They are read in one go, and only then looked
    /// at: whoever looks may take his time, and the journal grows for as long as somebody reads.
    fn read(
        &mut self,
        (from, to): (i64, i64),
        search: Option<&Search<'_>>,
    ) -> Result<Vec<Stored>, StoreProblem> {
        let Self { connection, interned, .. } = self;
        let mut select = connection.prepare_cached(
            "SELECT id, signature, origin, data FROM alert WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
        )?;
        let (mut rows, mut found) = (select.query([from, to])?, Vec::new());
        while let Some(row) = rows.next()? {
            let signature = row.get(1)?;
            if search.is_some_and(|search| !search.may_be(signature)) {
                continue;
            }
            let stored = alert(row, connection, interned)?;
            if search.is_none_or(|search| search.accepts(&stored.alert)) {
                found.push(stored);
            }
        }
        Ok(found)
    }
}

/// The alert in the first columns of a row: its number, signature, origin, and the rest.
pub(super) fn alert(
    row: &Row<'_>,
    connection: &Connection,
    interned: &mut InternedRows,
) -> Result<Stored, StoreProblem> {
    let id: i64 = row.get(0)?;
    let signature = interned.signature(row.get(1)?, connection)?;
    let origin = interned.origin(row.get(2)?, connection)?;
    let data = row.get_ref(3)?.as_bytes().unwrap_or_default();
    let mut alert = record::decode(data, &signature, &origin)
        .ok_or_else(|| StoreProblem::Damaged(format!("alert {id} can't be understood")))?;
    // A dead letter may be of one that never was stored.
    alert.store_id = Some(id).filter(|id| *id > 0);
    Ok(Stored { id, alert })
}
