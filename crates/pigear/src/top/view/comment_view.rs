//! The comment that is being written.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::areas::{split_first, split_last};
use super::text::{put, put_edited};
use super::theme::Theme;
use crate::top::app::CommentLine;

/// The area above the comment, and that of the comment.
pub(super) fn split(area: Rect) -> (Rect, Rect) {
    split_first(area, area.height.saturating_sub(2))
}

/// Draws over the whole area, and returns where the cursor is.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, line: &CommentLine, theme: &Theme) -> Position {
    let (keys, input) = split_last(area);
    let text = format!(" Enter adds it to alert {}, Esc does not", line.alert);
    put(buffer, keys, &Line::styled(text, theme.dim));
    put_edited(buffer, input, (" comment: ", theme.heading), &line.editor)
}
