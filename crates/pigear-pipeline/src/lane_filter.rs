//! The filters of one lane.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use pigear_alert::Alert;
use tracing::warn;

use crate::account::Account;
use crate::filter::{Filter, FilterError};

/// The filters of one lane: an alert passes if it passes all of them.
pub(crate) struct LaneFilter {
    lane: String,
    filters: Vec<Box<dyn Filter>>,
    account: Arc<Account>,
}

impl LaneFilter {
    /// The filters of a lane; `None` if there are none.
    pub(crate) fn new(
        lane: &str,
        filters: Vec<Box<dyn Filter>>,
        account: &Arc<Account>,
    ) -> Option<Self> {
        let lane = lane.to_owned();
        (!filters.is_empty()).then(|| Self { lane, filters, account: Arc::clone(account) })
    }

    /// Whether an alert passes. It does if a filter fails.
    pub(crate) fn apply(&mut self, alert: &Arc<Alert>) -> bool {
        let mut failure = None;
        let mut unknown = None;
        let decided = self.filters.iter_mut().all(|filter| {
            let passes = guarded(|| filter.passes(alert)).unwrap_or_else(|error| {
                failure.get_or_insert(error);
                true
            });
            // Another filter may decide.
            let reason = filter.unknown().filter(|_| !passes);
            let is_unknown = reason.is_some();
            unknown = unknown.take().or_else(|| reason.map(ToOwned::to_owned));
            passes || is_unknown
        });
        let passes = decided && unknown.is_none();
        if let Some(error) = failure.filter(|_| passes) {
            self.report(&error);
        }
        if let Some(reason) = unknown.filter(|_| decided) {
            self.report_unknown(&reason);
        }
        passes
    }

    /// Once: `filtered_unknown` counts the others.
    fn report_unknown(&self, reason: &str) {
        if self.account.filtered_unknown.add(1) == 1 {
            warn!(
                "handler {}: the filter left out an alert only because {reason}; filtered_unknown in --stats \
                 counts such alerts",
                self.lane
            );
        }
    }

    fn report(&self, error: &FilterError) {
        if let Some(count) = self.account.filter_failed.add_and_log() {
            warn!(
                "handler {}: the filter failed, so the alert passes: {error}; {count} \
                 failed so far",
                self.lane
            );
        }
    }
}

/// Calls a filter. A panic in the filter becomes an error.
fn guarded(call: impl FnOnce() -> Result<bool, FilterError>) -> Result<bool, FilterError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(FilterError::new("panicked")))
}
