use std::path::PathBuf;
use std::str::FromStr;

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer};

use crate::keys::{parsed_option, unquoted_option};

/// The configuration of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "command", derive(clap::Args))]
#[cfg_attr(feature = "command", command(next_help_heading = "Where alerts are kept"))]
pub struct StoreConfig {
    /// Keep every alert in this file, for `pigear query` and for handlers that must not lose any
    ///
    /// Alerts for `http`, `exec`, `nats`, `kafka`, and `syslog` over TCP and TLS (and others with
    /// NAME.durable=true) then wait in the file, and survive crashes. A new handler begins with the next
    /// alert, or with NAME.from=start with the oldest. docs/store.md has the guarantees.
    #[cfg_attr(feature = "command", arg(id = "store", long, value_name = "PATH"))]
    pub path: Option<PathBuf>,

    /// Remove alerts that were stored more than N days ago
    #[serde(deserialize_with = "days_option")]
    #[cfg_attr(feature = "command", arg(long, value_name = "N", value_parser = days))]
    pub keep_days: Option<u32>,

    /// Remove the oldest alerts when the store is larger than this, such as 20GB
    #[serde(deserialize_with = "size_option")]
    #[cfg_attr(feature = "command", arg(long, value_name = "SIZE", value_parser = size))]
    pub keep_bytes: Option<ByteSize>,

    /// Remove alerts by age even if the clock seems to have jumped ahead
    ///
    /// When the clock is much later than expected, and --keep-days would remove more than half of all
    /// alerts, nothing is removed by age: the clock may be wrong. Start Pigear once with this option to
    /// confirm that it is right.
    #[cfg_attr(feature = "command", arg(long))]
    pub trust_clock: bool,
}

/// The minimum size of a store: a smaller one has room for its tables, but not for alerts.
const MIN_SIZE: ByteSize = ByteSize::mb(1);

fn days(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(0) => Err("nothing would be kept; give at least 1 day".to_owned()),
        Ok(days) => Ok(days),
        Err(_) => Err(format!("expected a whole number of days from 1 to {}", u32::MAX)),
    }
}

fn size(text: &str) -> Result<ByteSize, String> {
    match text.parse::<ByteSize>() {
        Ok(size) if size < MIN_SIZE => Err("too small for any alert; give at least 1MB".to_owned()),
        Ok(size) => Ok(size),
        Err(_) => Err("expected a size of at least 1MB, such as 20GB".to_owned()),
    }
}

/// A string that is parsed by one of the functions above.
struct Days(u32);

struct Size(ByteSize);

impl FromStr for Days {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        days(text).map(Self)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        size(text).map(Self)
    }
}

fn days_option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let days = unquoted_option(deserializer, "a whole number of days")?;
    Ok(days.map(|Days(days)| days))
}

fn size_option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ByteSize>, D::Error> {
    parsed_option(deserializer).map(|size| size.map(|Size(size)| size))
}

impl StoreConfig {
    /// The same, with missing settings taken from another.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            path: self.path.or(other.path),
            keep_days: self.keep_days.or(other.keep_days),
            keep_bytes: self.keep_bytes.or(other.keep_bytes),
            trust_clock: self.trust_clock || other.trust_clock,
        }
    }
}

/// The alert with which a new handler begins that gets its alerts from the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Begin {
    /// The next that is stored.
    #[default]
    Now,
    /// The oldest in the store.
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
