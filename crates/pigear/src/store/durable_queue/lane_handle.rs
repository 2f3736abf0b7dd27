//! The lane that a queue belongs to, for the queue's parts.

use crate::store::Store;
use crate::store::progress::Progress;

/// A lane of a store.
pub(super) struct LaneHandle {
    pub(super) store: Store,
    pub(super) name: String,
    /// Its number among the lanes that wait for the store's writer.
    pub(super) number: usize,
}

impl LaneHandle {
    pub(super) fn progress(&self) -> &Progress {
        &self.store.0.progress
    }

    /// Whether the lane is to end once it has all stored alerts.
    pub(super) fn is_closed(&self) -> bool {
        self.progress().state().is_closing(self.number)
    }
}
