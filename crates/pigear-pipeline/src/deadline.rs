//! The time by which a handler must be done.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::wakers::Wakers;

/// Tells a handler by when it must be done, once that is known. Clones share it.
///
/// A handler that waits for something else (a server that is down, a program that hangs) waits with
/// [`sleep`](Self::sleep), and returns [`Verdict::TimeUp`](crate::Verdict::TimeUp) when that returns
/// [`Slept::TimeUp`].
#[derive(Clone, Default)]
pub struct Deadline(Arc<Inner>);

#[derive(Default)]
struct Inner {
    by: Mutex<Option<Instant>>,
    announced: Condvar,
    wakers: Wakers,
}

/// How a [`sleep`](Deadline::sleep) ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slept {
    /// The whole time passed.
    Fully,
    /// The deadline has come.
    TimeUp,
}

impl Deadline {
    /// Sets the time by which the handler must be done.
    pub fn announce(&self, by: Instant) {
        *self.by() = Some(by);
        self.0.announced.notify_all();
        self.0.wakers.wake();
    }

    /// Calls `wake` when the deadline is set; at once, if it already is. `wake` must not block.
    pub fn on_announce(&self, wake: impl Fn() + Send + 'static) {
        self.0.wakers.add(wake, || self.left().is_some());
    }

    /// The time left, if the deadline is set; zero if it has passed.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        self.by().map(|by| by.saturating_duration_since(Instant::now()))
    }

    /// Whether the deadline has passed.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.left() == Some(Duration::ZERO)
    }

    /// Waits for this time, or until the deadline.
    #[must_use]
    pub fn sleep(&self, time: Duration) -> Slept {
        let start = Instant::now();
        let mut by = self.by();
        loop {
            let now = Instant::now();
            let rest = time.saturating_sub(now.duration_since(start));
            match *by {
                Some(by) if by <= now => return Slept::TimeUp,
                _ if rest.is_zero() => return Slept::Fully,
                _ => {}
            }
            let left = by.map_or(rest, |by| rest.min(by.duration_since(now)));
            let woken = self.0.announced.wait_timeout(by, left);
            by = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn by(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.by.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadline").field("left", &self.left()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_rest_ends_when_time_is_up() {
        let deadline = Deadline::default();
        assert_eq!(deadline.sleep(Duration::from_millis(1)), Slept::Fully);
        assert_eq!(deadline.left(), None);
        let resting = deadline.clone();
        let rest = thread::spawn(move || resting.sleep(Duration::MAX));
        deadline.announce(Instant::now() + Duration::from_millis(5));
        assert_eq!(rest.join().unwrap(), Slept::TimeUp);
        assert!(deadline.is_up());
        assert_eq!(deadline.sleep(Duration::ZERO), Slept::TimeUp);
    }
}
