//! The keys.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::areas::{draw_title, split_first, split_last};
use super::text::put;
use super::theme::Theme;

const KEYS: [(&str, &str); 17] = [
    ("j k, arrows", "move by one alert, or scroll by one line"),
    ("PgUp PgDn", "move by a screen; Space and Ctrl-F, Ctrl-B do the same"),
    ("g G", "move to the newest, or to the oldest that is listed"),
    ("Enter", "open the selected alert: its fields, headers and bytes"),
    ("Esc", "go back"),
    ("/", "edit the filter, such as msg.priority <= 2; none shows all"),
    ("e, a", "acknowledge the alert, or take that back"),
    ("s", "star the alert, or take that back"),
    ("c", "comment on the alert"),
    ("u", "undo what was last done with e, a, s or c"),
    ("h", "hide acknowledged alerts, and show them again"),
    ("t T", "count over a longer, or a shorter, period"),
    ("p", "pause the list, and go on"),
    ("Ctrl-L", "draw the screen again"),
    ("Ctrl-Z", "stop for a while; fg goes on"),
    ("q, Ctrl-C", "quit"),
    ("", "pigear help fields lists all fields of filters."),
];

const NOTES: [&str; 3] = [
    "Rates: by receipt; counts: by packet time. * is a star, + means acknowledged.",
    "The list follows while the first is selected; older ones are added at its end.",
    "Lanes are handlers: what waits, and was refused (pigear query --dead-letters).",
];

pub(super) fn draw(buffer: &mut Buffer, area: Rect, theme: &Theme) {
    let (title, rest) = split_first(area, 1);
    draw_title(buffer, title, " pigear top  help", "", theme);
    let (rest, last) = split_last(rest);
    put(buffer, last, &Line::styled(" any key goes back", theme.dim));
    let (_, rest) = split_first(rest, 1);
    let keys = KEYS.map(|(key, what)| {
        Line::from(vec![Span::styled(format!(" {key:<14}"), theme.heading), Span::raw(what)])
    });
    let notes = NOTES.map(|note| Line::raw(format!(" {note}")));
    let lines = keys.into_iter().chain([Line::raw("")]).chain(notes);
    for (row, line) in rest.rows().zip(lines) {
        put(buffer, row, &line);
    }
}
