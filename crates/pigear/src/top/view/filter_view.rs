//! The filter that is being edited, with what is wrong with it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::areas::{split_first, split_last};
use super::text::{put, put_edited, wrap};
use super::theme::Theme;
use crate::top::app::FilterLine;

const PROMPT: &str = " filter: ";

const KEYS: &str = " Enter applies it, Esc leaves it as it was; an empty one shows all alerts";

/// The most lines of an error.
const MAX_PROBLEM: usize = 8;

/// The area above the filter, and that of the filter.
pub(super) fn split(area: Rect, line: &FilterLine) -> (Rect, Rect) {
    let height = problem(line, area.width).len() + 2;
    let height = u16::try_from(height).unwrap_or(u16::MAX);
    split_first(area, area.height.saturating_sub(height))
}

/// Draws over the whole area, and returns where the cursor is.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, line: &FilterLine, theme: &Theme) -> Position {
    let (above, input) = split_last(area);
    let problem = problem(line, area.width);
    for (row, text) in above.rows().zip(&problem) {
        put(buffer, row, &Line::styled(text.clone(), theme.alarm));
    }
    let (_, keys) = split_last(above);
    put(buffer, keys, &Line::styled(KEYS, theme.dim));
    put_edited(buffer, input, (PROMPT, theme.heading), &line.editor)
}

/// What is wrong, with the place, in lines that fit.
fn problem(line: &FilterLine, width: u16) -> Vec<String> {
    let Some(problem) = &line.problem else { return Vec::new() };
    let text = problem.to_string();
    let lines = text.lines().flat_map(|line| wrap(line, usize::from(width).saturating_sub(1)));
    lines.take(MAX_PROBLEM).map(|line| format!(" {line}")).collect()
}
