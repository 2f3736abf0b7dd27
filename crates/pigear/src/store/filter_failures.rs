//! Alerts of which a filter can't tell whether they are wanted.

use std::cell::{Cell, RefCell};

#[cfg(feature = "script")]
use crate::standard_error::SHOWN;

/// What of a search its filter failed on: those alerts are not found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "web", derive(serde::Serialize, utoipa::ToSchema))]
pub struct FilterFailure {
    /// How many alerts.
    pub alerts: u64,
    /// Why, of the first.
    pub problem: String,
}

/// Counts them.
#[derive(Default)]
pub(crate) struct FilterFailures {
    alerts: Cell<u64>,
    first: RefCell<String>,
}

impl FilterFailures {
    #[cfg(feature = "script")]
    pub(super) fn add(&self, problem: &impl std::fmt::Display) {
        if self.alerts.replace(self.alerts.get() + 1) == 0 {
            tracing::warn!(target: SHOWN, "the filter failed on an alert, which is left out: {problem}");
            *self.first.borrow_mut() = problem.to_string();
        }
    }

    /// What has failed so far; `None` if nothing has.
    pub(super) fn get(&self) -> Option<FilterFailure> {
        let alerts = self.alerts.get();
        (alerts > 0).then(|| FilterFailure { alerts, problem: self.first.borrow().clone() })
    }
}
