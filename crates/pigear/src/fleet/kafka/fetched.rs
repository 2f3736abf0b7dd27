//! What those who fetch send to the source.

use std::ops::RangeInclusive;

use super::messages::Messages;

/// What comes from the brokers.
pub(super) enum Fetched {
    Messages(i32, Messages),
    /// Messages of a partition that can't be read, and why.
    Unreadable(i32, RangeInclusive<i64>, String),
    /// The same, and there is none behind them so far that can be read.
    Unending(i32, RangeInclusive<i64>, String),
    /// Messages come, but slowly.
    Slow(String),
    Trouble(String),
    /// A partition doesn't have the message that was asked for.
    OutOfRange(i32, i64),
    /// The topic has this many partitions now.
    Changed(usize),
}

/// Numbers of messages, for a user.
pub(super) fn numbers(messages: &RangeInclusive<i64>) -> String {
    let (first, last) = (messages.start(), messages.end());
    if first == last { format!("message {first}") } else { format!("messages {first} to {last}") }
}
