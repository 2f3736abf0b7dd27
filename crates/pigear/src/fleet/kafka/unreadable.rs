//! Messages that can't be read.
//!
//! The client's library says of a batch that it can't read only that, not which messages it has: a request for any of
//! them fails. So the messages behind are asked for one after the other, until one can be read. If none can, nothing is
//! left out: then the broker may be what is wrong, or its version. As that may have passed meanwhile, they are all
//! asked for again before they are left out.

use std::ops::RangeInclusive;

/// From this length on, each time that a run has become twice as long, that is worth a line.
const LONG: u64 = 128;

/// Messages in a row that can't be read.
pub(super) struct UnreadableRun {
    first: i64,
    next: i64,
    /// The first message behind them that can be read.
    readable: Option<i64>,
    reason: String,
    /// It was said that the run reaches to the end of the partition.
    is_said: bool,
}

impl UnreadableRun {
    /// Begins with a message that can't be read, for this reason.
    pub(super) fn new(first: i64, reason: String) -> Self {
        Self { first, next: first + 1, readable: None, reason, is_said: false }
    }

    /// The message to ask for.
    pub(super) fn next(&self) -> i64 {
        self.next
    }

    /// Notes that the message asked for can't be read. Returns whether the run has ended.
    pub(super) fn add(&mut self) -> bool {
        self.next += 1;
        self.readable == Some(self.next)
    }

    /// Notes that the message asked for can be read. Returns whether the run has ended: otherwise it is asked for again.
    pub(super) fn end(&mut self) -> bool {
        if self.readable.is_none() {
            self.readable = Some(self.next);
            self.next = self.first;
            return false;
        }
        true
    }

    /// Those that can't be read, and why.
    pub(super) fn messages(&self) -> (RangeInclusive<i64>, String) {
        (self.first..=self.next - 1, self.reason.clone())
    }

    /// Whether the run has become so long that this is worth a line.
    pub(super) fn is_long(&self) -> bool {
        let length = self.next.abs_diff(self.first);
        self.readable.is_none() && length >= LONG && length.is_power_of_two()
    }

    /// Notes that the partition has nothing behind the run. Returns whether that wasn't said before.
    pub(super) fn reaches_end(&mut self) -> bool {
        !std::mem::replace(&mut self.is_said, true)
    }
}
