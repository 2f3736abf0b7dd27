use std::time::{Duration, Instant};

use crate::event_counter::EventCounter;

/// How many lines in a row are logged, before only some are.
const IN_A_ROW: u64 = 16;

/// After how long without a line the next ones are a new row.
const PAUSE: Duration = Duration::from_secs(60);

/// Keeps the log short where another user can cause a line as often as it likes.
#[derive(Debug, Default)]
pub(super) struct LineLimiter {
    lines: EventCounter,
    last: Option<Instant>,
}

impl LineLimiter {
    /// Whether a line of now is to be logged.
    pub(super) fn is_worth_a_line(&mut self, now: Instant) -> bool {
        if self.last.is_none_or(|last| now.duration_since(last) > PAUSE) {
            self.lines = EventCounter::default();
        }
        self.last = Some(now);
        self.lines.add_at(1, now).is_some() || self.lines.get() <= IN_A_ROW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_lines_in_a_row_become_few() {
        let (mut limiter, start) = (LineLimiter::default(), Instant::now());
        let logged = (0..1_000).filter(|_| limiter.is_worth_a_line(start)).count();
        assert_eq!(logged, 21);
        assert!(!limiter.is_worth_a_line(start + PAUSE));
    }

    #[test]
    fn lines_with_pauses_are_all_logged() {
        let (mut limiter, start) = (LineLimiter::default(), Instant::now());
        let each_hour = |hour: u64| start + Duration::from_secs(3_600 * hour);
        assert!((0..100).all(|hour| limiter.is_worth_a_line(each_hour(hour))));
    }
}
