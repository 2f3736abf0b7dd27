//! The settings of one handler: `KEY=VALUE` on the command line, or a table in a file.
//!
//! The command line has strings only; a file has numbers and booleans too. A handler's options derive
//! `Deserialize`, and mark each field that isn't a string with [`parsed`], which accepts both.

mod field;
mod format;
mod mode;
mod names;
mod number;
mod paths;
mod per_minute;
mod plain;
mod setup_error;
mod time;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::visible::visible;

pub(crate) use field::unquoted_option;
pub use field::{parsed, parsed_option, positive_option};
pub use format::{FormatKeys, YesNo, local_format};
pub use mode::{FileMode, NotAMode};
pub(crate) use names::{key_names, keys_with_format};
#[cfg(any(feature = "command", feature = "store"))]
pub(crate) use number::number;
#[cfg(feature = "command")]
pub(crate) use number::number_from_1;
pub(crate) use paths::one_or_several;
pub use per_minute::{NotPerMinute, PerMinute};
pub(crate) use plain::in_words;
pub use setup_error::SetupError;
pub use time::{NoTime, Time};

/// The settings of one handler, not parsed yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keys(Table);

/// A setting that is unknown, invalid or missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(String);

/// The keys that every handler has besides its own, in alphabetical order.
pub(crate) const GENERAL_KEYS: [&str; 6] =
    ["durable", "filter", "from", "group", "limit", "per_minute"];

/// What is said of keys that a handler has besides its own, where a key is unknown.
pub(crate) fn every_handler() -> String {
    let [first @ .., last] = GENERAL_KEYS.map(|key| format!("`{key}`"));
    format!("; every handler has {} and {last}, too", first.join(", "))
}

impl From<SetupError> for KeyError {
    fn from(error: SetupError) -> Self {
        Self(error.to_string())
    }
}

impl KeyError {
    /// Names the keys about formats, which a handler has as a table.
    fn spread_format(self) -> Self {
        Self(format::spread(&self.0))
    }

    /// The key that is missing, if that is the problem.
    #[cfg(feature = "command")]
    pub(crate) fn missing_key(&self) -> Option<&str> {
        self.0.strip_prefix("missing key `")?.strip_suffix('`')
    }

    /// Names the keys of every handler, if a handler has no such key.
    pub(crate) fn or_of_every_handler(self) -> Self {
        let Self(problem) = self;
        let is_unknown = problem.starts_with("unknown key");
        Self(if is_unknown { format!("{problem}{}", every_handler()) } else { problem })
    }
}

impl Keys {
    /// Sets a key to a string, replacing its value. As in a file, `header.NAME` is the key `NAME` in the
    /// table `header`.
    pub fn set(&mut self, key: &str, value: &str) {
        let value = Value::String(value.to_owned());
        if let Some((table, key)) = key.split_once('.') {
            let nested = self.0.entry(table).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(nested) = nested {
                nested.insert(key.to_owned(), value);
            } else {
                *nested = Value::Table(Table::from_iter([(key.to_owned(), value)]));
            }
        } else {
            self.0.insert(key.to_owned(), value);
        }
    }

    /// Sets a key to a string, if it is not set yet.
    pub fn set_default(&mut self, key: &str, value: &str) {
        self.0.entry(key).or_insert_with(|| Value::String(value.to_owned()));
    }

    /// Parses the settings as the options of a handler that writes alerts: the keys about formats are gathered
    /// in its field `format`.
    ///
    /// # Errors
    /// If a key is unknown or missing, or a value is invalid.
    pub fn options_with_format<T: DeserializeOwned>(mut self) -> Result<T, KeyError> {
        format::gather(&mut self.0);
        self.options().map_err(KeyError::spread_format)
    }

    /// Checks the keys about formats, if one of them names the format: otherwise it is up to the handler.
    pub(crate) fn check_format(&self) -> Result<(), KeyError> {
        if !self.0.contains_key("format") {
            return Ok(());
        }
        format::check(self.0.clone()).map_err(KeyError)
    }

    /// The value of a key, if it is a string.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    /// The names of the keys whose values are others, or that only one of both has.
    pub(crate) fn different<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let keys = self.0.keys().chain(other.0.keys().filter(|key| !self.0.contains_key(*key)));
        keys.filter(|key| self.0.get(*key) != other.0.get(*key)).map(String::as_str).collect()
    }

    /// The keys and their values, those of a table within as `header.NAME`.
    #[cfg(feature = "command")]
    pub(crate) fn each(&self) -> Vec<(String, Value)> {
        let of_key = |(key, value): (&String, &Value)| match value {
            Value::Table(nested) => nested
                .iter()
                .map(|(name, value)| (format!("{key}.{name}"), value.clone()))
                .collect(),
            _ => vec![(key.clone(), value.clone())],
        };
        self.0.iter().flat_map(of_key).collect()
    }

    /// Parses the settings as a handler's options.
    ///
    /// # Errors
    /// If a key is unknown or missing, or a value is invalid.
    pub fn options<T: DeserializeOwned>(self) -> Result<T, KeyError> {
        let texts = self.0.clone();
        T::deserialize(Value::Table(self.0)).map_err(|error| KeyError(in_our_words(&error, &texts)))
    }
}

/// Fields are called keys here, and the key comes before the error.
fn in_our_words(error: &toml::de::Error, keys: &Table) -> String {
    let needs_table = error.message().contains("expected a map");
    let text = in_words(error.message())
        .replace("unknown field", "unknown key")
        .replace("missing field", "missing key")
        .replace("there are no fields", "there are none");
    let whole = error.to_string();
    match whole.trim_end().rsplit_once("\nin `") {
        Some((_, key)) => {
            let key = key.trim_end_matches('`');
            let shown = visible(key.as_bytes());
            match keys.get(key) {
                Some(Value::String(value)) if needs_table => {
                    format!("{shown}: write {}", with_name(&shown, value))
                }
                _ => format!("{shown}: {text}"),
            }
        }
        None => text,
    }
}

/// `header.A=b`, for `header=A:b`. The value of a header may be secret, and isn't shown then.
fn with_name(key: &str, value: &str) -> String {
    let Some((name, value)) = value.split_once([':', '=']) else {
        return format!("{key}.NAME=VALUE");
    };
    let name = name.trim();
    let lower = name.to_ascii_lowercase();
    let secret = ["auth", "key", "token", "cookie", "secret", "pass"];
    let value = if secret.iter().any(|word| lower.contains(word)) { "…" } else { value.trim() };
    format!("{key}.{name}={value}")
}

impl From<Table> for Keys {
    fn from(table: Table) -> Self {
        Self(table)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Options {
        path: String,
        #[serde(deserialize_with = "parsed")]
        keep: usize,
    }

    impl Default for Options {
        fn default() -> Self {
            Self { path: "here".to_owned(), keep: 3 }
        }
    }

    fn read(keys: &[(&str, Value)]) -> Result<Options, String> {
        let table: Table =
            keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        Keys::from(table).options().map_err(|error| error.to_string())
    }

    #[test]
    fn a_number_may_be_text_or_number() {
        let expected = Options { path: "here".to_owned(), keep: 7 };
        assert_eq!(read(&[("keep", Value::Integer(7))]).as_ref(), Ok(&expected));
        assert_eq!(read(&[("keep", Value::String("7".to_owned()))]), Ok(expected));
    }

    #[test]
    fn what_is_wrong_is_said_with_the_key() {
        let error = read(&[("kep", Value::Integer(7))]).unwrap_err();
        assert_eq!(error, "unknown key `kep`, expected `path` or `keep`");
        let error = read(&[("keep", Value::String("many".to_owned()))]).unwrap_err();
        assert_eq!(error, "keep: \"many\": expected a whole number from 0");
        let error = read(&[("keep", Value::Array(Vec::new()))]).unwrap_err();
        assert_eq!(error, "keep: a value of type array is not supported here");
    }
}
