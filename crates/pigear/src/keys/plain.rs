//! What a library says of a value, in the words of the manual instead of types of Rust.

use super::number::range_of;
use crate::visible::visible;

/// A message about a value that can't be used: what is expected, and what is there. It may quote a key of any text,
/// so it is made one line.
pub(crate) fn in_words(message: &str) -> String {
    let message = visible(message.trim_end().as_bytes());
    let about = ["invalid type: ", "invalid value: "];
    let about = about.iter().find_map(|begin| message.strip_prefix(begin));
    let Some((found, expected)) = about.and_then(|about| about.rsplit_once(", expected ")) else {
        return message;
    };
    let expected = match expected {
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "an array".to_owned(),
        "a map" => "a table".to_owned(),
        "a string" => "a text in quotes".to_owned(),
        "path string" => "a path in quotes".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        other => {
            let number = other.trim_start_matches("a nonzero ");
            let is_positive = number != other;
            let name = if is_positive { format!("NonZero<{number}>") } else { number.to_owned() };
            range_of(&name).unwrap_or_else(|| other.to_owned())
        }
    };
    format!("expected {expected}, not {}", value(found))
}

/// A value without its type.
fn value(found: &str) -> &str {
    let types = ["string ", "integer ", "floating point ", "boolean ", "character "];
    let value = types.iter().find_map(|name| found.strip_prefix(name)).unwrap_or(found);
    match value.trim_matches('`') {
        "map" => "a table",
        "sequence" => "an array",
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;
    use std::path::PathBuf;

    use serde::Deserialize;
    use toml::{Table, Value};

    use super::*;

    fn said_of<'de, T: Deserialize<'de>>(value: impl Into<Value>) -> String {
        in_words(T::deserialize(value.into()).err().unwrap().message())
    }

    #[test]
    fn no_type_of_rust_is_named() {
        let said = [
            said_of::<NonZeroU64>(0),
            said_of::<u32>(-1),
            said_of::<u32>("x"),
            said_of::<bool>("yes"),
            said_of::<PathBuf>(7),
            said_of::<String>(1.5),
            said_of::<Vec<String>>("x"),
            said_of::<String>(Table::new()),
            said_of::<Table>(vec![1]),
        ];
        let expected = [
            "expected a whole number from 1, not 0",
            "expected a whole number from 0 to 4294967295, not -1",
            "expected a whole number from 0 to 4294967295, not \"x\"",
            "expected true or false, not \"yes\"",
            "expected a path in quotes, not 7",
            "expected a text in quotes, not 1.5",
            "expected an array, not \"x\"",
            "expected a text in quotes, not a table",
            "expected a table, not an array",
        ];
        assert_eq!(said, expected);
        assert_eq!(in_words("unknown variant\n"), "unknown variant");
    }
}
