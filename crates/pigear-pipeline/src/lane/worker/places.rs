//! The alerts of a batch that the handler doesn't get.

use std::collections::VecDeque;

use crate::totals::Fate;

/// The alerts of a batch that the handler doesn't get; empty if it gets all.
#[derive(Default)]
pub(super) struct Places(pub(super) VecDeque<Option<LeftOut>>);

/// An alert that the handler doesn't get, and how many it stands for.
#[derive(Clone, Copy)]
pub(super) struct LeftOut {
    pub(super) fate: Fate,
    pub(super) alerts: u64,
}

impl Places {
    /// The next alert, if the handler doesn't get it.
    pub(super) fn next_left_out(&mut self) -> Option<LeftOut> {
        let left_out = self.0.front().copied().flatten()?;
        self.0.pop_front();
        Some(left_out)
    }
}
