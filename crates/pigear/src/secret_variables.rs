//! Environment variables with secrets, which programs that Pigear starts must not get.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

static NAMES: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Remembers a variable, for the rest of the run.
pub(crate) fn add(name: &str) {
    NAMES.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
}

/// All variables so far.
pub(crate) fn all() -> BTreeSet<String> {
    NAMES.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
