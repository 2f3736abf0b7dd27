//! One alert over the whole screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::areas::{draw_title, split_first, split_last};
use super::text::{put, put_right, wrap_words};
use super::theme::Theme;
use crate::top::detail::{Detail, DetailLine};

const KEYS: [&str; 6] =
    ["Esc back", "j k g G scroll", "e acknowledge", "s star", "c comment", "u undo"];

pub(super) fn draw(buffer: &mut Buffer, area: Rect, detail: &mut Detail, theme: &Theme) {
    let (title, rest) = split_first(area, 1);
    draw_title(buffer, title, &format!(" pigear top  alert {}", detail.id), "", theme);
    let (body, last) = split_last(rest);
    let Some(lines) = detail.lines() else {
        put(buffer, body, &Line::styled(" reading …", theme.dim));
        put(buffer, last, &Line::styled(keys(last.width), theme.dim));
        return;
    };
    let lines = wrapped(lines, usize::from(body.width), theme);
    let count = lines.len();
    let top = detail.fit(count, usize::from(body.height));
    for (row, line) in body.rows().zip(lines.iter().skip(top)) {
        put(buffer, row, line);
    }
    let end = (top + usize::from(body.height)).min(count);
    let place = format!("   lines {} to {end} of {count} ", top + 1);
    let taken = put_right(buffer, last, &Line::styled(place, theme.dim));
    let rest = Rect { width: last.width - taken, ..last };
    put(buffer, rest, &Line::styled(keys(rest.width), theme.dim));
}

/// The keys that there is room for; the help has all.
fn keys(width: u16) -> String {
    let mut keys = String::new();
    for key in KEYS {
        let gap = if keys.is_empty() { " " } else { "  " };
        if keys.len() + gap.len() + key.len() > usize::from(width) {
            break;
        }
        keys.extend([gap, key]);
    }
    keys
}

/// The lines as wide as the screen, with an empty one before each heading.
fn wrapped(lines: &[DetailLine], width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut wrapped = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        match line {
            DetailLine::Heading(heading) => {
                wrapped.extend([Line::raw(""), Line::styled(*heading, theme.heading)]);
            }
            DetailLine::Text(text) => {
                let style = if n == 0 { theme.heading } else { ratatui::style::Style::new() };
                wrapped.extend(
                    wrap_words(text, width, indent(text))
                        .into_iter()
                        .map(|part| Line::styled(part, style)),
                );
            }
        }
    }
    wrapped
}

/// How far the rest of a line is indented that is too long: behind the branch of the tree.
fn indent(line: &str) -> usize {
    line.chars().take_while(|letter| " │├└─".contains(*letter)).count() + 2
}
