//! The keys about formats, which every handler that writes alerts has.

use std::str::FromStr;

use bytesize::ByteSize;
use jiff::tz::TimeZone;
use pigear_alert::format::{Colour, Contents, Fields, Format, FormatName, FormatOptions, Part};
use serde::Deserialize;

use super::{parsed_option, positive_option};

/// The keys about formats. A handler's options have them as their field `format`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FormatKeys {
    /// The format of an alert.
    #[serde(deserialize_with = "parsed_option")]
    pub format: Option<FormatName>,
    /// The fields of `alert_json` and `csv`, in their order, with commas or spaces between; Snort's own, by
    /// default.
    #[serde(deserialize_with = "parsed_option")]
    pub fields: Option<Fields>,
    /// `no` leaves packets out: of `json`, `eve`, and the hexdump of `full`.
    #[serde(deserialize_with = "parsed_option")]
    pub packet: Option<YesNo>,
    /// `no` leaves payloads out: of `json`, `eve` and `ecs`.
    #[serde(deserialize_with = "parsed_option")]
    pub payload: Option<YesNo>,
    /// The most bytes that are written of a packet, and of a payload.
    #[serde(deserialize_with = "positive_option")]
    pub max_bytes: Option<ByteSize>,
    /// `yes`: the times of `snort`, `alert_json` and `csv` are in UTC, not in local time.
    #[serde(deserialize_with = "parsed_option")]
    pub utc: Option<YesNo>,
}

/// `yes` or `no`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum YesNo {
    /// `yes`, or `true` in a configuration file.
    Yes,
    /// `no`, or `false` in a configuration file.
    No,
}

impl FromStr for YesNo {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "yes" | "true" => Ok(Self::Yes),
            "no" | "false" => Ok(Self::No),
            _ => Err("expected yes or no"),
        }
    }
}

/// A format as people read it here: with times in local time where a format has no zone.
#[must_use]
pub fn local_format(name: FormatName, colour: Colour) -> Box<dyn Format> {
    let options = FormatOptions { colour, zone: TimeZone::system(), ..FormatOptions::default() };
    name.with(&options).unwrap_or_else(|_| name.format(colour))
}

/// The keys' names.
const NAMES: [&str; 6] = ["fields", "format", "max_bytes", "packet", "payload", "utc"];

impl From<FormatName> for FormatKeys {
    fn from(format: FormatName) -> Self {
        Self { format: Some(format), ..Self::default() }
    }
}

impl FormatKeys {
    /// The format of this name if none is given.
    #[must_use]
    pub fn or(self, usual: FormatName) -> Self {
        Self { format: self.format.or(Some(usual)), ..self }
    }

    /// The format's name.
    #[must_use]
    pub fn name(&self) -> FormatName {
        self.format.unwrap_or_default()
    }

    /// The format.
    ///
    /// # Errors
    /// If the format doesn't have one of the options.
    pub fn build(&self, colour: Colour) -> Result<Box<dyn Format>, String> {
        let local =
            matches!(self.name(), FormatName::Snort | FormatName::AlertJson | FormatName::Csv);
        if self.utc.is_some() && !local {
            let name = self.name();
            return Err(format!(
                "utc is for snort, alert_json and csv; format={name} is always in UTC"
            ));
        }
        let options = FormatOptions {
            colour,
            fields: self.fields.clone(),
            contents: self.contents(),
            zone: if self.utc == Some(YesNo::Yes) { TimeZone::UTC } else { TimeZone::system() },
        };
        self.name().with(&options).map_err(|error| error.to_string())
    }

    /// How much of a packet is written.
    #[must_use]
    pub fn contents(&self) -> Contents {
        let part = |wanted| if wanted == Some(YesNo::No) { Part::Omitted } else { Part::Written };
        Contents {
            packet: part(self.packet),
            payload: part(self.payload),
            max_bytes: self.max_bytes.map(|size| usize::try_from(size.0).unwrap_or(usize::MAX)),
        }
    }
}

/// Moves the keys about formats into a table `format`.
pub(super) fn gather(keys: &mut toml::Table) {
    let found = NAMES.into_iter().filter_map(|name| keys.remove_entry(name));
    let found: toml::Table = found.collect();
    if !found.is_empty() {
        keys.insert("format".to_owned(), toml::Value::Table(found));
    }
}

/// Names all of the keys where an error names the table.
pub(super) fn spread(problem: &str) -> String {
    let problem = problem.strip_prefix("format.").unwrap_or(problem);
    let Some((head, known)) = problem.split_once(", expected ") else { return problem.to_owned() };
    if !head.starts_with("unknown key") {
        return problem.to_owned();
    }
    let all = NAMES.map(|name| format!("`{name}`")).join(", ");
    let known = known.trim_start_matches("one of ").replace(" or ", ", ");
    format!("{head}, expected one of {}", known.replace("`format`", &all))
}
