//! The maximum size of a request, learned from the receiver.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How much the limit grows after an accepted request of nearly that size: by a 64th. It doubles after
/// some 45 such requests.
const GROWTH: usize = 64;

/// The most bytes in a request, before compression.
///
/// If a receiver finds a batch too large, the limit is halved, and then grows slowly: the receiver's
/// limit may have been raised, or belong to a proxy that is gone.
#[derive(Debug)]
pub(super) struct BatchSize {
    most: usize,
    now: AtomicUsize,
}

impl BatchSize {
    pub(super) fn new(most: usize) -> Self {
        Self { most, now: most.into() }
    }

    pub(super) fn now(&self) -> usize {
        self.now.load(Ordering::Relaxed)
    }

    /// A batch of this many bytes was too large.
    pub(super) fn refused(&self, bytes: usize) {
        self.now.fetch_min(bytes / 2, Ordering::Relaxed);
    }

    /// A request of this many bytes was accepted. A much smaller one changes nothing.
    pub(super) fn taken(&self, bytes: usize) {
        let now = self.now();
        if now < self.most && bytes > now / 2 {
            let grown = now.saturating_add((now / GROWTH).max(1));
            self.now.store(grown.min(self.most), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_was_too_large_halves_the_size_and_it_recovers_slowly() {
        let size = BatchSize::new(1_000_000);
        size.taken(1_000_000);
        assert_eq!(size.now(), 1_000_000);
        size.refused(900_000);
        assert_eq!(size.now(), 450_000);
        size.refused(950_000);
        assert_eq!(size.now(), 450_000);
        size.taken(1_000);
        assert_eq!(size.now(), 450_000);
        let mut requests = 0;
        while size.now() < 900_000 {
            size.taken(size.now());
            requests += 1;
        }
        assert!((40..50).contains(&requests), "{requests}");
        (0..100).for_each(|_| size.taken(size.now()));
        assert_eq!(size.now(), 1_000_000);
    }

    #[test]
    fn it_grows_from_nothing_too() {
        let size = BatchSize::new(10);
        size.refused(1);
        assert_eq!(size.now(), 0);
        (0..10).for_each(|_| size.taken(50));
        assert_eq!(size.now(), 10);
    }
}
