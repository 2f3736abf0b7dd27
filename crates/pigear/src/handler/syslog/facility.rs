//! The facility of a message.

use std::str::FromStr;

/// The facility of a message: a number from 0 to 23.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(u8);

/// By number (RFC 5424, 6.2.1); the names are those of syslog(3).
const NAMES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

impl Facility {
    /// The priority value at the start of a message.
    pub(super) fn with_severity(self, severity: u8) -> u8 {
        self.0 * 8 + severity
    }
}

impl Default for Facility {
    /// `auth`, as in Snort's own syslog output.
    fn default() -> Self {
        Self(4)
    }
}

/// The facility is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown facility; known are {}", NAMES.join(", "))]
pub struct UnknownFacility;

impl FromStr for Facility {
    type Err = UnknownFacility;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let number = (0..).zip(NAMES).find(|(_, known)| *known == name);
        number.map(|(number, _)| Self(number)).ok_or(UnknownFacility)
    }
}
