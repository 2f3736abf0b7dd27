//! The filters of one lane at work.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use pigear_alert::Alert;
use tracing::warn;

use crate::filter::{Filter, FilterError};
use crate::stats::{FilterCounters, LaneCounters};

/// The filters of one lane: an alert passes if it passes all of them.
pub(crate) struct LaneFilter {
    lane: String,
    filters: Vec<Box<dyn Filter>>,
    counters: Arc<LaneCounters>,
}

impl LaneFilter {
    /// The filters of a lane; `None` if there are none.
    pub(crate) fn new(
        lane: &str,
        filters: Vec<Box<dyn Filter>>,
        counters: &Arc<LaneCounters>,
    ) -> Option<Self> {
        if filters.is_empty() {
            return None;
        }
        counters.filter.get_or_init(FilterCounters::default);
        Some(Self { lane: lane.to_owned(), filters, counters: Arc::clone(counters) })
    }

    /// The alerts that pass.
    pub(crate) fn apply(&mut self, alerts: &[Arc<Alert>]) -> Vec<Arc<Alert>> {
        alerts.iter().filter(|alert| self.passes(alert)).cloned().collect()
    }

    /// Counts alerts that don't pass.
    pub(crate) fn count(&self, filtered: usize) {
        self.counted(|counters| counters.filtered.add(filtered as u64));
    }

    fn passes(&mut self, alert: &Arc<Alert>) -> bool {
        let mut failure = None;
        let passes = self.filters.iter_mut().all(|filter| {
            guarded(|| filter.passes(alert)).unwrap_or_else(|error| {
                failure.get_or_insert(error);
                true
            })
        });
        if let Some(error) = failure.filter(|_| passes) {
            self.report(&error);
        }
        passes
    }

    fn report(&self, error: &FilterError) {
        let logged = self.counted(|counters| counters.failed.add_and_log()).flatten();
        if let Some(count) = logged {
            warn!(
                "handler {}: the filter failed, and lets the alert through: {error}; {count} \
                 failed so far",
                self.lane
            );
        }
    }

    fn counted<T>(&self, count: impl FnOnce(&FilterCounters) -> T) -> Option<T> {
        self.counters.filter.get().map(count)
    }
}

/// Calls a filter; a panic of its becomes an error.
fn guarded(call: impl FnOnce() -> Result<bool, FilterError>) -> Result<bool, FilterError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(FilterError::new("panicked")))
}
