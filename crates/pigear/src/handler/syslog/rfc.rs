//! The form of a message.

use std::str::FromStr;

/// The form of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rfc {
    /// RFC 3164, the old one.
    Rfc3164,
    /// RFC 5424.
    Rfc5424,
}

impl FromStr for Rfc {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "3164" => Ok(Self::Rfc3164),
            "5424" => Ok(Self::Rfc5424),
            _ => Err("expected 5424 or 3164"),
        }
    }
}
