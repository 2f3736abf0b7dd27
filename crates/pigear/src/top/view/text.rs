//! Text on the screen: cut, aligned and wrapped by its width.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::top::editor::Editor;
use crate::visible::visible;

/// Writes a line into the first row of an area. What doesn't fit is cut, with `…` at its end.
pub(super) fn put(buffer: &mut Buffer, area: Rect, line: &Line<'_>) {
    if area.is_empty() {
        return;
    }
    let (_, end) = (buffer.set_line(area.x, area.y, line, area.width), area.right() - 1);
    if line.width() > usize::from(area.width)
        && let Some(cell) = buffer.cell_mut((end, area.y))
    {
        cell.set_symbol("…");
    }
}

/// Writes a line at the right end of the first row of an area, and returns its width.
pub(super) fn put_right(buffer: &mut Buffer, area: Rect, line: &Line<'_>) -> u16 {
    let width = u16::try_from(line.width()).unwrap_or(u16::MAX).min(area.width);
    put(buffer, Rect { x: area.right() - width, width, ..area }, line);
    width
}

/// Writes a line that is being edited, behind a prompt, and returns where the cursor is.
pub(super) fn put_edited(
    buffer: &mut Buffer,
    row: Rect,
    (prompt, style): (&'static str, Style),
    editor: &Editor,
) -> Position {
    let before = visible(editor.before().as_bytes());
    let text = visible(editor.text().as_bytes());
    // A text that is too wide is moved, so that the cursor stays on the screen.
    let room = usize::from(row.width).saturating_sub(prompt.len() + 1);
    let hidden = width(&before).saturating_sub(room);
    let shown = skip_width(&text, hidden);
    put(buffer, row, &Line::from(vec![Span::styled(prompt, style), Span::raw(shown)]));
    let cursor = prompt.len() + width(&before).min(room);
    Position::new(row.x + u16::try_from(cursor).unwrap_or_default(), row.y)
}

/// The text without its first columns.
fn skip_width(text: &str, columns: usize) -> String {
    let mut skipped = 0;
    let rest = text.chars().skip_while(|letter| {
        let is_hidden = skipped < columns;
        skipped += width(letter.encode_utf8(&mut [0; 4]));
        is_hidden
    });
    rest.collect()
}

/// The width of a text, in columns.
pub(super) fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// The text in lines of at most this width.
pub(super) fn wrap(text: &str, max: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut taken = 0;
    for grapheme in Span::raw(text).styled_graphemes(Style::new()) {
        let width = width(grapheme.symbol);
        if taken + width > max && taken > 0 {
            lines.push(String::new());
            taken = 0;
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(grapheme.symbol);
        }
        taken += width;
    }
    lines
}

/// The text in lines of at most this width, divided between words where that is possible. Lines after the first
/// are indented.
pub(super) fn wrap_words(text: &str, max: usize, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut rest, indent) = (text.to_owned(), indent.min(max / 2));
    while width(&rest) > max {
        let fitting = wrap(&rest, max).swap_remove(0);
        let words = fitting.rfind(' ').filter(|space| width(&fitting[..*space]) > max / 2);
        let line = fitting.get(..words.unwrap_or(fitting.len())).unwrap_or_default();
        let behind = rest.get(line.len()..).unwrap_or_default();
        rest = format!("{:indent$}{}", "", behind.trim_start_matches(' '));
        lines.push(line.to_owned());
    }
    lines.push(rest);
    lines
}

/// A number with commas: `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod text_tests {
    use super::*;

    #[test]
    fn a_text_is_wrapped_by_its_width() {
        assert_eq!(wrap("abcdef", 4), ["abcd", "ef"]);
        assert_eq!(wrap("例例例", 4), ["例例", "例"]);
        assert_eq!(wrap("例", 1), ["例"], "one that fits nowhere is not lost");
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn words_stay_whole_where_that_is_possible() {
        assert_eq!(wrap_words("one two three", 9, 2), ["one two", "  three"]);
        assert_eq!(wrap_words("abcdefghijkl", 5, 1), ["abcde", " fghi", " jkl"]);
        assert_eq!(wrap_words("", 5, 1), [""]);
    }

    #[test]
    fn a_number_has_commas() {
        let numbers = [0, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn what_is_cut_ends_with_dots() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 1));
        put(&mut buffer, Rect::new(0, 0, 4, 1), &Line::raw("abcdef"));
        assert_eq!(buffer, Buffer::with_lines(["abc…  "]));
    }
}
