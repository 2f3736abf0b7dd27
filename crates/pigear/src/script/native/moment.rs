//! Times, which scripts compare as texts.

use std::ops::Range;

use jiff::Timestamp;

use super::operand::Operator;
use crate::script::fields::time_text;

/// The microseconds of the last time that an alert can have: both of its numbers have 32 bits.
const LAST: i64 = u32::MAX as i64 * 1_000_001;

/// Whether a time is within a span, or outside of it. Spans are microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TimeTest {
    span: Range<i64>,
    is_within: bool,
}

impl TimeTest {
    /// Comparison with a text. The texts of an alert's times have the order of the times.
    pub(super) fn compare(op: Operator, text: &str) -> Self {
        let at_least = first(|shown| shown >= text);
        let after = first(|shown| shown > text);
        let (span, is_within) = match op {
            Operator::Equal => (at_least..after, true),
            Operator::NotEqual => (at_least..after, false),
            Operator::Less => (i64::MIN..at_least, true),
            Operator::LessOrEqual => (i64::MIN..after, true),
            Operator::Greater => (after..i64::MAX, true),
            Operator::GreaterOrEqual => (at_least..i64::MAX, true),
        };
        Self { span, is_within }
    }

    pub(super) fn is_true_of(&self, time: Timestamp) -> bool {
        self.span.contains(&time.as_microsecond()) == self.is_within
    }

    /// The span outside of which the answer is never this one, if there is one.
    #[cfg(feature = "store")]
    pub(super) fn span(&self, answer: bool) -> Option<Range<i64>> {
        let Range { start, end } = self.span;
        if self.is_within == answer {
            return Some(start..end);
        }
        match (start, end) {
            (i64::MIN, end) => Some(end..i64::MAX),
            (start, i64::MAX) => Some(i64::MIN..start),
            _ => None,
        }
    }
}

/// The first time of an alert of whose text something is true, as of all later ones; or the time after the last.
fn first(is_true: impl Fn(&str) -> bool) -> i64 {
    let (mut from, mut to) = (0, LAST + 1);
    while from < to {
        let middle = from + (to - from) / 2;
        let time = Timestamp::from_microsecond(middle).unwrap_or(Timestamp::MAX);
        if is_true(&time_text(time)) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    from
}
