//! The rate limit of runs.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pigear_pipeline::{Deadline, RateLimiter, Slept};

/// The most runs in any minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub NonZeroU32);

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| "expected a number of runs a minute")
    }
}

/// Delays runs that would exceed the rate. Several threads may wait.
pub(super) struct Limit(Mutex<RateLimiter>);

impl Limit {
    pub(super) fn new(rate: Rate) -> Self {
        Self(Mutex::new(RateLimiter::new(rate.0)))
    }

    /// Waits until a run may begin.
    pub(super) fn wait(&self, deadline: &Deadline) -> Slept {
        loop {
            let wait = self.try_begin(Instant::now());
            if wait.is_zero() {
                return Slept::Fully;
            }
            if deadline.sleep(wait) == Slept::TimeUp {
                return Slept::TimeUp;
            }
        }
    }

    /// Starts a run now, or returns how long to wait.
    fn try_begin(&self, now: Instant) -> Duration {
        let mut limiter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = limiter.next_allowed(now).saturating_duration_since(now);
        if wait.is_zero() {
            limiter.note(now);
        }
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minute_has_more_runs_than_allowed() {
        let limit = Limit::new("2".parse().unwrap());
        let start = Instant::now();
        let seconds = |n| start + Duration::from_secs(n);
        assert_eq!(limit.try_begin(seconds(0)), Duration::ZERO);
        assert_eq!(limit.try_begin(seconds(50)), Duration::ZERO);
        assert_eq!(limit.try_begin(seconds(51)), Duration::from_secs(9));
        assert_eq!(limit.try_begin(seconds(60)), Duration::ZERO);
        assert_eq!(limit.try_begin(seconds(60)), Duration::from_secs(50));
    }
}
