use std::str::FromStr;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use toml::Value;

/// Permissions of a file in octal, as for `chmod`: `640`, `0640`, or in a configuration file `0o640`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMode(pub u32);

/// The text is not a file mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected permissions in octal, such as 0640")]
pub struct NotAMode;

impl FromStr for FileMode {
    type Err = NotAMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let is_octal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let mode = u32::from_str_radix(digits, 8).ok().filter(|&mode| is_octal && mode <= 0o777);
        mode.map(Self).ok_or(NotAMode)
    }
}

impl<'de> Deserialize<'de> for FileMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => text.parse().ok(),
            // In TOML a number can begin with a zero only as `0o640`.
            Value::Integer(number) => {
                u32::try_from(number).ok().filter(|&mode| mode <= 0o777).map(Self)
            }
            _ => None,
        }
        .ok_or_else(|| D::Error::custom(NotAMode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_octal() {
        for text in ["640", "0640", "0o640"] {
            assert_eq!(text.parse(), Ok(FileMode(0o640)), "{text}");
        }
        for text in ["", "0o", "9", "+640", "1777", "rw-r-----", "-1"] {
            assert_eq!(text.parse::<FileMode>(), Err(NotAMode), "{text:?}");
        }
    }
}
