use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A list of names. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Names(Arc<Mutex<Vec<String>>>);

impl Names {
    pub(super) fn add(&self, names: impl IntoIterator<Item = String>) {
        self.names().extend(names);
    }

    pub(super) fn remove(&self, name: &str) {
        self.names().retain(|known| known != name);
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names().iter().any(|known| known == name)
    }

    fn names(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
