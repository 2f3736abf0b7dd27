//! Foreign text for people: in comments, in the log, in environment variables.

use std::fmt::Write;

/// The text on one line, fit for a terminal: bytes that are not UTF-8 become U+FFFD, and control
/// characters and those that turn the direction of writing become escapes, as in the format `fast`.
#[must_use]
pub fn visible(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for letter in String::from_utf8_lossy(bytes).chars() {
        if letter.is_ascii_control() {
            // Writing to a `String` can't fail.
            let _ = write!(text, "\\x{:02x}", u32::from(letter));
        } else if is_unsafe(letter) {
            text.extend(letter.escape_unicode());
        } else {
            text.push(letter);
        }
    }
    text
}

/// Whether a character steers a terminal, breaks lines, or reorders the characters around it.
fn is_unsafe(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{61c}')
}

/// The text cut to so many bytes at most, between two characters.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    let ends = (0..=max.min(text.len())).rev();
    { ends }.find_map(|end| text.get(..end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_escaped() {
        let text = visible(b"a\"b\n\x1b[31m %s <script> \xff \xe2\x80\xae\x00\xc3\xbc");
        assert_eq!(text, "a\"b\\x0a\\x1b[31m %s <script> \u{fffd} \\u{202e}\\x00\u{fc}");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("für", 2), "f");
        assert_eq!(cut("für", 3), "fü");
        assert_eq!(cut("für", 9), "für");
    }
}
