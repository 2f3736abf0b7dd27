//! Foreign text for display: control and invisible characters are escaped.

mod invisible;

use std::fmt::{self, Display};

use invisible::INVISIBLE;

/// Text from an alert, safe for a terminal, on one line, and comparable by eye: bytes that are not UTF-8
/// become U+FFFD; control, bidirectional and zero-width characters are escaped.
///
/// ```
/// use pigear_alert::visible::Visible;
///
/// let text = Visible("a\x1b[31m\u{200b}b\u{202e}c".as_bytes()).to_string();
/// assert_eq!(text, r"a\x1b[31m\u{200b}b\u{202e}c");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Visible<'a>(pub &'a [u8]);

impl Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(self.0).chars().try_for_each(|letter| write_visible(letter, f))
    }
}

/// Writes a character as [`Visible`] does.
///
/// # Errors
/// If it can't be written.
pub fn write_visible(letter: char, to: &mut impl fmt::Write) -> fmt::Result {
    match letter {
        '\0'..='\x1f' | '\x7f' => write!(to, "\\x{:02x}", u32::from(letter)),
        _ if is_visible(letter) => to.write_char(letter),
        _ => write!(to, "{}", letter.escape_unicode()),
    }
}

/// Whether [`Visible`] leaves a character unchanged.
#[must_use]
pub fn is_visible(letter: char) -> bool {
    letter.is_ascii() && !letter.is_ascii_control()
        || !letter.is_control()
            && !matches!(letter, '\u{2028}' | '\u{2029}')
            && !is_invisible(letter)
}

/// Whether a character is invisible by itself.
fn is_invisible(letter: char) -> bool {
    let before = INVISIBLE.partition_point(|&(_, last)| last < letter);
    INVISIBLE.get(before).is_some_and(|&(first, _)| first <= letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_would_see_is_escaped() {
        for letter in
            "\u{ad}\u{34f}\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{fe0f}\u{e0001}\u{e0041}"
                .chars()
        {
            let text = format!("a{letter}b");
            let expected = format!("a{}b", letter.escape_unicode());
            assert_eq!(Visible(text.as_bytes()).to_string(), expected);
        }
    }

    #[test]
    fn letters_of_all_languages_stand_for_themselves() {
        let text = "für 例 हिन्दी עברית e\u{301} 😀 \u{a0}|";
        assert_eq!(Visible(text.as_bytes()).to_string(), text);
    }

    #[test]
    fn the_table_is_unicodes() {
        let unicode = r"^[\p{Default_Ignorable_Code_Point}\p{Cf}]$";
        let unicode = regex::Regex::new(unicode).unwrap();
        for letter in '\0'..=char::MAX {
            let mut text = [0; 4];
            let expected = unicode.is_match(letter.encode_utf8(&mut text));
            assert_eq!(is_invisible(letter), expected, "{}", letter.escape_unicode());
        }
    }
}
