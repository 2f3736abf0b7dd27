//! Choosing which alerts a handler gets.

use std::error::Error;
use std::sync::Arc;

use pigear_alert::Alert;

/// Chooses which alerts a handler gets. Works on the handler's own thread, which has a stack of eight
/// MiB then: however long it takes, nobody else waits.
pub trait Filter: Send {
    /// Whether the handler gets this alert.
    ///
    /// # Errors
    /// If that can't be told. The handler gets the alert then: one too many does less harm than one
    /// that nobody saw.
    fn passes(&mut self, alert: &Arc<Alert>) -> Result<bool, FilterError>;
}

/// A filter could not tell whether an alert passes.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(Box<dyn Error + Send + Sync>);

impl FilterError {
    /// For this reason.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}
