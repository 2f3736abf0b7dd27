//! The newest alerts.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::areas::split_first;
use super::text::{grouped, put, width};
use super::theme::Theme;
use crate::top::app::App;
use crate::top::entry::Entry;
use crate::top::list::MAX_LISTED;
use crate::visible::visible;

/// From this width on there is room for dates, ports and the numbers of rules.
const WIDE: u16 = 110;

/// Draws over the whole area.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &mut App, theme: &Theme, now: Timestamp) {
    let mut area = area;
    let mut row = || {
        let (row, rest) = split_first(area, 1);
        area = rest;
        row
    };
    for text in conditions(app) {
        put(buffer, row(), &Line::styled(text, theme.notice));
    }
    put(buffer, row(), &heading(app, theme));
    app.list.set_height(usize::from(area.height));
    if app.list.is_empty() {
        let text = match (app.is_searching, app.wanted.is_everything()) {
            (true, _) => " searching …",
            (false, true) => " no alerts yet",
            (false, false) => " no stored alert meets all conditions",
        };
        put(buffer, area, &Line::styled(text, theme.dim));
    }
    let columns = Columns { width: area.width, zone: &app.wanted.zone, now };
    for (row, (entry, is_selected)) in area.rows().zip(app.list.visible()) {
        put(buffer, row, &columns.line(entry, theme));
        if is_selected {
            buffer.set_style(row, theme.selected);
        }
    }
}

/// Which alerts are shown, if not all, and whether the filter failed.
fn conditions(app: &App) -> Vec<String> {
    let wanted = &app.wanted;
    let filter =
        wanted.filter.as_ref().map(|filter| format!("filter {}", visible(filter.as_bytes())));
    let options = Some(wanted.options()).filter(|options| !options.is_empty());
    let options = options.map(|options| visible(options.as_bytes()));
    let parts: Vec<_> = filter.into_iter().chain(options).collect();
    let hidden =
        wanted.hides_acknowledged.then(|| " acknowledged alerts are hidden (h)".to_owned());
    let only = (!parts.is_empty()).then(|| format!(" only: {}", parts.join("   ")));
    let failed = app.failures().map(|(count, why)| {
        let alerts = match count {
            1 => "1 alert, which is left out".to_owned(),
            n => format!("{} alerts, which are left out", grouped(n)),
        };
        format!(" the filter failed for {alerts}: {}", visible(why.as_bytes()))
    });
    only.into_iter().chain(hidden).chain(failed).collect()
}

fn heading(app: &App, theme: &Theme) -> Line<'static> {
    let mut spans = vec![Span::styled(" alerts, newest first", theme.heading)];
    if app.list.is_paused() {
        spans.push(Span::styled("   paused", theme.notice));
    }
    if app.list.unseen() > 0 {
        spans.push(Span::styled(format!("   {} new", grouped(app.list.unseen())), theme.notice));
    }
    if app.list.is_full() {
        let text = format!("   the newest {} that meet all conditions", grouped(MAX_LISTED as u64));
        spans.push(Span::styled(text, theme.notice));
    }
    if app.is_searching && !app.list.is_empty() {
        spans.push(Span::styled("   searching …", theme.dim));
    }
    Line::from(spans)
}

/// How alerts are laid out.
struct Columns<'a> {
    width: u16,
    zone: &'a TimeZone,
    now: Timestamp,
}

impl Columns<'_> {
    fn line(&self, entry: &Entry, theme: &Theme) -> Line<'static> {
        let is_wide = self.width >= WIDE;
        let marks = entry.marks;
        let star = if marks.is_starred { '*' } else { ' ' };
        let done = if marks.is_acknowledged { '+' } else { ' ' };
        let severity = format!("{star}{:<10}{done}", entry.severity());
        let time = self.time(entry.time, is_wide);
        let rule = if is_wide { format!("[{}] ", entry.rule) } else { String::new() };
        let (message, behind) = named(entry);
        let taken = severity.len() + time.len() + rule.len() + 1;
        let room = usize::from(self.width).saturating_sub(taken);
        let ends = fitting(&entry.ends(is_wide), room * 2 / 3);
        let room_of_name = room.saturating_sub(width(&ends) + 2);
        let message = fitting(&message, room_of_name.saturating_sub(width(&behind)));
        let name = fitting(&format!("{message}{behind}"), room_of_name);
        let gap = " ".repeat(room.saturating_sub(width(&name) + width(&ends)));
        Line::from(vec![
            Span::styled(severity, theme.priority(entry.priority)),
            Span::styled(time, theme.dim),
            Span::styled(rule, theme.dim),
            if marks.is_acknowledged { Span::styled(name, theme.dim) } else { Span::raw(name) },
            Span::raw(gap),
            Span::styled(ends, theme.address),
        ])
    }

    /// The time; on a narrow screen the date instead of the seconds, unless it is today's.
    fn time(&self, time: Timestamp, is_wide: bool) -> String {
        let zoned = time.to_zoned_datetime(self.zone.clone());
        let today = self.now.to_zoned_datetime(self.zone.clone()).date();
        let form = match is_wide {
            true => "%Y-%m-%d %H:%M:%S ",
            false if zoned.date() == today => "%H:%M:%S    ",
            false => "%m-%d %H:%M ",
        };
        zoned.strftime(form).to_string()
    }
}

/// What an alert is called, and the numbers behind that, which stay where there is little room.
fn named(entry: &Entry) -> (String, String) {
    let name = match entry.message.as_str() {
        "" => format!("[{}]", entry.rule),
        message => message.to_owned(),
    };
    let alike = entry.count.map(|count| format!(" ({count} alike)"));
    let comments = match entry.marks.comments {
        0 => None,
        1 => Some(" (1 comment)".to_owned()),
        many => Some(format!(" ({many} comments)")),
    };
    (name, alike.into_iter().chain(comments).collect())
}

/// The text, cut to a width with `…` at its end.
fn fitting(text: &str, max: usize) -> String {
    if width(text) <= max {
        return text.to_owned();
    }
    let mut cut = super::text::wrap(text, max.saturating_sub(1)).swap_remove(0);
    cut.push('…');
    if width(&cut) > max { String::new() } else { cut }
}
