//! What kind of program a message is from.

use std::str::FromStr;

/// What kind of program a message is from: a number from 0 to 23.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(u8);

/// By number (RFC 5424, 6.2.1); the names are those of syslog(3).
const NAMES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

impl Facility {
    /// The number that a message begins with.
    pub(super) fn with_severity(self, severity: u8) -> u8 {
        self.0 * 8 + severity
    }
}

impl Default for Facility {
    /// `auth`, as Snort's own output to syslog.
    fn default() -> Self {
        Self(4)
    }
}

/// No facility has this name.
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
