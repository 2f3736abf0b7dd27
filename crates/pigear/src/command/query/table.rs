//! Counts, as a table with bars.

use std::fmt::Write;

use crate::store::{Count, CountBy};
use crate::visible::visible;

/// The length of the longest bar, in characters.
const WIDTH: u64 = 40;

/// A line per count: the first ones; of times, the last.
pub(super) fn text(counts: &[Count], by: CountBy, limit: usize) -> String {
    let left_out = counts.len().saturating_sub(limit);
    let shown =
        if by.is_time() { counts.get(left_out..) } else { counts.get(..counts.len() - left_out) };
    let shown = shown.unwrap_or_default();
    let most = shown.iter().map(|count| count.alerts).max().unwrap_or_default().max(1);
    let digits = most.to_string().len();
    let name = |count: &Count| {
        count.what.as_ref().map_or_else(|| "(unknown)".to_owned(), |what| visible(what.as_bytes()))
    };
    let names: Vec<_> = shown.iter().map(name).collect();
    let mut text = String::new();
    for (count, name) in shown.iter().zip(names) {
        let bar = bar(count.alerts, most);
        let width = usize::try_from(WIDTH).unwrap_or_default();
        let line = format!("{:>digits$}  {bar:<width$}  {name}", count.alerts);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if left_out > 0 {
        // Writing to a string can't fail.
        let _ = writeln!(text, "and {left_out} more; --limit shows them");
    }
    text
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
