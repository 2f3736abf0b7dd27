use std::path::PathBuf;
use std::str::FromStr;

use bytesize::ByteSize;
use serde::Deserialize;

use crate::keys::parsed_option;

/// Where alerts are kept, and for how long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "command", derive(clap::Args))]
#[cfg_attr(feature = "command", command(next_help_heading = "Where alerts are kept"))]
pub struct StoreConfig {
    /// Keep every alert in this file, for `pigear query` and for handlers that must not lose any
    ///
    /// What `http`, `syslog` over TCP and TLS, and `exec` (and others with NAME.durable=true) are to
    /// hand on then waits in the file, and survives crashes. A new handler begins with the next alert,
    /// or with NAME.from=start with the oldest. docs/store.md says what is promised.
    #[cfg_attr(feature = "command", arg(id = "store", long, value_name = "PATH"))]
    pub path: Option<PathBuf>,

    /// Remove alerts that were received more than so many days ago
    #[serde(deserialize_with = "parsed_option")]
    #[cfg_attr(feature = "command", arg(long, value_name = "N"))]
    pub keep_days: Option<u32>,

    /// Remove the oldest alerts when the store is larger than this, such as 20GB
    #[serde(deserialize_with = "parsed_option")]
    #[cfg_attr(feature = "command", arg(long, value_name = "SIZE"))]
    pub keep_bytes: Option<ByteSize>,
}

impl StoreConfig {
    /// The same, with what it lacks taken from another.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            path: self.path.or(other.path),
            keep_days: self.keep_days.or(other.keep_days),
            keep_bytes: self.keep_bytes.or(other.keep_bytes),
        }
    }
}

/// With which alert a handler begins that gets its alerts from the store and is new there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Begin {
    /// The next that is stored.
    #[default]
    Now,
    /// The oldest that there is.
    Start,
}

impl FromStr for Begin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "now" => Ok(Self::Now),
            "start" => Ok(Self::Start),
            _ => Err("expected now or start"),
        }
    }
}
