//! What an error does to a run, for handlers that start in it.

use std::sync::{Arc, PoisonError, RwLock};

use pigear_pipeline::OnError;

/// A place for the policy of the configuration that is run: handlers are registered before it is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct ErrorPolicy(Arc<RwLock<OnError>>);

impl ErrorPolicy {
    pub(crate) fn get(&self) -> OnError {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, on_error: OnError) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = on_error;
    }
}
