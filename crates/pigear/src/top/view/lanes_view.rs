//! The durable lanes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::areas::split_first;
use super::text::{grouped, put};
use super::theme::Theme;
use crate::store::LaneState;
use crate::visible::visible;

/// Draws into the upper part of the area, and returns the rest: all of it if there are no lanes.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, lanes: &[LaneState], theme: &Theme) -> Rect {
    if lanes.is_empty() {
        return area;
    }
    let most = usize::from((area.height / 4).max(3));
    let shown = if lanes.len() > most { most - 1 } else { lanes.len() };
    let height = 1 + lanes.len().min(most);
    let (part, rest) = split_first(area, u16::try_from(height).unwrap_or(u16::MAX));
    let (heading, rows) = split_first(part, 1);
    let text = format!(" {:<24} {:>12} {:>14}", "lanes", "waiting", "dead letters");
    put(buffer, heading, &Line::styled(text, theme.heading));
    let mut rows = rows.rows();
    // Those that need attention come first.
    let mut sorted: Vec<_> = lanes.iter().collect();
    sorted.sort_by_key(|lane| std::cmp::Reverse((lane.dead_letters > 0, lane.lag)));
    for (lane, row) in sorted.iter().take(shown).zip(rows.by_ref()) {
        put(buffer, row, &line(lane, theme));
    }
    if let Some(row) = rows.next() {
        let text = format!(" and {} more: pigear lanes lists all", lanes.len() - shown);
        put(buffer, row, &Line::styled(text, theme.dim));
    }
    rest
}

fn line(lane: &LaneState, theme: &Theme) -> Line<'static> {
    let name = visible(lane.name.as_bytes());
    let target = lane.target.as_ref().map(|target| visible(target.as_bytes())).unwrap_or_default();
    let letters = format!(" {:>14}", grouped(lane.dead_letters));
    let letters =
        if lane.dead_letters > 0 { Span::styled(letters, theme.alarm) } else { Span::raw(letters) };
    Line::from(vec![
        Span::raw(format!(" {name:<24} {:>12}", grouped(lane.lag))),
        letters,
        Span::styled(format!("  {target}"), theme.dim),
    ])
}
