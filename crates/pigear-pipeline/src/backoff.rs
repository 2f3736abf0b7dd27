//! How long to wait before the next attempt.

use std::time::Duration;

use crate::event_counter::EventCounter;

/// How waits between attempts grow.
#[derive(Clone, Copy, Debug)]
pub struct BackoffPolicy {
    /// The wait after the first failure. Each further failure doubles it.
    pub first: Duration,
    /// The maximum wait.
    pub longest: Duration,
    /// The minimum wait, even if the peer asks for a shorter one.
    pub least: Duration,
    /// The maximum wait that the peer can ask for.
    pub longest_asked: Duration,
    /// Whether waits are randomized.
    pub jitter: Jitter,
}

/// Whether waits are randomized, so that many senders don't retry at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// The full wait.
    None,
    /// A random time between the minimum and the full wait.
    Full,
}

/// For a peer behind a socket or pipe.
const PEER: BackoffPolicy = BackoffPolicy {
    first: Duration::from_millis(100),
    longest: Duration::from_secs(15),
    least: Duration::from_millis(100),
    longest_asked: Duration::from_secs(15),
    jitter: Jitter::None,
};

/// Counts failed attempts, and computes the wait after each.
#[derive(Clone, Debug)]
pub struct Backoff {
    policy: BackoffPolicy,
    attempts: u32,
    failures: EventCounter,
    is_worth_a_line: bool,
}

impl Default for Backoff {
    /// From 0.1 to 15 seconds.
    fn default() -> Self {
        Self::new(PEER)
    }
}

impl Backoff {
    /// No attempt has failed yet.
    #[must_use]
    pub fn new(policy: BackoffPolicy) -> Self {
        Self { policy, attempts: 0, failures: EventCounter::default(), is_worth_a_line: false }
    }

    /// Counts a failed attempt, and returns the wait before the next.
    pub fn failed(&mut self) -> Duration {
        self.failed_asked(None)
    }

    /// Counts a failed attempt, after which the peer may have asked for a wait. The minimum wait grows
    /// too, so that a peer that asks for none doesn't cause a busy loop.
    pub fn failed_asked(&mut self, asked: Option<Duration>) -> Duration {
        let BackoffPolicy { first, least, longest_asked, jitter, .. } = self.policy;
        let wait = match (asked, jitter) {
            (Some(asked), _) => asked.min(longest_asked).max(self.grown(least)),
            (None, Jitter::None) => self.grown(first).max(least),
            (None, Jitter::Full) => {
                let spread = self.grown(first).saturating_sub(least);
                least + spread.mul_f64(fastrand::f64())
            }
        };
        self.attempts = self.attempts.saturating_add(1);
        self.is_worth_a_line = self.failures.add(1).is_some();
        wait
    }

    /// The number of failed attempts since the last success.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether the last failure should be logged: the first, second, fourth, and so on, and one after ten minutes
    /// without a line.
    #[must_use]
    pub fn is_worth_a_line(&self) -> bool {
        self.is_worth_a_line
    }

    /// Resets the count. Returns whether an attempt had failed.
    pub fn succeeded(&mut self) -> bool {
        self.failures = EventCounter::default();
        std::mem::take(&mut self.attempts) > 0
    }

    fn grown(&self, first: Duration) -> Duration {
        first.saturating_mul(2_u32.saturating_pow(self.attempts)).min(self.policy.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JITTERED: BackoffPolicy = BackoffPolicy {
        first: Duration::from_millis(200),
        longest: Duration::from_secs(10),
        least: Duration::from_millis(100),
        longest_asked: Duration::from_secs(600),
        jitter: Jitter::Full,
    };

    #[test]
    fn waits_grow_to_a_limit_and_start_over_after_a_success() {
        let mut backoff = Backoff::default();
        let waits = [(); 9].map(|()| backoff.failed().as_millis());
        assert_eq!(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 15_000]);
        assert!(backoff.succeeded() && !backoff.succeeded());
        assert_eq!(backoff.failed().as_millis(), 100);
    }

    #[test]
    fn random_waits_lie_between_the_least_and_the_grown_one() {
        let range = |attempts| {
            let after = || Backoff { attempts, ..Backoff::new(JITTERED) };
            let waits = (0..200).map(|_| after().failed());
            let waits: Vec<_> = waits.collect();
            (*waits.iter().min().unwrap(), *waits.iter().max().unwrap())
        };
        for attempts in [0, 3, u32::MAX] {
            let (least, most) = range(attempts);
            assert!(least >= JITTERED.least && most <= JITTERED.longest, "{least:?} {most:?}");
        }
        assert!(range(0).1 <= JITTERED.first);
        assert!(range(3).1 > JITTERED.first);
    }

    #[test]
    fn a_wait_that_was_asked_for_is_kept_to_within_bounds() {
        let mut backoff = Backoff::new(JITTERED);
        let asked = |backoff: &mut Backoff, asked| backoff.failed_asked(Some(asked)).as_millis();
        let none = [(); 4].map(|()| asked(&mut backoff, Duration::ZERO));
        assert_eq!(none, [100, 200, 400, 800]);
        assert_eq!(asked(&mut backoff, Duration::from_secs(7)), 7_000);
        assert_eq!(asked(&mut backoff, Duration::MAX), 600_000);
    }
}
