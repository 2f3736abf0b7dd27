//! Parts of the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::text::{put, put_right};
use super::theme::Theme;

/// The area without its last line, and that line.
pub(super) fn split_last(area: Rect) -> (Rect, Rect) {
    let height = area.height.saturating_sub(1);
    (Rect { height, ..area }, Rect { y: area.y + height, height: area.height - height, ..area })
}

/// The first lines of an area, and the rest.
pub(super) fn split_first(area: Rect, lines: u16) -> (Rect, Rect) {
    let lines = lines.min(area.height);
    let rest = Rect { y: area.y + lines, height: area.height - lines, ..area };
    (Rect { height: lines, ..area }, rest)
}

/// A title over the whole width, with something at its right end.
pub(super) fn draw_title(buffer: &mut Buffer, row: Rect, left: &str, right: &str, theme: &Theme) {
    buffer.set_style(row, theme.title);
    let taken = put_right(buffer, row, &Line::styled(right.to_owned(), theme.title));
    let width = row.width.saturating_sub(taken + 1);
    put(buffer, Rect { width, ..row }, &Line::styled(left.to_owned(), theme.title));
}
