//! How many alerts were received when.

use jiff::Timestamp;

use super::criteria::Criteria;
use super::error::{StoreError, StoreProblem};
use super::reader::{Further, Reader};
use super::search::Search;

/// How many alerts are in each of several equal spans of time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeline {
    /// When the first span begins.
    pub start: Timestamp,
    /// The length of a span, in seconds.
    pub step: i64,
    /// The number of alerts in each span. Later ones are in the last one.
    pub counts: Vec<u64>,
}

impl Timeline {
    /// Spans without alerts. A step is at least a second.
    #[must_use]
    pub fn new(start: Timestamp, step: i64, spans: usize) -> Self {
        Self { start, step: step.max(1), counts: vec![0; spans] }
    }

    /// Adds alerts of this second.
    pub(crate) fn add(&mut self, second: i64, alerts: u64) {
        if let Some(count) = self.span(second).and_then(|span| self.counts.get_mut(span)) {
            *count += alerts;
        }
    }

    /// The span with a second; `None` if it is before the first.
    fn span(&self, second: i64) -> Option<usize> {
        let span = (second - self.start.as_second()).div_euclid(self.step);
        Some(usize::try_from(span).ok()?.min(self.counts.len().saturating_sub(1)))
    }
}

impl Reader {
    /// Counts the alerts that meet the criteria by when they were received. That is quick if the criteria have
    /// no other than when alerts were received; otherwise each alert is looked at.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn arrivals(
        &mut self,
        criteria: &Criteria,
        timeline: &mut Timeline,
    ) -> Result<(), StoreError> {
        if criteria.is_selective() {
            return self.newest(criteria, |stored| {
                timeline.add(stored.alert.received.as_second(), 1);
                Further::On
            });
        }
        self.arrivals_of_all(criteria, timeline).map_err(|problem| problem.at(&self.path))
    }

    /// Counts by block, and reads only the blocks that were received in more than one span.
    fn arrivals_of_all(
        &mut self,
        criteria: &Criteria,
        timeline: &mut Timeline,
    ) -> Result<(), StoreProblem> {
        let search = Search::new(criteria, &self.connection)?;
        let (mut before, mut divided) = (None, Vec::new());
        {
            let mut select = self
                .connection
                .prepare_cached("SELECT id, received, n FROM block WHERE id >= ?1 ORDER BY id")?;
            let mut rows = select.query([search.oldest()])?;
            while let Some(row) = rows.next()? {
                let (id, received, alerts): (i64, i64, u64) =
                    (row.get(0)?, row.get(1)?, row.get(2)?);
                let span = timeline.span(received);
                if span.is_some() && span == before {
                    timeline.add(received, alerts);
                } else {
                    divided.push(id);
                }
                before = span;
            }
        }
        for block in divided {
            for stored in self.block(&search, block)? {
                timeline.add(stored.alert.received.as_second(), 1);
            }
        }
        Ok(())
    }
}
