use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The progress of reading a log. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Bytes>);

#[derive(Debug, Default)]
struct Bytes {
    read: AtomicU64,
    there: AtomicU64,
}

impl Progress {
    /// Bytes that were read so far.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.0.read.load(Ordering::Relaxed)
    }

    /// The bytes to read at the start.
    #[must_use]
    pub fn there(&self) -> u64 {
        self.0.there.load(Ordering::Relaxed)
    }

    pub(super) fn add_read(&self, bytes: u64) {
        self.0.read.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn set_there(&self, bytes: u64) {
        self.0.there.store(bytes, Ordering::Relaxed);
    }
}
