//! Alerts as text: the formats that handlers write.
//!
//! | name | type | what |
//! |---|---|---|
//! | `fast` | [`Fast`] | a line, as Snort's `alert_fast` writes it, with the year |
//! | `full` | [`Full`] | a paragraph, as Snort's `alert_full`, with a hexdump of the packet |
//! | `json` | [`Json`] | a JSON object on one line, with all known fields |
//! | `eve` | [`Eve`] | a JSON object on one line, as Suricata writes it |
//! | `ecs` | [`Ecs`] | a JSON object on one line, in Elastic Common Schema |
//! | `ocsf` | [`Ocsf`] | a JSON object on one line, a Detection Finding of OCSF |
//! | `cef` | [`Cef`] | a line in Common Event Format |
//! | `snort` | [`Snort`] | a line, as Snort's own `alert_fast`, without the year |
//! | `alert_json` | [`AlertJson`] | a JSON object on one line, as Snort 3's `alert_json` |
//! | `csv` | [`Csv`] | a line of comma separated values, as Snort's `alert_csv` |
//!
//! Output is safe whatever an attacker puts into an alert: control characters are always escaped, so it
//! can't control a terminal, and a line stays one line.

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
mod name;
mod object;
mod ocsf;
mod options;
mod snort;
mod tcp;
#[cfg(test)]
mod tests;
mod text;

pub use cef::Cef;
pub use ecs::Ecs;
pub use eve::Eve;
pub use fast::Fast;
pub use flow::community_id;
pub use full::Full;
pub use hexdump::hexdump;
pub use json::Json;
pub use name::{FormatName, OptionsError, UnknownFormat};
pub use ocsf::Ocsf;
pub use options::{Contents, FormatOptions, Part};
pub use snort::{AlertJson, Csv, FieldError, Fields, Snort};

use crate::alert::Alert;

/// A format of alerts.
pub trait Format: Send + Sync {
    /// Appends the alert to `out`, with a newline at its end.
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
