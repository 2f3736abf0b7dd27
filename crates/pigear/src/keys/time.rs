use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// A duration: `500ms`, `10s`, `1m`, `1d`; a bare number is seconds. At most [`Time::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub Duration);

impl Time {
    /// The maximum: 365 days. Adding it to a time never overflows.
    pub const MAX: Self = Self(Duration::from_secs(365 * 24 * 60 * 60));
}

/// The text is not a duration, or too long a one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a time (500ms, 10s, 1m), at most 365d")]
pub struct NoTime;

impl FromStr for Time {
    type Err = NoTime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let seconds =
            text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let time = seconds.or_else(|| friendly(text)).filter(|time| *time <= Self::MAX.0);
        time.map(Self).ok_or(NoTime)
    }
}

fn friendly(text: &str) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    let time: SignedDuration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    time.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_or_is_seconds() {
        let time = |text: &str| text.parse::<Time>().map(|time| time.0.as_millis());
        assert_eq!(time("500ms"), Ok(500));
        assert_eq!(time("1m 30s"), Ok(90_000));
        assert_eq!(time("0.25"), Ok(250));
        assert_eq!(time("2d"), Ok(172_800_000));
        for text in ["", "-1", "-1s", "soon", "NaN", "inf", "1 month"] {
            assert_eq!(time(text), Err(NoTime), "{text:?}");
        }
    }

    #[test]
    fn a_time_is_at_most_a_year_and_can_be_reckoned_with() {
        let year = "365d".parse::<Time>().unwrap();
        assert_eq!(year, Time::MAX);
        assert!(std::time::Instant::now().checked_add(year.0).is_some());
        for text in ["366d", "31536001", "1e19", "1e300", "99999999999999w", "365d 1ns"] {
            assert_eq!(text.parse::<Time>(), Err(NoTime), "{text:?}");
        }
    }
}
