use std::str::FromStr;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use toml::Value;

/// Permissions of a file in octal, as for `chmod`: `640`, `0640` or `0o640`. In a configuration file, a number
/// is what TOML says it is, `0o640`; one whose decimal digits look like permissions, `400`, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMode(pub u32);

/// The text is not a file mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected permissions in octal, such as \"0640\" or 0o640")]
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
            // TOML has octal numbers, and no other way to write one with a zero before it.
            Value::Integer(number) => u32::try_from(number).ok().and_then(from_number),
            _ => None,
        }
        .ok_or_else(|| D::Error::custom(NotAMode))
    }
}

/// Of a number, TOML doesn't tell how it was written: 400 may have been meant as `0o400`, and `0o640` is 416.
/// So a number is refused that looks like permissions only if its decimal digits are taken for octal ones.
fn from_number(number: u32) -> Option<FileMode> {
    let digits = number.to_string().parse::<FileMode>();
    let is_mistaken = !is_usual(number) && digits.is_ok_and(|mode| is_usual(mode.0));
    Some(FileMode(number)).filter(|_| number <= 0o777 && !is_mistaken)
}

/// Whether the owner may read, and the group and others may do nothing, or read and execute as the owner, and write
/// only if the one before them may.
fn is_usual(mode: u32) -> bool {
    let [owner, group, other] = [mode >> 6, mode >> 3 & 7, mode & 7];
    let like_owner = |class: u32| class == 0 || class & 0o5 == owner & 0o5;
    owner & 4 != 0
        && like_owner(group)
        && like_owner(other)
        && group & !owner == 0
        && other & !group == 0
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
    fn from_toml(text: &str) -> Result<FileMode, String> {
        #[derive(Debug, Deserialize)]
        struct Options {
            mode: FileMode,
        }
        let options: Result<Options, _> = toml::from_str(&format!("mode = {text}"));
        options.map(|options| options.mode).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_number_is_what_toml_says() {
        for mode in [0o600, 0o640, 0o644, 0o660, 0o664, 0o666, 0o700, 0o750, 0o755, 0o770, 0o777] {
            assert_eq!(from_toml(&format!("0o{mode:o}")), Ok(FileMode(mode)), "{mode:o}");
        }
        assert_eq!(from_toml("\"0640\""), Ok(FileMode(0o640)));
    }

    #[test]
    fn a_number_whose_digits_are_permissions_is_refused() {
        for number in ["400", "440", "444", "500", "600", "640", "660", "644"] {
            let error = from_toml(number).unwrap_err();
            assert_eq!(
                error, "expected permissions in octal, such as \"0640\" or 0o640",
                "{number}"
            );
        }
    }
}
