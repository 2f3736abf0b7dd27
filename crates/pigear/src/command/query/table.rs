//! Counts, as a table with bars.

use std::fmt::{Display, Write};

use jiff::tz::TimeZone;

use crate::store::{Count, CountBy, NO_CLASS, priority_with_word};
use crate::visible::visible;

/// The length of the longest bar, in characters.
const WIDTH: u64 = 40;

/// A header, a line per count, and the total. Of many counts the first ones are shown; of times, the last.
pub(super) fn text(counts: &[Count], by: CountBy, limit: usize, zone: Option<&TimeZone>) -> String {
    let left_out = counts.len().saturating_sub(limit);
    let shown = shown(counts, by, limit);
    let total: u64 = counts.iter().map(|count| count.alerts).sum();
    let most = shown.iter().map(|count| count.alerts).max().unwrap_or_default().max(1);
    let digits = total.to_string().len().max("alerts".len());
    let mut text = String::new();
    let mut line = |number: &dyn Display, bar: &str, name: &str| {
        let width = usize::try_from(WIDTH).unwrap_or_default();
        let line = format!("{number:>digits$}  {bar:<width$}  {name}");
        text.push_str(line.trim_end());
        text.push('\n');
    };
    line(&"alerts", "", &title(by, zone));
    for count in shown {
        line(&count.alerts, &bar(count.alerts, most), &name(count, by));
    }
    line(&total, "", "total");
    if left_out > 0 {
        // Writing to a string can't fail.
        let _ = writeln!(text, "and {left_out} more; --limit {} shows all", counts.len());
    }
    text
}

/// The first counts; of times, the last.
pub(super) fn shown(counts: &[Count], by: CountBy, limit: usize) -> &[Count] {
    let left_out = counts.len().saturating_sub(limit);
    let shown =
        if by.is_time() { counts.get(left_out..) } else { counts.get(..counts.len() - left_out) };
    shown.unwrap_or_default()
}

/// What is counted. What alerts don't have is called as the criterion is written, where there is one.
fn name(count: &Count, by: CountBy) -> String {
    match (by, count.what.as_deref()) {
        (CountBy::Priority, what) => priority_with_word(what.unwrap_or("0")),
        (CountBy::Class, None) => NO_CLASS.to_owned(),
        (_, None) => "(unknown)".to_owned(),
        (_, Some(what)) => visible(what.as_bytes()),
    }
}

/// What is counted by.
fn title(by: CountBy, zone: Option<&TimeZone>) -> String {
    let zone = || match zone {
        None => "UTC",
        Some(zone) => zone.iana_name().unwrap_or("local time"),
    };
    match by {
        CountBy::Sid => "signature".to_owned(),
        CountBy::Src => "source".to_owned(),
        CountBy::Dst => "destination".to_owned(),
        CountBy::Proto => "protocol".to_owned(),
        CountBy::Port => "destination port".to_owned(),
        CountBy::Hour | CountBy::Day => format!("{by} ({})", zone()),
        _ => by.to_string(),
    }
}

/// A bar in eighths of characters; a count above 0 is always visible.
fn bar(n: u64, most: u64) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = u128::from(n) * u128::from(WIDTH) * 8 / u128::from(most);
    let eighths = usize::try_from(eighths).unwrap_or_default().max(usize::from(n > 0));
    let rest = PARTS.get(eighths % 8).copied().unwrap_or_default();
    format!("{}{rest}", "█".repeat(eighths / 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_counts_are_large() {
        assert_eq!(bar(40, 40).chars().count(), 40);
        assert_eq!(bar(20, 40), "█".repeat(20));
        assert_eq!((bar(1, 1_000_000), bar(0, 7)), ("▏".to_owned(), String::new()));
        assert_eq!(bar(u64::MAX, u64::MAX).chars().count(), 40);
    }
}
