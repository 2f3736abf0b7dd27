//! A handler's view of its own queue.

use std::fmt;
use std::sync::Arc;

use pigear_alert::Alert;

use crate::queue::Queue;

/// Tells a handler what waits for it. Clones look at the same queue.
#[derive(Clone)]
pub struct Backlog {
    queue: Arc<dyn Queue>,
    filtered: bool,
}

impl Backlog {
    pub(crate) fn new(queue: Arc<dyn Queue>, filtered: bool) -> Self {
        Self { queue, filtered }
    }

    /// How many alerts wait: without those that the handler has, and before its filters.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// The newest alerts that wait in memory, oldest first, and no more than `most`. Sources wait for
    /// as long as this takes.
    #[must_use]
    pub fn newest(&self, most: usize) -> Vec<Arc<Alert>> {
        self.queue.newest(most)
    }

    /// Whether nothing more will come.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Whether there are filters, so that the handler may never get some of what waits.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        self.filtered
    }
}

impl fmt::Debug for Backlog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backlog").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}
