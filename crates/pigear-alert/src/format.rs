//! Alerts as text: the formats that handlers write.
//!
//! | name | type | what |
//! |---|---|---|
//! | `fast` | [`Fast`] | a line, as Snort's `alert_fast` writes it, with the year |
//! | `full` | [`Full`] | a paragraph, as Snort's `alert_full`, with a hexdump of the packet |
//! | `json` | [`Json`] | a JSON object on one line, with all that is known |
//! | `eve` | [`Eve`] | a JSON object on one line, as Suricata writes it |
//! | `ecs` | [`Ecs`] | a JSON object on one line, in Elastic Common Schema |
//! | `ocsf` | [`Ocsf`] | a JSON object on one line, a Detection Finding of OCSF |
//! | `cef` | [`Cef`] | a line in Common Event Format |
//!
//! Whatever an attacker put into an alert, a format's output stays what it is: control characters
//! never get through, so they are all safe on a terminal, and a line stays one line.

mod app_proto;
mod cef;
mod ecs;
mod eve;
mod event_id;
mod fast;
mod flow;
mod full;
mod headers;
mod hexdump;
mod icmp;
mod icmp_pairs;
mod json;
mod mac;
mod object;
mod ocsf;
mod tcp;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;
use std::str::FromStr;

pub use cef::Cef;
pub use ecs::Ecs;
pub use eve::Eve;
pub use fast::Fast;
pub use full::Full;
pub use hexdump::hexdump;
pub use json::Json;
pub use ocsf::Ocsf;

use crate::alert::Alert;

/// A way to write alerts.
pub trait Format: Send {
    /// Appends the alert to `out`, with the newline that ends it.
    fn write(&self, alert: &Alert, out: &mut Vec<u8>);
}

/// Whether a format uses the colours of a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// Text only.
    #[default]
    Never,
    /// ANSI escape sequences around the parts of a line.
    Always,
}

/// The formats, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormatName {
    /// [`Fast`]
    #[default]
    Fast,
    /// [`Full`]
    Full,
    /// [`Json`]
    Json,
    /// [`Eve`]
    Eve,
    /// [`Ecs`]
    Ecs,
    /// [`Ocsf`]
    Ocsf,
    /// [`Cef`]
    Cef,
}

impl FormatName {
    /// All formats.
    pub const ALL: [Self; 7] =
        [Self::Fast, Self::Full, Self::Json, Self::Eve, Self::Ecs, Self::Ocsf, Self::Cef];

    /// The name, as settings have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Full => "full",
            Self::Json => "json",
            Self::Eve => "eve",
            Self::Ecs => "ecs",
            Self::Ocsf => "ocsf",
            Self::Cef => "cef",
        }
    }

    /// The format of this name. Formats that machines read have no colour.
    #[must_use]
    pub fn format(self, colour: Colour) -> Box<dyn Format> {
        match self {
            Self::Fast => Box::new(Fast { colour }),
            Self::Full => Box::new(Full { colour }),
            Self::Json => Box::new(Json),
            Self::Eve => Box::new(Eve),
            Self::Ecs => Box::new(Ecs),
            Self::Ocsf => Box::new(Ocsf),
            Self::Cef => Box::new(Cef),
        }
    }
}

impl fmt::Display for FormatName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No format has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format {name:?}; known are {}", FormatName::ALL.map(FormatName::name).join(", "))]
pub struct UnknownFormat {
    /// The name that was asked for.
    pub name: String,
}

impl FromStr for FormatName {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| UnknownFormat { name: name.to_owned() })
    }
}
