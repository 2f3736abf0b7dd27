//! Foreign text, escaped for display: in comments, in the log, in environment variables.

use pigear_alert::visible::Visible;

/// The text on one line, safe for a terminal and comparable by eye: bytes that are not UTF-8 become
/// U+FFFD; control, bidirectional and zero-width characters are escaped, as in the format `fast`.
#[must_use]
pub fn visible(bytes: &[u8]) -> String {
    Visible(bytes).to_string()
}

/// The same for text of several lines, which are kept. A line that is too long loses its middle.
#[cfg(feature = "command")]
pub(crate) fn visible_lines(text: &str) -> String {
    let lines = text.split('\n').map(|line| shortened(&visible(line.as_bytes())));
    lines.collect::<Vec<_>>().join("\n")
}

/// The maximum length of a line of an error, in bytes; half of it is its start and half its end.
#[cfg(feature = "command")]
const MAX_LINE: usize = 2_048;

#[cfg(feature = "command")]
fn shortened(line: &str) -> String {
    if line.len() <= MAX_LINE {
        return line.to_owned();
    }
    let begin = cut(line, MAX_LINE / 2);
    let end = (line.len() - MAX_LINE / 2..).find_map(|start| line.get(start..)).unwrap_or_default();
    format!("{begin} … ({} bytes left out) … {end}", line.len() - begin.len() - end.len())
}

/// The text truncated to at most this many bytes, between two characters.
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

    #[cfg(feature = "command")]
    #[test]
    fn a_long_line_is_shown_without_its_middle() {
        let text = format!("error: {}\nhint: \u{202e}", "ü".repeat(4_000));
        let shown = visible_lines(&text);
        let (first, second) = shown.split_once('\n').unwrap();
        assert_eq!(second, r"hint: \u{202e}");
        assert!(first.starts_with("error: üü") && first.ends_with("üü"), "{first}");
        assert!(first.contains(" … (5960 bytes left out) … "), "{first}");
        assert!(first.len() < MAX_LINE + 50);
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("für", 2), "f");
        assert_eq!(cut("für", 3), "fü");
        assert_eq!(cut("für", 9), "für");
    }
}
