//! Whole numbers: what is wrong with one is said with the range that is allowed.

#[cfg(any(feature = "command", feature = "store"))]
use std::fmt::Display;
#[cfg(any(feature = "command", feature = "store"))]
use std::str::FromStr;

/// The texts of the standard library's errors, which don't say what is allowed.
const STANDARD: [&str; 5] = [
    "cannot parse integer from empty string",
    "invalid digit found in string",
    "number too large to fit in target type",
    "number too small to fit in target type",
    "number would be zero for non-zero type",
];

/// An error in parsing a `T`, with the allowed values instead of the standard library's text.
pub(super) fn in_plain_words<T>(error: String) -> String {
    let name = std::any::type_name::<T>();
    if name.ends_with("::ByteSize") {
        return "expected a size, such as 64MB or 1GiB".to_owned();
    }
    if !STANDARD.contains(&&*error) {
        return error;
    }
    match range_of(name) {
        // Only then it matters how large it may be.
        Some(range) if error.contains("too large") && !range.contains(" to ") => {
            format!("expected {range} to {}", u64::MAX)
        }
        Some(range) => format!("expected {range}"),
        None => error,
    }
}

/// The whole numbers of a type.
pub(super) fn range_of(name: &str) -> Option<String> {
    let is_positive = name.contains("NonZero");
    let kind = name.trim_end_matches('>').rsplit(['<', ':']).next()?;
    let (least, most) = match kind {
        "u8" => (0, u64::from(u8::MAX)),
        "u16" => (0, u64::from(u16::MAX)),
        "u32" => (0, u64::from(u32::MAX)),
        "u64" => (0, u64::MAX),
        "usize" => (0, usize::MAX as u64),
        "i64" => (i64::MIN, i64::MAX.unsigned_abs()),
        _ => return None,
    };
    let least = if is_positive { 1 } else { least };
    let most = if most == u64::MAX { String::new() } else { format!(" to {most}") };
    Some(format!("a whole number from {least}{most}"))
}

/// Parses an argument of the command line, or a criterion.
#[cfg(any(feature = "command", feature = "store"))]
pub(crate) fn number<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| in_plain_words::<T>(error.to_string()))
}

/// The same for one that must be at least 1.
#[cfg(feature = "command")]
pub(crate) fn number_from_1(text: &str) -> Result<u64, String> {
    number::<std::num::NonZeroU64>(text).map(Into::into)
}

#[cfg(all(test, feature = "command"))]
mod tests {
    use std::num::{NonZeroU32, NonZeroUsize};

    use super::*;

    #[test]
    fn what_is_out_of_range_is_refused_with_the_range() {
        let error = |result: Result<u64, String>| result.unwrap_err();
        let from_0 = "expected a whole number from 0";
        for text in ["-1", "x", "1.5", ""] {
            assert_eq!(error(number(text)), from_0, "{text}");
        }
        let large = format!("{from_0} to 18446744073709551615");
        assert_eq!(error(number("18446744073709551616")), large);
        assert_eq!(error(number_from_1("0")), from_0.replace("from 0", "from 1"));
        assert_eq!(number_from_1("7"), Ok(7));
        let port = number::<u16>("65536").unwrap_err();
        assert_eq!(port, "expected a whole number from 0 to 65535");
        let positive = number::<NonZeroU32>("0").unwrap_err();
        assert_eq!(positive, "expected a whole number from 1 to 4294967295");
        assert!(number::<NonZeroUsize>("-1").unwrap_err().ends_with(" from 1"));
        let id = number::<i64>("x").unwrap_err();
        assert_eq!(id, format!("expected a whole number from {} to {}", i64::MIN, i64::MAX));
    }
}
