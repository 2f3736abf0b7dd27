//! Priorities, as numbers and in words.

use crate::keys::number;

/// What priorities are called, from 0 on. An alert without a priority has 0, in Snort and as a criterion.
const WORDS: [&str; 5] = ["unknown", "high", "medium", "low", "very low"];

/// The priority of a number or a word, such as `2`, `high` or `very-low`.
pub(super) fn priority(text: &str) -> Result<u32, String> {
    let text = text.trim();
    let word = text.to_lowercase().replace(['-', '_'], " ");
    match (0..).zip(WORDS).find(|(_, known)| *known == word) {
        Some((number, _)) => Ok(number),
        None if text.starts_with(|first: char| first.is_ascii_digit()) => number(text),
        None => Err(format!("expected a number, or {}", WORDS.map(hyphened).join(", "))),
    }
}

/// As it is written on a command line.
fn hyphened(word: &str) -> String {
    word.replace(' ', "-")
}

/// A priority as a number, with its word if it has one.
#[cfg(feature = "command")]
pub(crate) fn priority_with_word(number: &str) -> String {
    let word = number.parse().ok().and_then(|at: usize| WORDS.get(at));
    word.map_or_else(|| number.to_owned(), |word| format!("{number} ({word})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_is_a_number_or_a_word() {
        for (text, expected) in [
            ("1", 1),
            (" 2 ", 2),
            ("0", 0),
            ("17", 17),
            ("high", 1),
            ("Medium", 2),
            ("LOW", 3),
            ("very low", 4),
            ("very-low", 4),
            ("very_low", 4),
            ("unknown", 0),
        ] {
            assert_eq!(priority(text), Ok(expected), "{text}");
        }
        let words = "expected a number, or unknown, high, medium, low, very-low";
        for text in ["urgent", "", "-1", "high1"] {
            assert_eq!(priority(text).unwrap_err(), words, "{text}");
        }
        let range = "expected a whole number from 0 to 4294967295";
        assert_eq!(priority("4294967296").unwrap_err(), range);
    }

    #[cfg(feature = "command")]
    #[test]
    fn a_priority_has_its_word_beside_it() {
        for (number, expected) in [("0", "0 (unknown)"), ("4", "4 (very low)"), ("5", "5")] {
            assert_eq!(priority_with_word(number), expected);
        }
    }
}
