//! How long a run of a filter may take.
//!
//! The number of operations bounds most scripts, but one operation may copy a list or a text of a megabyte. The time
//! is that of the thread on the processor: a filter doesn't fail because the machine is busy.

use std::cell::Cell;
use std::time::Duration;

use rhai::Dynamic;
use rustix::time::{ClockId, clock_gettime};

/// How long a run may take.
const MAX_TIME: Duration = Duration::from_millis(250);

/// After how many operations the time is looked at. Most filters have fewer.
const OPERATIONS: u64 = 32;

thread_local! {
    /// When the run ends; unknown until the time is first looked at.
    static END: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// A run begins on this thread.
pub(super) fn start() {
    END.set(None);
}

/// Ends the run, with this value, if it has taken too long.
pub(super) fn check(operations: u64) -> Option<Dynamic> {
    if !operations.is_multiple_of(OPERATIONS) {
        return None;
    }
    let now = Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).ok()?;
    let end = END.get().unwrap_or(now + MAX_TIME);
    END.set(Some(end));
    (now > end).then(|| TOO_LONG.into())
}

/// What such a run ends with.
pub(super) const TOO_LONG: &str = "it runs for too long";
