//! How long to wait before the next attempt.

use std::time::Duration;

/// The first delay, and the least.
const FIRST: Duration = Duration::from_millis(100);
/// No delay is longer, unless somebody asks for it …
const LONGEST: Duration = Duration::from_secs(15);
/// … and none is longer than this.
const LONGEST_ASKED: Duration = Duration::from_secs(600);

/// How long to wait before the next attempt: twice as long as before the last one, from a tenth of a
/// second to fifteen.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// An attempt failed: how long to wait before the next. `asked` is how long somebody asks to wait.
    pub fn failed(&mut self, asked: Option<Duration>) -> Duration {
        let doubled = FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        asked.map_or(doubled, |asked| asked.clamp(FIRST, LONGEST_ASKED))
    }

    /// How many attempts failed since the last success.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether the last failure is worth a line in the log: the first, the second, the fourth, and so on.
    #[must_use]
    pub fn is_worth_a_line(&self) -> bool {
        self.failures.is_power_of_two()
    }

    /// An attempt succeeded. Returns whether one had failed before.
    pub fn succeeded(&mut self) -> bool {
        std::mem::take(&mut self.failures) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_start_over_after_a_success() {
        let mut backoff = Backoff::default();
        let waits = [(); 9].map(|()| backoff.failed(None).as_millis());
        assert_eq!(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 15_000]);
        assert!(backoff.succeeded());
        assert!(!backoff.succeeded());
        assert_eq!(backoff.failed(None).as_millis(), 100);
    }

    #[test]
    fn what_is_asked_for_is_bounded() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.failed(Some(Duration::ZERO)), FIRST);
        assert_eq!(backoff.failed(Some(Duration::from_secs(7))).as_secs(), 7);
        assert_eq!(backoff.failed(Some(Duration::MAX)), LONGEST_ASKED);
    }
}
