//! The names of handlers, each of which only one may have.

#[cfg(feature = "command")]
use std::collections::HashMap;
use std::collections::HashSet;

#[cfg(feature = "command")]
use super::HandlerConfig;
#[cfg(feature = "command")]
use crate::registry::Registry;

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

/// Names the handlers that have no name, in their order: by their kind, or the second of a kind `file-2`. A name that
/// was given is of its handler, wherever it stands.
#[cfg(feature = "command")]
pub(crate) fn name_handlers(handlers: &mut [HandlerConfig], registry: &Registry) {
    let given = handlers.iter().filter_map(|handler| handler.name.clone());
    let (mut taken, mut numbers): (HashSet<_>, _) = (given.collect(), HashMap::new());
    for handler in handlers.iter_mut().filter(|handler| handler.name.is_none()) {
        let kind = registry.resolve(&handler.kind).unwrap_or(&handler.kind);
        let mut free = kind.to_owned();
        while !taken.insert(free.clone()) {
            let number = numbers.entry(kind.to_owned()).or_insert(1);
            *number += 1;
            free = format!("{kind}-{number}");
        }
        handler.is_numbered = free != kind;
        handler.name = Some(free);
    }
}
