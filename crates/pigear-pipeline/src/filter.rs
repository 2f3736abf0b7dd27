//! Filters that select a handler's alerts.

use std::error::Error;
use std::sync::Arc;

use pigear_alert::Alert;

/// Selects a handler's alerts. It runs on the handler's own thread, which then has a stack of eight
/// MiB: a slow filter delays no other handler.
pub trait Filter: Send {
    /// Whether the handler gets this alert.
    ///
    /// # Errors
    /// If the filter can't decide. The handler then gets the alert: one alert too many does less harm
    /// than a missed one.
    fn passes(&mut self, alert: &Arc<Alert>) -> Result<bool, FilterError>;

    /// Whether the last alert did not pass only because something about it wasn't known: what, and what to do
    /// about it.
    fn unknown(&self) -> Option<&str> {
        None
    }
}

/// A filter could not decide whether an alert passes.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(Box<dyn Error + Send + Sync>);

impl FilterError {
    /// A failure with this reason.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}
