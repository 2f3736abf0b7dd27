//! When to rotate.

use std::str::FromStr;

use bytesize::ByteSize;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// When to rotate: at a size, at the end of a period, both, or never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    size: Option<u64>,
    /// In seconds.
    period: Option<i64>,
}

/// The text is neither a size nor a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a size (100MB, 1GiB), a time (1h, 1d, hourly, daily, weekly), or both with a comma between"
)]
pub struct UnknownRotation;

impl Rotation {
    /// Whether a file of this length and start time is to be rotated before the next record. Periods count
    /// from 1970 on, so that days begin at midnight UTC.
    pub(super) fn is_due(self, len: u64, since: Timestamp, now: Timestamp) -> bool {
        let grown = self.size.is_some_and(|size| len >= size);
        let aged = self.period.is_some_and(|period| {
            since.as_second().div_euclid(period) != now.as_second().div_euclid(period)
        });
        grown || aged
    }

    /// How many bytes still fit into a file of this length.
    pub(super) fn room(self, len: u64) -> usize {
        let room = self.size.map_or(u64::MAX, |size| size.saturating_sub(len));
        usize::try_from(room).unwrap_or(usize::MAX)
    }
}

impl FromStr for Rotation {
    type Err = UnknownRotation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',').map(str::trim).try_fold(Self::default(), |rotation, part| {
            if let Some(period) = period(part) {
                Ok(Self { period: Some(period), ..rotation })
            } else {
                let size = part.parse::<ByteSize>().map_err(|_| UnknownRotation)?.as_u64();
                Some(Self { size: Some(size), ..rotation })
                    .filter(|_| size > 0)
                    .ok_or(UnknownRotation)
            }
        })
    }
}

/// A time in whole seconds: `1h`, `7d`, `hourly`, `daily`.
fn period(text: &str) -> Option<i64> {
    let text = match text {
        "hourly" => "1h",
        "daily" => "1d",
        "weekly" => "7d",
        other => other,
    };
    let span: Span = text.parse().ok()?;
    let time: SignedDuration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Some(time.as_secs()).filter(|&seconds| seconds > 0)
}
