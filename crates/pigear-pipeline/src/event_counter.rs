//! Which of many alike events are logged.
//!
//! Whenever their number has doubled, so that a flood of events doesn't flood the log; and after ten minutes without a
//! line, so that what goes on isn't taken for over.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// After how long without a line an event is logged in any case.
const LOG_INTERVAL: Duration = Duration::from_secs(600);

/// Counts events of a kind, of which only some are logged: whenever their number has doubled, and after ten minutes
/// without a line.
///
/// ```
/// let mut failures = pigear_pipeline::EventCounter::default();
/// let logged = (0..100).filter_map(|_| failures.add(1));
/// assert_eq!(logged.collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32, 64]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct EventCounter {
    count: u64,
    logged: Option<Instant>,
}

impl EventCounter {
    /// Counts `n` events, and returns the new count if it should be logged.
    pub fn add(&mut self, n: u64) -> Option<u64> {
        self.add_at(n, Instant::now())
    }

    pub(crate) fn add_at(&mut self, n: u64, now: Instant) -> Option<u64> {
        self.count = self.count.saturating_add(n);
        let since = now.duration_since(*self.logged.get_or_insert(now));
        let is_due = n > 0 && (has_doubled(self.count, n) || since >= LOG_INTERVAL);
        self.logged = self.logged.map(|logged| if is_due { now } else { logged });
        is_due.then_some(self.count)
    }

    /// How many there were.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.count
    }
}

/// The same for a counter that is elsewhere, and that several threads may add to without waiting for each other.
#[derive(Debug, Default)]
pub(crate) struct LogTimer {
    /// When the last line was logged, in seconds of this process from 1 on; 0 before the first event.
    logged: AtomicU64,
}

impl LogTimer {
    /// Whether the count should be logged, now that `n` were added to it.
    pub(crate) fn is_due(&self, count: u64, n: u64) -> bool {
        static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        self.is_due_at(count, n, BEGIN.elapsed())
    }

    /// The same at a time of this process.
    fn is_due_at(&self, count: u64, n: u64, now: Duration) -> bool {
        let now = now.as_secs() + 1;
        let first = self.logged.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        let since = now.saturating_sub(first.err().unwrap_or(now));
        let is_due = n > 0 && (has_doubled(count, n) || since >= LOG_INTERVAL.as_secs());
        if is_due {
            self.logged.store(now, Ordering::Relaxed);
        }
        is_due
    }
}

/// Whether a power of two was reached or passed by adding the last `n`.
fn has_doubled(count: u64, n: u64) -> bool {
    count.checked_ilog2() != count.saturating_sub(n).checked_ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When something was logged of one event a second, for two hours.
    fn logged(mut is_due: impl FnMut(Duration) -> bool) -> Vec<u64> {
        (0..7_200).filter(|second| is_due(Duration::from_secs(*second))).collect()
    }

    #[test]
    fn what_goes_on_is_logged_every_ten_minutes() {
        let expected = [0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1_023, 1_623, 2_047, 2_647];
        let (mut events, begin) = (EventCounter::default(), Instant::now());
        let seconds = logged(|second| events.add_at(1, begin + second).is_some());
        assert_eq!(seconds[..expected.len()], expected);
        assert!(seconds.windows(2).all(|two| two[1] - two[0] <= 600), "{seconds:?}");

        let (timer, mut count) = (LogTimer::default(), 0);
        let of_timer = logged(|second| {
            count += 1;
            timer.is_due_at(count, 1, second)
        });
        assert_eq!(of_timer, seconds);
    }

    #[test]
    fn several_at_once_are_logged_once() {
        let (mut events, begin) = (EventCounter::default(), Instant::now());
        assert_eq!(events.add_at(0, begin), None);
        assert_eq!(events.add_at(3, begin), Some(3));
        assert_eq!(events.add_at(2, begin), Some(5));
        assert_eq!(events.add_at(2, begin), None);
        assert_eq!(events.add_at(0, begin + LOG_INTERVAL), None);
        assert_eq!(events.add_at(1, begin + LOG_INTERVAL), Some(8));
    }
}
