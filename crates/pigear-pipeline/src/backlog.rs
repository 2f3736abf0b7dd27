//! A handler's view of its own queue.

use std::fmt;
use std::sync::Arc;

use pigear_alert::Alert;

use crate::queue::Queue;

/// The alerts that wait for a handler. Clones refer to the same queue.
#[derive(Clone)]
pub struct Backlog {
    queue: Arc<dyn Queue>,
    filtered: bool,
}

impl Backlog {
    pub(crate) fn new(queue: Arc<dyn Queue>, filtered: bool) -> Self {
        Self { queue, filtered }
    }

    /// How many alerts wait: before filters, and without those that the handler has.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// Whether what waits comes again in the next run, if it isn't processed in this one.
    #[must_use]
    pub fn outlives_process(&self) -> bool {
        self.queue.outlives_process()
    }

    /// The newest alerts that wait in memory, oldest first, at most `most`. Sources are blocked meanwhile.
    #[must_use]
    pub fn newest(&self, most: usize) -> Vec<Arc<Alert>> {
        self.queue.newest(most)
    }

    /// Whether no more alerts will come.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Whether the lane has filters, so that the handler may not get all waiting alerts.
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
