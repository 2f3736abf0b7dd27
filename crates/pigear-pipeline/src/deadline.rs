//! The time by which a handler must be done.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::wakers::Wakers;

/// Tells a handler by when it must be done, once that is known. Clones share it.
///
/// A handler that waits for something else (a server that is down, a program that hangs) waits with
/// [`sleep`](Self::sleep), and returns [`Verdict::TimeUp`](crate::Verdict::TimeUp) when that returns
/// [`Slept::TimeUp`]. One whose work can't be broken off without harm asks [`allows`](Self::allows) before it begins.
#[derive(Clone, Default)]
pub struct Deadline(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<DeadlineState>,
    announced: Condvar,
    wakers: Wakers,
}

#[derive(Clone, Copy, Default)]
struct DeadlineState {
    by: Option<Instant>,
    cause: EndCause,
    /// Something else processes what isn't begun: nothing more is begun.
    hands_over: bool,
}

/// Why a handler ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndCause {
    /// The whole run ends.
    #[default]
    RunEnds,
    /// Another handler takes its place.
    Changed,
    /// Its lane was removed.
    Removed,
}

/// For messages.
impl fmt::Display for EndCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RunEnds => "the run ends",
            Self::Changed => "a reload changed the handler",
            Self::Removed => "a reload removed the handler",
        })
    }
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
        self.change(|state| state.by = Some(by));
    }

    /// Sets the time by which the handler must be done, because its lane was removed.
    pub fn announce_removal(&self, by: Instant) {
        self.change(|state| (state.by, state.cause) = (Some(by), EndCause::Removed));
    }

    /// The same where something else processes what the handler doesn't begin: another handler that takes its place, or
    /// the next run. It is to finish what it has begun by then, and to begin nothing more. This can't be taken back.
    pub fn announce_handover(&self, by: Instant, cause: EndCause) {
        self.change(|state| *state = DeadlineState { by: Some(by), cause, hands_over: true });
    }

    fn change(&self, change: impl FnOnce(&mut DeadlineState)) {
        change(&mut self.state());
        self.0.announced.notify_all();
        self.0.wakers.wake();
    }

    /// Why the handler ends, once the deadline is set.
    #[must_use]
    pub fn cause(&self) -> EndCause {
        self.state().cause
    }

    /// Whether nothing more is to be begun, since something else processes it.
    #[must_use]
    pub fn hands_over(&self) -> bool {
        self.state().hands_over
    }

    /// Whether something may be begun that takes this long.
    #[must_use]
    pub fn allows(&self, time: Duration) -> bool {
        let DeadlineState { by, hands_over, .. } = *self.state();
        !hands_over && by.is_none_or(|by| by.saturating_duration_since(Instant::now()) > time)
    }

    /// Calls `wake` when the deadline is set; at once, if it already is. `wake` must not block.
    pub fn on_announce(&self, wake: impl Fn() + Send + 'static) {
        self.0.wakers.add(wake, || self.left().is_some());
    }

    /// The time left, if the deadline is set; zero if it has passed.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        self.state().by.map(|by| by.saturating_duration_since(Instant::now()))
    }

    /// Whether the deadline has passed.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.left() == Some(Duration::ZERO)
    }

    /// Waits for this time, or until the deadline; not at all, where nothing more is to be begun.
    #[must_use]
    pub fn sleep(&self, time: Duration) -> Slept {
        let start = Instant::now();
        let mut state = self.state();
        loop {
            let now = Instant::now();
            let rest = time.saturating_sub(now.duration_since(start));
            if state.hands_over || state.by.is_some_and(|by| by <= now) {
                return Slept::TimeUp;
            }
            if rest.is_zero() {
                return Slept::Fully;
            }
            let left = state.by.map_or(rest, |by| rest.min(by.duration_since(now)));
            let woken = self.0.announced.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn state(&self) -> MutexGuard<'_, DeadlineState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
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

    #[test]
    fn nothing_is_begun_that_there_is_no_time_for() {
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3_600));
        let deadline = Deadline::default();
        assert!(deadline.allows(Duration::MAX));
        deadline.announce(Instant::now() + hour);
        assert!(deadline.allows(second) && !deadline.allows(hour));
        deadline.announce_removal(Instant::now() + hour);
        assert!(deadline.allows(second) && !deadline.hands_over());
        deadline.announce_handover(Instant::now() + hour, EndCause::Changed);
        assert!(!deadline.allows(Duration::ZERO) && !deadline.is_up());
        // No attempt is made after a pause.
        assert_eq!(deadline.sleep(hour), Slept::TimeUp);
        // There may be less time by now.
        deadline.announce(Instant::now());
        assert!(deadline.is_up() && deadline.hands_over());
        assert_eq!(deadline.cause(), EndCause::Changed);
    }
}
