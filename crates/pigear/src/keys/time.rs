use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

/// A length of time: `500ms`, `10s`, `1m`; a bare number is seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub Duration);

/// A text is no length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a time (500ms, 10s, 1m)")]
pub struct NoTime;

impl FromStr for Time {
    type Err = NoTime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let seconds =
            text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let friendly = || text.parse::<SignedDuration>().ok()?.try_into().ok();
        seconds.or_else(friendly).map(Self).ok_or(NoTime)
    }
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
        for text in ["", "-1", "-1s", "soon", "NaN", "1e300"] {
            assert_eq!(time(text), Err(NoTime), "{text:?}");
        }
    }
}
