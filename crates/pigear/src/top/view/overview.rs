//! The store, the rates, and the largest counts.

use bytesize::ByteSize;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Sparkline, Widget};

use super::areas::{draw_title, split_first};
use super::text::{grouped, put, put_right};
use super::theme::Theme;
use crate::store::Count;
use crate::top::app::App;
use crate::top::message::CountsUpdate;
use crate::visible::visible;

/// The height of the sparkline.
const BARS_HEIGHT: u16 = 2;

/// The heights of a bar of the sparkline that can be told apart.
const BAR_STEPS: u64 = 8 * BARS_HEIGHT as u64;

/// Draws into the upper part of the area, and returns the rest.
pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    app: &App,
    theme: &Theme,
    now: Timestamp,
) -> Rect {
    let tops = (area.height.saturating_sub(8) / 3).clamp(3, 12);
    let (title, rest) = split_first(area, 1);
    let contents = app.counts.as_ref().and_then(|counts| counts.contents);
    let alerts = contents.map(|contents| match contents.alerts {
        1 => "1 alert".to_owned(),
        n => format!("{} alerts", grouped(n)),
    });
    let size = app.size.map(|size| ByteSize::b(size).display().iec().to_string());
    let right: Vec<_> = alerts.into_iter().chain(size).collect();
    let path = visible(app.path().as_os_str().as_encoded_bytes());
    draw_title(
        buffer,
        title,
        &format!(" pigear top  {path}"),
        &format!("{} ", right.join("  ")),
        theme,
    );
    let (row, rest) = split_first(rest, 1);
    draw_state(buffer, row, app, theme);
    let (rows, rest) = split_first(rest, BARS_HEIGHT);
    draw_rates(buffer, rows, app, theme, now);
    let (rows, rest) = split_first(rest, 1 + tops);
    let period = app.wanted.period.name();
    let left = Rect { width: rows.width * 3 / 5, ..rows };
    let right = Rect { x: left.right() + 1, width: rows.width - left.width - 1, ..rows };
    let counts = app.counts.as_ref();
    let counted = counts.filter(|counts| counts.period == app.wanted.period);
    let title = format!("top signatures, {period}");
    draw_counts(buffer, left, &title, counted.map(|counts| &*counts.signatures), theme);
    draw_counts(buffer, right, "top sources", counted.map(|counts| &*counts.sources), theme);
    rest
}

/// When the stored alerts are from, or what is wrong with the store.
fn draw_state(buffer: &mut Buffer, row: Rect, app: &App, theme: &Theme) {
    if let Some(problem) = &app.problem {
        let problem = visible(problem.as_bytes());
        let text = format!(" cannot read the store: {problem}; waiting for it");
        put(buffer, row, &Line::styled(text, theme.alarm));
        return;
    }
    let Some(counts) = &app.counts else { return };
    let text = match counts.contents {
        None => " the store is empty".to_owned(),
        Some(contents) => {
            let zone = &app.wanted.zone;
            let (first, last) = (time(contents.first, zone), time(contents.last, zone));
            format!(" stored alerts span from {first} to {last}")
        }
    };
    put(buffer, row, &Line::styled(text, theme.dim));
}

fn time(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%:z").to_string()
}

/// The rates, and how many alerts there are of when.
fn draw_rates(buffer: &mut Buffer, rows: Rect, app: &App, theme: &Theme, now: Timestamp) {
    let now = now.as_second();
    let (per_second, last_minute) = (app.rate.per_second(now), app.rate.last_minute(now));
    let lines =
        [format!("{per_second:>7.1} a second"), format!("{:>7} a minute", grouped(last_minute))];
    for (row, text) in rows.rows().zip(lines) {
        put(buffer, row, &Line::styled(text, theme.heading));
    }
    let Some(counts) = &app.counts else { return };
    let bars = bars(counts);
    let width = u16::try_from(bars.len()).unwrap_or(u16::MAX).min(rows.width.saturating_sub(20));
    let area = Rect { x: rows.right() - width, width, ..rows };
    // The newest ones, if not all fit.
    let first = bars.len().saturating_sub(usize::from(width));
    let shown = bars.get(first..).unwrap_or_default();
    Sparkline::default().data(shown).max(BAR_STEPS).style(theme.bars).render(area, buffer);
    let caption =
        format!("alerts, {}, each bar {}", counts.period.name(), span(counts.timeline.step));
    let left = Rect { x: rows.x + 20, width: rows.width.saturating_sub(20 + width + 1), ..rows };
    if usize::from(left.width) > caption.len() {
        put_right(buffer, left, &Line::styled(caption, theme.dim));
    }
}

/// The heights of the bars, in steps. What is above 0 is always visible.
fn bars(counts: &CountsUpdate) -> Vec<u64> {
    let most = counts.timeline.counts.iter().copied().max().unwrap_or_default().max(1);
    let bar = |count: &u64| {
        let steps = u128::from(*count) * u128::from(BAR_STEPS) / u128::from(most);
        u64::try_from(steps).unwrap_or(BAR_STEPS).max(u64::from(*count > 0))
    };
    counts.timeline.counts.iter().map(bar).collect()
}

/// A number of seconds, in the largest unit that shows it to a digit.
fn span(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A heading, and below it a line per count; `None` while they are being counted.
fn draw_counts(
    buffer: &mut Buffer,
    area: Rect,
    title: &str,
    counts: Option<&[Count]>,
    theme: &Theme,
) {
    let (heading, rest) = split_first(area, 1);
    put(buffer, heading, &Line::styled(format!(" {title}"), theme.heading));
    let Some(counts) = counts else {
        put(buffer, rest, &Line::styled(" counting …", theme.dim));
        return;
    };
    if counts.is_empty() {
        put(buffer, rest, &Line::styled(" none", theme.dim));
    }
    for (row, Count { what, alerts, .. }) in rest.rows().zip(counts) {
        let name = what.as_ref().map_or("(unknown)".to_owned(), |what| visible(what.as_bytes()));
        let number = format!("{:>9}", grouped(*alerts));
        put(buffer, row, &Line::from(vec![Span::raw(number), Span::raw("  "), Span::raw(name)]));
    }
}
