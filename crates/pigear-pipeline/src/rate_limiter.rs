//! At most so many a minute.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// Allows at most a number of things in any minute.
#[derive(Debug)]
pub struct RateLimiter {
    per_minute: NonZeroU32,
    /// When the last of them happened, oldest first.
    times: VecDeque<Instant>,
}

impl RateLimiter {
    /// Allows this many in any minute.
    #[must_use]
    pub fn new(per_minute: NonZeroU32) -> Self {
        Self { per_minute, times: VecDeque::new() }
    }

    /// When the next one is allowed: now, or later.
    #[must_use]
    pub fn next_allowed(&self, now: Instant) -> Instant {
        let per_minute = usize::try_from(self.per_minute.get()).unwrap_or(usize::MAX);
        let oldest = self.times.len().checked_sub(per_minute).and_then(|n| self.times.get(n));
        oldest.map_or(now, |oldest| (*oldest + MINUTE).max(now))
    }

    /// Notes one that happens now.
    pub fn note(&mut self, now: Instant) {
        self.times.push_back(now);
        let per_minute = usize::try_from(self.per_minute.get()).unwrap_or(usize::MAX);
        while self.times.len() > per_minute {
            self.times.pop_front();
        }
    }

    /// Notes one that happens now, if it is allowed now.
    pub fn allows(&mut self, now: Instant) -> bool {
        let allowed = self.next_allowed(now) <= now;
        if allowed {
            self.note(now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minute_has_more_than_allowed() {
        let mut limiter = RateLimiter::new(NonZeroU32::new(2).unwrap());
        let start = Instant::now();
        let seconds = |n| start + Duration::from_secs(n);
        assert!(limiter.allows(seconds(0)));
        assert!(limiter.allows(seconds(50)));
        assert_eq!(limiter.next_allowed(seconds(51)), seconds(60));
        assert!(!limiter.allows(seconds(51)));
        assert!(limiter.allows(seconds(60)));
        assert_eq!(limiter.next_allowed(seconds(60)), seconds(110));
    }
}
