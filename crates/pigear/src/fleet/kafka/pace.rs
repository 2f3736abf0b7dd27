//! How much is asked for at once, and how long the answer may take: less and longer where the link is slow.

use std::time::Duration;

/// How long the answer of a broker may take.
pub(super) const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a small answer may take, at most: it has one batch at least, however large that is.
const MAX_TIMEOUT: Duration = Duration::from_secs(160);

/// The most bytes that are asked for at once. A batch that is larger comes all the same.
const MAX_BYTES: i32 = 1 << 20;

/// How many bytes are asked for where a single batch is wanted: it comes although it is larger.
pub(super) const ONE_BATCH: i32 = 2;

/// The least bytes that are asked for where answers come too slowly.
const MIN_BYTES: i32 = 4 << 10;

/// An answer is small if it has no more bytes than this: then it is the time that was too short.
const SMALL: i32 = 64 << 10;

/// How much is asked for.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    bytes: i32,
    limit: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { bytes: MAX_BYTES, limit: FETCH_TIMEOUT }
    }
}

impl Pace {
    /// How many bytes to ask for.
    pub(super) fn bytes(&self) -> i32 {
        self.bytes
    }

    /// How long the answer may take.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// An answer didn't come in time.
    pub(super) fn late(&mut self) {
        self.bytes = (self.bytes / 4).max(MIN_BYTES.min(self.bytes));
        if self.bytes <= SMALL {
            self.limit = (self.limit * 2).min(MAX_TIMEOUT);
        }
    }

    /// An answer came. If more come as fast as this one, twice as much comes in time.
    pub(super) fn came(&mut self, took: Duration) {
        if took < FETCH_TIMEOUT / 4 {
            self.bytes = self.bytes.saturating_mul(2).min(MAX_BYTES);
            self.limit = FETCH_TIMEOUT;
        }
    }

    /// A single batch is asked for, and more with each answer.
    pub(super) fn begin_with_one_batch(&mut self) {
        self.bytes = ONE_BATCH;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_is_asked_for_until_it_comes_in_time() {
        let mut pace = Pace::default();
        let mut asked = || {
            let asked = (pace.bytes() >> 10, pace.limit().as_secs());
            pace.late();
            asked
        };
        let expected = [(1024, 10), (256, 10), (64, 20), (16, 40), (4, 80), (4, 160), (4, 160)];
        assert_eq!(expected.map(|_| asked()), expected);
        // What comes slowly is no reason to ask for more, nor to be impatient.
        pace.came(Duration::from_secs(9));
        assert_eq!((pace.bytes() >> 10, pace.limit().as_secs()), (4, 160));
        pace.came(Duration::from_secs(1));
        assert_eq!((pace.bytes() >> 10, pace.limit().as_secs()), (8, 10));
        (0..10).for_each(|_| pace.came(Duration::ZERO));
        assert_eq!(pace.bytes() >> 10, 1024);
    }
}
