//! Counts alerts by a field.
//!
//! Most counts come from the index of blocks; only blocks for which that is not sufficient are read.

mod aggregation;
mod block_sums;
mod columns;
mod index_only;
mod indexed_blocks;
mod priority_counts;
mod series;
mod unit_counts;

use jiff::tz::TimeZone;

use super::criteria::Criteria;
use super::error::{StoreError, StoreProblem};
use super::reader::Reader;
use super::scan::Fold;
use super::search::Search;
use aggregation::Aggregation;
pub use aggregation::{Count, CountBy};
use indexed_blocks::IndexedBlocks;
pub(crate) use priority_counts::PriorityCounts;
pub use series::{Point, Series};

impl Reader {
    /// Counts the alerts that meet the criteria; hours and days are in UTC.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn count(&mut self, criteria: &Criteria, by: CountBy) -> Result<Vec<Count>, StoreError> {
        self.count_in(criteria, by, TimeZone::UTC)
    }

    /// Counts the alerts that meet the criteria; hours and days are in this time zone.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn count_in(
        &mut self,
        criteria: &Criteria,
        by: CountBy,
        zone: TimeZone,
    ) -> Result<Vec<Count>, StoreError> {
        let aggregation = Aggregation::new(by, zone);
        self.try_count(criteria, aggregation).map_err(|problem| problem.at(&self.path))
    }

    fn try_count(
        &mut self,
        criteria: &Criteria,
        mut aggregation: Aggregation,
    ) -> Result<Vec<Count>, StoreProblem> {
        let search = Search::new(criteria, &self.connection)?;
        let (by, zone) = (aggregation.by, aggregation.zone.clone());
        let empty = || Aggregation::new(by, zone.clone());
        let counted = self.count_indexed(&search, &mut aggregation);
        let indexed = search.damage.or(counted, || {
            aggregation = empty();
            IndexedBlocks::default()
        })?;
        let counted = |segment| indexed.of_segment(segment);
        let blocks = search.blocks_without(&self.connection, search.segments(), counted)?;
        let fold = Fold { empty: &empty, add: &Aggregation::add_alert, merge: &Aggregation::merge };
        let counted = self.fold(&search, &blocks, &fold, aggregation);
        self.note_damage(&search);
        Ok(counted?.finish())
    }
}
