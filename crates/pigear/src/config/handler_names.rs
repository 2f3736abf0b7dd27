//! The names of handlers, each of which only one may have.

use std::collections::HashSet;

/// The names that handlers were given so far. Those of handlers without one are made up later.
#[derive(Debug, Default)]
pub(super) struct HandlerNames(HashSet<String>);

/// Another handler has this name.
#[derive(Debug, thiserror::Error)]
#[error("another handler is named {0}")]
pub(super) struct NameTaken(String);

impl HandlerNames {
    /// Takes a name for a handler.
    ///
    /// # Errors
    /// If another handler has it.
    pub(super) fn take(&mut self, name: &str) -> Result<(), NameTaken> {
        if self.0.insert(name.to_owned()) { Ok(()) } else { Err(NameTaken(name.to_owned())) }
    }
}
