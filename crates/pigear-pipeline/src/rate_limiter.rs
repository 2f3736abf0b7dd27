//! A rate limiter: a maximum of events a minute.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// Events within this time of each other are stored as one, at the time of the last. So no more than
/// some thousand times are kept, and an event waits at most this much longer.
const RESOLUTION: Duration = Duration::from_millis(60);

/// Computes when the next event may happen, so that no minute has more than allowed.
///
/// The minute is a sliding window: after a pause, all events of a minute may happen at once. Events are
/// reported with [`note`](Self::note). The limiter reads no clock and never waits.
///
/// ```
/// use std::num::NonZeroU32;
/// use std::time::{Duration, Instant};
/// use pigear_pipeline::RateLimiter;
///
/// let mut limiter = RateLimiter::new(NonZeroU32::MIN);
/// let now = Instant::now();
/// assert_eq!(limiter.next_allowed(now), now);
/// limiter.note(now);
/// assert_eq!(limiter.next_allowed(now), now + Duration::from_secs(60));
/// ```
#[derive(Clone, Debug)]
pub struct RateLimiter {
    per_minute: NonZeroU32,
    /// The events of the last minute, oldest first.
    moments: VecDeque<Moment>,
}

/// Events that happened at nearly the same time.
#[derive(Clone, Copy, Debug)]
struct Moment {
    first: Instant,
    last: Instant,
    events: u64,
}

impl RateLimiter {
    /// A limiter without events so far.
    #[must_use]
    pub fn new(per_minute: NonZeroU32) -> Self {
        Self { per_minute, moments: VecDeque::new() }
    }

    /// When the next event may happen: `now`, or later if the last minute has too many.
    #[must_use]
    pub fn next_allowed(&self, now: Instant) -> Instant {
        let mut left = u64::from(self.per_minute.get());
        for moment in self.moments.iter().rev() {
            let over = moment.last + MINUTE;
            if over <= now {
                break;
            }
            left = left.saturating_sub(moment.events);
            if left == 0 {
                return over;
            }
        }
        now
    }

    /// Records an event that happens now.
    pub fn note(&mut self, now: Instant) {
        while self.moments.front().is_some_and(|moment| moment.last + MINUTE <= now) {
            self.moments.pop_front();
        }
        match self.moments.back_mut() {
            Some(moment) if now.saturating_duration_since(moment.first) < RESOLUTION => {
                moment.last = moment.last.max(now);
                moment.events += 1;
            }
            _ => self.moments.push_back(Moment { first: now, last: now, events: 1 }),
        }
    }

    /// Records an event that happens now, if it is allowed.
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
    use proptest::prelude::*;

    use super::*;

    fn limiter(per_minute: u32) -> RateLimiter {
        RateLimiter::new(NonZeroU32::new(per_minute).unwrap())
    }

    #[test]
    fn what_is_too_much_for_a_minute_is_allowed_in_the_next() {
        let mut limiter = limiter(2);
        let start = Instant::now();
        let seconds = |n| start + Duration::from_secs(n);
        for (now, allowed) in [(0, 0), (50, 50), (51, 60), (60, 60), (60, 110), (200, 200)] {
            assert_eq!(limiter.next_allowed(seconds(now)), seconds(allowed), "{now}");
            if now == allowed {
                limiter.note(seconds(now));
            }
        }
    }

    #[test]
    fn events_that_were_not_allowed_count_too() {
        let mut limiter = limiter(2);
        let start = Instant::now();
        let seconds = |n| start + Duration::from_secs(n);
        (0..5).for_each(|n| limiter.note(seconds(n)));
        assert_eq!(limiter.next_allowed(seconds(5)), seconds(63));
    }

    #[test]
    fn memory_is_bounded_whatever_the_rate() {
        let mut limiter = limiter(u32::MAX);
        let start = Instant::now();
        for n in 0..200_000 {
            limiter.note(start + Duration::from_millis(n));
        }
        assert!(limiter.moments.len() <= 1_002, "{}", limiter.moments.len());
    }

    proptest! {
        #[test]
        fn no_minute_has_more_events_than_allowed(
            per_minute in 1_u32..20,
            pauses in prop::collection::vec(0_u64..5_000, 1..300),
        ) {
            let mut limiter = limiter(per_minute);
            let start = Instant::now();
            let (mut now, mut events) = (start, Vec::new());
            for pause in pauses {
                now += Duration::from_millis(pause);
                let allowed = limiter.next_allowed(now);
                prop_assert!(allowed >= now && allowed < now + MINUTE + RESOLUTION);
                // The event waits until it is allowed, and no longer than that.
                now = allowed;
                prop_assert_eq!(limiter.next_allowed(now), now);
                limiter.note(now);
                events.push(now);
            }
            let most = usize::try_from(per_minute).unwrap();
            for (first, next) in events.iter().zip(events.iter().skip(most)) {
                prop_assert!(*next >= *first + MINUTE);
            }
        }
    }
}
