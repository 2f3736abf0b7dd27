//! Other Pigears that read by the same consumer.

use std::time::{Duration, Instant};

use tracing::debug;

use super::redelivery::Readers;

/// For how long they are remembered: they may connect again later than this one.
const REMEMBERED: Duration = Duration::from_secs(600);

/// After this many gaps within that time, others read, though the server doesn't say so.
const MOST_GAPS: u32 = 20;

/// What is known of others.
#[derive(Default)]
pub(super) struct OtherReaders {
    /// When they were last seen.
    seen: Option<Instant>,
    /// How many deliveries were left out, and when the first of them.
    gaps: u32,
    first_gap: Option<Instant>,
}

impl OtherReaders {
    /// Who read of late.
    pub(super) fn readers(&self) -> Readers {
        if is_recent(self.seen) { Readers::Others } else { Readers::Alone }
    }

    /// Notes who reads now.
    pub(super) fn remember(&mut self, readers: Readers) {
        if readers == Readers::Alone {
            return;
        }
        if self.readers() == Readers::Alone {
            debug!("others read by the same consumer");
        }
        self.seen = Some(Instant::now());
    }

    /// Notes that deliveries were left out. With too many of these, others are assumed.
    pub(super) fn add_gap(&mut self) {
        if !is_recent(self.first_gap) {
            (self.gaps, self.first_gap) = (0, Some(Instant::now()));
        }
        self.gaps += 1;
        if self.gaps > MOST_GAPS {
            self.remember(Readers::Others);
        }
    }
}

fn is_recent(time: Option<Instant>) -> bool {
    time.is_some_and(|time| time.elapsed() < REMEMBERED)
}
