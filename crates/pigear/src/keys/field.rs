//! Parses fields of options that are not strings.

use std::fmt::Display;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use toml::Value;

use super::number::in_plain_words;

/// Parses a field from a string, or from a number or boolean as a string. For
/// `#[serde(deserialize_with = "parsed")]`.
///
/// # Errors
/// If the value has another type, or can't be parsed.
pub fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(truth) => truth.to_string(),
        other => {
            return Err(D::Error::custom(format!(
                "a value of type {} is not supported here",
                other.type_str()
            )));
        }
    };
    text.parse().map_err(|error: T::Err| {
        // Some errors repeat the text; those of numbers don't.
        let error = in_plain_words::<T>(error.to_string());
        let error = if error.contains(&text) { error } else { format!("{text:?}: {error}") };
        D::Error::custom(error)
    })
}

/// The same as [`parsed`], for a field that may be absent.
///
/// # Errors
/// If the value can't be parsed.
pub fn parsed_option<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    parsed(deserializer).map(Some)
}

/// The same as [`parsed_option`], for a number that a file may not have in quotes: it is no key of a handler, which may
/// also be written as on the command line.
///
/// # Errors
/// If the value is a number in quotes, or can't be parsed.
pub(crate) fn unquoted_option<'de, D, T>(
    deserializer: D,
    expected: &str,
) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let value = Value::deserialize(deserializer)?;
    match value.as_str() {
        Some(text) if text.parse::<i64>().is_ok() => {
            Err(D::Error::custom(format!("expected {expected}, not {text:?}")))
        }
        _ => parsed_option(value).map_err(|error| D::Error::custom(error.message())),
    }
}

/// The same as [`parsed_option`], for a quantity that must not be 0.
///
/// # Errors
/// If the value can't be parsed, or is 0.
pub fn positive_option<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display> + Default + PartialEq,
{
    match parsed_option(deserializer) {
        Ok(Some(zero)) if zero == T::default() => Err(D::Error::custom("must be greater than 0")),
        Ok(value) => Ok(value),
        Err(error) => {
            Err(D::Error::custom(error.to_string().replace("number from 0", "number from 1")))
        }
    }
}
