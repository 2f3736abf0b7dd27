//! The keys about formats, which every handler that writes alerts has.

use std::fmt;
use std::str::FromStr;

use bytesize::ByteSize;
use jiff::tz::TimeZone;
use pigear_alert::format::{Colour, Contents, Fields, Format, FormatName, FormatOptions, Part};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::field::{parsed_option, positive_option};

/// The keys about formats. A handler's options have them as their field `format`, which is a table of them, or the
/// name of the format.
#[derive(Clone, Debug, Default)]
pub struct FormatKeys {
    /// The format of an alert.
    pub format: Option<FormatName>,
    /// The fields of `alert_json` and `csv`, in their order, with commas or spaces between; Snort's own, by
    /// default.
    pub fields: Option<Fields>,
    /// `no` leaves packets out: of `json`, `eve`, and the hexdump of `full`.
    pub packet: Option<YesNo>,
    /// `no` leaves payloads out: of `json`, `eve` and `ecs`.
    pub payload: Option<YesNo>,
    /// The most bytes that are written of a packet, and of a payload.
    pub max_bytes: Option<ByteSize>,
    /// `yes`: the times of `snort`, `alert_json` and `csv` are in UTC, not in local time.
    pub utc: Option<YesNo>,
}

/// The keys as a table.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Table {
    #[serde(deserialize_with = "parsed_option")]
    format: Option<FormatName>,
    #[serde(deserialize_with = "parsed_option")]
    fields: Option<Fields>,
    #[serde(deserialize_with = "parsed_option")]
    packet: Option<YesNo>,
    #[serde(deserialize_with = "parsed_option")]
    payload: Option<YesNo>,
    #[serde(deserialize_with = "positive_option")]
    max_bytes: Option<ByteSize>,
    #[serde(deserialize_with = "parsed_option")]
    utc: Option<YesNo>,
}

impl<'de> Deserialize<'de> for FormatKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrTable)
    }
}

struct NameOrTable;

impl<'de> Visitor<'de> for NameOrTable {
    type Value = FormatKeys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a format")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<FormatKeys, E> {
        name.parse::<FormatName>().map(FormatKeys::from).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FormatKeys, A::Error> {
        let table = Table::deserialize(MapAccessDeserializer::new(map))?;
        let Table { format, fields, packet, payload, max_bytes, utc } = table;
        Ok(FormatKeys { format, fields, packet, payload, max_bytes, utc })
    }
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
    let zone = if has_local_time(name) { TimeZone::system() } else { TimeZone::UTC };
    let options = FormatOptions { colour, zone, ..FormatOptions::default() };
    name.with(&options).unwrap_or_else(|_| name.format(colour))
}

/// Whether the times of this format are in local time. Others don't need the database of time zones, which takes a
/// while to load.
fn has_local_time(name: FormatName) -> bool {
    matches!(name, FormatName::Snort | FormatName::AlertJson | FormatName::Csv)
}

/// The keys' names.
pub(super) const NAMES: [&str; 6] = ["fields", "format", "max_bytes", "packet", "payload", "utc"];

impl From<FormatName> for FormatKeys {
    fn from(format: FormatName) -> Self {
        Self { format: Some(format), ..Self::default() }
    }
}

impl FormatKeys {
    /// Whether none of the keys is given.
    #[cfg(feature = "nats")]
    pub(crate) fn is_default(&self) -> bool {
        let Self { format, fields, packet, payload, max_bytes, utc } = self;
        let contents = packet.is_none() && payload.is_none() && max_bytes.is_none();
        format.is_none() && fields.is_none() && contents && utc.is_none()
    }

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
        let is_local = has_local_time(self.name());
        if self.utc.is_some() && !is_local {
            let name = self.name();
            return Err(format!(
                "utc is for snort, alert_json and csv; format={name} is always in UTC"
            ));
        }
        let options = FormatOptions {
            colour,
            fields: self.fields.clone(),
            contents: self.contents(),
            zone: if !is_local || self.utc == Some(YesNo::Yes) {
                TimeZone::UTC
            } else {
                TimeZone::system()
            },
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

/// Checks whether these keys go together.
pub(super) fn check(mut keys: toml::Table) -> Result<(), String> {
    gather(&mut keys);
    let Some(found) = keys.remove("format") else { return Ok(()) };
    // What is wrong with one alone is found elsewhere.
    let Ok(found) = FormatKeys::deserialize(found) else { return Ok(()) };
    found.build(Colour::Never).map(drop)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Keys;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Options {
        #[serde(default)]
        format: FormatKeys,
    }

    fn read(pairs: &[(&str, &str)]) -> Result<FormatKeys, String> {
        let mut keys = Keys::default();
        for (key, value) in pairs {
            keys.set(key, value);
        }
        let options = keys.options_with_format::<Options>();
        options.map(|options| options.format).map_err(|error| error.to_string())
    }

    fn built(pairs: &[(&str, &str)]) -> Option<String> {
        read(pairs).unwrap().build(Colour::Never).err()
    }

    #[test]
    fn keys_of_formats_are_gathered() {
        let keys = read(&[("format", "eve"), ("packet", "no"), ("max_bytes", "1KiB")]).unwrap();
        assert_eq!(keys.name(), FormatName::Eve);
        let contents = keys.contents();
        assert_eq!((contents.packet, contents.payload), (Part::Omitted, Part::Written));
        assert_eq!(contents.max_bytes, Some(1024));
        assert_eq!(read(&[]).unwrap().or(FormatName::Json).name(), FormatName::Json);
    }

    #[test]
    fn a_name_alone_is_enough() {
        let mut keys = Keys::default();
        keys.set("format", "csv");
        let options: Options = keys.options().unwrap();
        assert_eq!(options.format.name(), FormatName::Csv);
    }

    #[test]
    fn mistakes_are_named_with_their_key() {
        for (pairs, expected) in [
            (("packet", "nope"), "packet: \"nope\": expected yes or no"),
            (("max_bytes", "0"), "max_bytes: must be greater than 0"),
            (("fields", ""), "fields: the list of fields is empty"),
            (
                ("fmt", "x"),
                "unknown key `fmt`, expected one of `fields`, `format`, `max_bytes`, `packet`, `payload`, `utc`",
            ),
        ] {
            assert_eq!(read(&[pairs]).unwrap_err(), expected);
        }
    }

    #[test]
    fn keys_without_effect_are_refused() {
        assert_eq!(built(&[("format", "csv"), ("fields", "msg"), ("utc", "yes")]), None);
        let no_zone = "utc is for snort, alert_json and csv; format=fast is always in UTC";
        assert_eq!(built(&[("utc", "no")]).as_deref(), Some(no_zone));
        assert!(built(&[("format", "ocsf"), ("payload", "no")]).is_some());
        assert!(built(&[("format", "eve"), ("fields", "msg")]).is_some());
    }
}
