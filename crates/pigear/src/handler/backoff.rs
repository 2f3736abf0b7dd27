//! How long to wait before the next attempt.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(15);

/// How long to wait before the next attempt: twice as long as before the last one, from a tenth of a
/// second to fifteen.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// An attempt failed: how long to wait before the next.
    pub(super) fn failed(&mut self) -> Duration {
        let wait = FIRST.saturating_mul(2_u32.saturating_pow(self.attempts)).min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        wait
    }

    /// How many attempts failed since the last success.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// An attempt succeeded.
    pub(super) fn succeeded(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_start_over_after_a_success() {
        let mut backoff = Backoff::default();
        let waits = [(); 9].map(|()| backoff.failed().as_millis());
        assert_eq!(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 15_000]);
        backoff.succeeded();
        assert_eq!(backoff.failed().as_millis(), 100);
    }
}
