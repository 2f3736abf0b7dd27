//! Messages to send.

use pigear_alert::Alert;

use super::id::Id;

/// An alert to send, or the first of a group.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) alert: &'a Alert,
    /// How many alerts this stands for.
    pub(super) count: u64,
    pub(super) id: Id,
}
