//! How long something took, as a histogram. It is counted without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the buckets, in microseconds.
const BOUNDS: [u64; 14] = [
    100,
    500,
    1_000,
    5_000,
    10_000,
    50_000,
    100_000,
    500_000,
    1_000_000,
    5_000_000,
    10_000_000,
    60_000_000,
    300_000_000,
    MOST,
];

/// What took longer counts as this in the sum, an hour: a time that an attacker has written into a packet's header
/// can't make the sum useless.
const MOST: u64 = 3_600_000_000;

/// A histogram that is being counted.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; BOUNDS.len()],
    above: AtomicU64,
    micros: AtomicU64,
}

/// A histogram of times.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Latency {
    /// For each upper bound in seconds, how many took longer than the bound before it, but not longer than this one.
    pub buckets: Vec<(f64, u64)>,
    /// How many took longer than the last bound.
    pub above: u64,
    /// The sum of all times, in seconds. A time of more than an hour counts as an hour.
    pub sum: f64,
}

impl Histogram {
    /// Counts a time in microseconds. One before the start, as of two clocks that differ, counts as none.
    pub(crate) fn observe_micros(&self, micros: i64) {
        let micros = u64::try_from(micros).unwrap_or_default();
        let bucket = BOUNDS.partition_point(|&bound| micros > bound);
        self.buckets.get(bucket).unwrap_or(&self.above).fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros.min(MOST), Ordering::Relaxed);
    }

    /// Adds what another one has counted.
    pub(crate) fn add(&self, other: &Self) {
        let counts = self.buckets.iter().zip(&other.buckets);
        let more = [(&self.above, &other.above), (&self.micros, &other.micros)];
        for (count, other) in counts.chain(more) {
            count.fetch_add(other.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    pub(crate) fn observe(&self, time: Duration) {
        self.observe_micros(i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
    }

    pub(crate) fn read(&self) -> Latency {
        let counts = self.buckets.iter().map(|count| count.load(Ordering::Relaxed));
        Latency {
            buckets: BOUNDS.map(seconds).into_iter().zip(counts).collect(),
            above: self.above.load(Ordering::Relaxed),
            sum: seconds(self.micros.load(Ordering::Relaxed)),
        }
    }
}

fn seconds(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_in_the_first_bucket_that_reaches_it() {
        let histogram = Histogram::default();
        for micros in [-5, 0, 100, 101, 3_600_000_000, 3_600_000_001, i64::MAX] {
            histogram.observe_micros(micros);
        }
        histogram.observe(Duration::from_millis(500));
        let latency = histogram.read();
        let filled: Vec<_> = latency.buckets.iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [&(0.0001, 3), &(0.0005, 1), &(0.5, 1), &(3_600.0, 1)]);
        assert_eq!((latency.above, latency.sum), (2, 3.0 * 3_600.0 + 0.500_201));
    }
}
