//! Where to start reading.

/// Where to start reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// At the bookmark; without one, as [`Now`](Self::Now).
    #[default]
    Bookmark,
    /// At the oldest record.
    Beginning,
    /// At the end of the log.
    Now,
}
