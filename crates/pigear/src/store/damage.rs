//! Whether a store is damaged, as far as a search met it.

use std::cell::Cell;

use super::error::StoreProblem;

/// Whether damage was met in what only makes searches quick: the alerts themselves are read instead.
#[derive(Debug, Default)]
pub(super) struct Damage(Cell<bool>);

impl Damage {
    /// What was read, or this where it is damaged.
    pub(super) fn or<T>(
        &self,
        read: Result<T, impl Into<StoreProblem>>,
        otherwise: impl FnOnce() -> T,
    ) -> Result<T, StoreProblem> {
        match read.map_err(Into::into) {
            Err(StoreProblem::Damaged(_)) => {
                self.note();
                Ok(otherwise())
            }
            read => read,
        }
    }

    pub(super) fn note(&self) {
        self.0.set(true);
    }

    pub(super) fn is_met(&self) -> bool {
        self.0.get()
    }
}
