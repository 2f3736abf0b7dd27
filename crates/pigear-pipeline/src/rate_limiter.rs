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

/// Events of the last minute, as they are kept for the next run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "both are needed to restore a limiter")]
pub struct RecentEvents {
    /// How long ago the last of them happened.
    pub age: Duration,
    /// How many these are.
    pub events: u64,
}

/// Events within this time of each other are given as one for the next run.
const RECENT_RESOLUTION: Duration = Duration::from_secs(1);

impl RateLimiter {
    /// A limiter without events so far.
    #[must_use]
    pub fn new(per_minute: NonZeroU32) -> Self {
        Self { per_minute, moments: VecDeque::new() }
    }

    /// A limiter after events that happened before `now`, oldest first.
    #[must_use]
    pub fn after(per_minute: NonZeroU32, recent: &[RecentEvents], now: Instant) -> Self {
        let moment = |&RecentEvents { age, events }: &RecentEvents| {
            // The clock may be younger than the event.
            let at = now.checked_sub(age).unwrap_or(now);
            Moment { first: at, last: at, events }
        };
        let mut moments: Vec<_> = recent.iter().map(moment).collect();
        moments.sort_by_key(|moment| moment.last);
        Self { per_minute, moments: moments.into() }
    }

    /// The events of the last minute, oldest first, about one entry a second at most.
    #[must_use]
    pub fn recent(&self, now: Instant) -> Vec<RecentEvents> {
        let mut seconds: Vec<Moment> = Vec::new();
        for moment in self.moments.iter().filter(|moment| moment.last + MINUTE > now) {
            match seconds.last_mut() {
                Some(second)
                    if moment.last.saturating_duration_since(second.first) < RECENT_RESOLUTION =>
                {
                    second.last = moment.last;
                    second.events = second.events.saturating_add(moment.events);
                }
                _ => seconds.push(*moment),
            }
        }
        let recent = |second: Moment| RecentEvents {
            age: now.saturating_duration_since(second.last),
            events: second.events,
        };
        seconds.into_iter().map(recent).collect()
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

    #[test]
    fn a_limiter_that_is_restored_allows_no_more_than_the_former_one() {
        let start = Instant::now() + Duration::from_secs(600);
        let at = |ms| start + Duration::from_millis(ms);
        let mut former = limiter(4);
        for ms in [0, 900, 1_100, 30_000] {
            former.note(at(ms));
        }
        let recent = former.recent(at(31_000));
        let told: Vec<_> = recent.iter().map(|r| (r.age.as_millis(), r.events)).collect();
        assert_eq!(told, [(30_100, 2), (29_900, 1), (1_000, 1)]);
        let per_minute = NonZeroU32::new(4).unwrap();
        // The next run begins ten seconds later.
        let older = |r: &RecentEvents| RecentEvents { age: r.age + Duration::from_secs(10), ..*r };
        let aged: Vec<_> = recent.iter().map(older).collect();
        let restored = RateLimiter::after(per_minute, &aged, at(41_000));
        assert_eq!(former.next_allowed(at(41_000)), at(60_000));
        assert_eq!(restored.next_allowed(at(41_000)), at(60_900));
        assert_eq!(restored.next_allowed(at(61_000)), at(61_000));
        assert_eq!(RateLimiter::after(per_minute, &[], at(0)).next_allowed(at(0)), at(0));
        assert_eq!(former.recent(at(90_000)), []);
    }

    #[test]
    fn what_is_kept_of_a_limiter_is_short_whatever_the_rate() {
        let mut limiter = limiter(u32::MAX);
        let start = Instant::now();
        (0..200_000).for_each(|n| limiter.note(start + Duration::from_millis(n)));
        let recent = limiter.recent(start + Duration::from_secs(200));
        assert!(recent.len() <= 65, "{}", recent.len());
        let events: u64 = recent.iter().map(|recent| recent.events).sum();
        assert!((60_000..61_000).contains(&events), "{events}");
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
