//! Draws what is on the screen.

mod areas;
mod comment_view;
mod detail_view;
mod filter_view;
mod help_view;
mod lanes_view;
mod list_view;
mod overview;
#[cfg(test)]
pub(super) mod tests;
mod text;
mod theme;

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::app::{App, Mode};
use areas::split_last;
use text::put;
pub(super) use theme::Theme;

use crate::visible::visible;

/// The smallest screen.
const MIN_WIDTH: u16 = 80;
const MIN_HEIGHT: u16 = 24;

/// The keys of the list, in the last line.
const KEYS: &str =
    " q quit  Enter open  / filter  e acknowledge  s star  t period  p pause  ? help";

/// Draws the whole screen.
pub(super) fn draw(frame: &mut Frame<'_>, app: &mut App, theme: &Theme, now: Timestamp) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    app.is_too_small = area.width < MIN_WIDTH || area.height < MIN_HEIGHT;
    if app.is_too_small {
        draw_too_small(buffer, area);
        return;
    }
    let (body, last) = split_last(area);
    if let Mode::Detail(detail) = &mut app.mode {
        detail_view::draw(buffer, area, detail, theme);
        put_note(buffer, last, app.note.as_ref(), theme);
        return;
    }
    if let Mode::Help = app.mode {
        help_view::draw(buffer, area, theme);
        return;
    }
    let mut body = body;
    if let Mode::Filter(line) = &app.mode {
        let (above, bar) = filter_view::split(area, line);
        let cursor = filter_view::draw(buffer, bar, line, theme);
        frame.set_cursor_position(cursor);
        body = above;
    } else if let Mode::Comment(line) = &mut app.mode {
        let (above, bar) = comment_view::split(area);
        let cursor = comment_view::draw(buffer, bar, line, theme);
        if let Some(detail) = &mut line.detail {
            detail_view::draw(buffer, above, detail, theme);
        }
        let is_open = line.detail.is_some();
        frame.set_cursor_position(cursor);
        if is_open {
            return;
        }
        body = above;
    } else {
        put(buffer, last, &Line::styled(KEYS, theme.dim));
        put_note(buffer, last, app.note.as_ref(), theme);
    }
    draw_main(frame.buffer_mut(), body, app, theme, now);
}

/// What became of the last key, over the keys.
fn put_note(buffer: &mut Buffer, row: Rect, note: Option<&Result<String, String>>, theme: &Theme) {
    let (text, style) = match note {
        None => return,
        Some(Ok(text)) => (text, theme.notice),
        Some(Err(text)) => (text, theme.alarm),
    };
    put(buffer, row, &Line::raw(" ".repeat(usize::from(row.width))));
    put(buffer, row, &Line::styled(format!(" {}", visible(text.as_bytes())), style));
}

/// Everything but the last line.
fn draw_main(buffer: &mut Buffer, area: Rect, app: &mut App, theme: &Theme, now: Timestamp) {
    let rest = overview::draw(buffer, area, app, theme, now);
    let rest = lanes_view::draw(buffer, rest, &app.lanes, theme);
    list_view::draw(buffer, rest, app, theme, now);
}

fn draw_too_small(buffer: &mut Buffer, area: Rect) {
    let Rect { width, height, .. } = area;
    let lines = [
        format!("This terminal has {width} columns and {height} rows."),
        format!("pigear top needs {MIN_WIDTH} columns and {MIN_HEIGHT} rows."),
        "q quits.".to_owned(),
    ];
    for (row, text) in area.rows().zip(lines) {
        put(buffer, row, &Line::raw(text));
    }
}
