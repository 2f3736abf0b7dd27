//! A part of a store's alerts.

use super::error::StoreProblem;
use super::row::Stored;

/// In which order alerts are checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    OldestFirst,
    NewestFirst,
}

impl Order {
    /// What was reached when this alert comes next.
    pub(super) fn before(self, id: i64) -> i64 {
        match self {
            Self::OldestFirst => id.saturating_sub(1),
            Self::NewestFirst => id.saturating_add(1),
        }
    }
}

/// What was read of some alerts.
pub(super) struct Part {
    #[expect(clippy::vec_box, reason = "alerts are large: none is moved when the list grows")]
    pub(super) found: Vec<Box<Stored>>,
    /// Whether the search ended behind these.
    pub(super) over: Result<(), StoreProblem>,
}
