//! The names of handlers, each of which only one may have.

use std::collections::HashSet;

/// The names that handlers were given so far. Those of handlers without one are made up later.
#[derive(Debug, Default)]
pub(super) struct HandlerNames(HashSet<String>);

/// A handler can't have this name.
#[derive(Debug, thiserror::Error)]
pub(super) enum NameError {
    #[error("another handler is named {0}")]
    Taken(String),
    #[error("a handler's name must not be empty or have control characters")]
    Invisible,
}

impl HandlerNames {
    /// Takes a name for a handler.
    ///
    /// # Errors
    /// If another handler has it, or it can't be shown.
    pub(super) fn take(&mut self, name: &str) -> Result<(), NameError> {
        if name.is_empty() || name.contains(char::is_control) {
            return Err(NameError::Invisible);
        }
        if self.0.insert(name.to_owned()) { Ok(()) } else { Err(NameError::Taken(name.to_owned())) }
    }
}
