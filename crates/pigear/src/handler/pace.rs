//! How long a piece of a handler's work takes.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pigear_pipeline::{Backlog, Deadline};

/// How long each piece took: a run of a program, or a request.
#[derive(Default)]
pub(super) struct Pace(Mutex<Option<Times>>);

#[derive(Clone, Copy)]
struct Times {
    average: Duration,
    last: Duration,
}

impl Pace {
    /// Notes how long one took.
    pub(super) fn note(&self, last: Duration) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let average = times.map_or(last, |before| (before.average * 3 + last) / 4);
        *times = Some(Times { average, last });
    }

    /// How long the next one may be expected to take, at the least; nothing, where none is known.
    fn expected(&self) -> Duration {
        let times = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.map_or(Duration::ZERO, |times| times.average.min(times.last))
    }

    /// Whether another may be begun, of so many that the handler has: there is time for it. Where what waits comes again
    /// in the next run, there must be time for all of it: nothing is begun for a part.
    pub(super) fn may_begin(&self, work: &Work<'_>) -> bool {
        if work.deadline.left().is_none() {
            return true;
        }
        let alerts = match work.backlog {
            Some(backlog) if backlog.outlives_process() => work.alerts + backlog.waiting(),
            _ => 1,
        };
        let rounds = alerts.div_ceil(work.at_once.max(1));
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
        work.deadline.allows(self.expected().saturating_mul(rounds))
    }
}

/// What is to be begun.
pub(super) struct Work<'a> {
    pub(super) deadline: &'a Deadline,
    pub(super) backlog: Option<&'a Backlog>,
    /// How many alerts the handler has and has not begun.
    pub(super) alerts: usize,
    /// How many are done at the same time.
    pub(super) at_once: usize,
}

impl<'a> Work<'a> {
    /// One piece.
    #[cfg(feature = "exec")]
    pub(super) fn one(deadline: &'a Deadline) -> Self {
        Self { deadline, backlog: None, alerts: 1, at_once: 1 }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn nothing_is_begun_that_takes_longer_than_there_is_time() {
        let (pace, deadline) = (Pace::default(), Deadline::default());
        let may_begin = || {
            let work = Work { deadline: &deadline, backlog: None, alerts: 100, at_once: 1 };
            pace.may_begin(&work)
        };
        pace.note(Duration::from_secs(3_600));
        assert!(may_begin(), "there is no deadline");
        deadline.announce(Instant::now() + Duration::from_secs(60));
        assert!(!may_begin());
        // One that took long is no reason to expect it of the next one.
        pace.note(Duration::from_secs(1));
        assert!(may_begin());
        deadline.announce(Instant::now() + Duration::from_millis(500));
        assert!(!may_begin());
    }
}
