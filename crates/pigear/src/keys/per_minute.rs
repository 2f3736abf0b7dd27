use std::num::NonZeroU32;
use std::str::FromStr;

/// A maximum per minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerMinute(pub NonZeroU32);

/// The text is not a positive number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a whole number from 1 to {} a minute", u32::MAX)]
pub struct NotPerMinute;

impl FromStr for PerMinute {
    type Err = NotPerMinute;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| NotPerMinute)
    }
}
