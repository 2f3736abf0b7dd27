//! Where reading begins.

/// Where to begin to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// Where the last run stopped, or else as [`Now`](Self::Now).
    #[default]
    Bookmark,
    /// With the oldest record.
    Beginning,
    /// With what is written from now on.
    Now,
}
