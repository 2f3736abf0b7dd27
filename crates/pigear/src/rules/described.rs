//! A rule as text, for a terminal.

use std::fmt::Write;

use pigear_alert::{Alert, maps, plural};

use super::content::Content;
use super::rule_set::{FoundRule, OtherRule, RuleSet};

/// The most places of a content that are listed.
const MAX_LISTED: usize = 5;

impl RuleSet {
    /// The rule of an alert as lines of text, or that there is none; see [`FoundRule::describe`].
    #[must_use]
    pub fn describe(&self, alert: &Alert) -> String {
        let (gid, sid) = (alert.message.sig_generator, alert.message.sig_id);
        let none = || {
            format!("there is no rule {gid}:{sid} among {}\n", plural::count(self.len(), "rule"))
        };
        self.of(alert).map_or_else(none, |found| found.describe(alert))
    }
}

impl FoundRule {
    /// The rule as lines of text: its own text, where it stands, what should be known about that, and where
    /// its contents are in the alert's packet. Control characters in it are not escaped.
    #[must_use]
    pub fn describe(&self, alert: &Alert) -> String {
        let text = maps::text(&self.text);
        let disabled = if self.is_enabled { "" } else { ", commented out" };
        let mut lines = format!("{text}\n{}{disabled}\n", self.place);
        if let Some(rev) = self.other_rev(alert) {
            let sent = alert.message.sig_rev;
            let _ = writeln!(lines, "revision {rev}, but the alert has revision {sent}");
        }
        for OtherRule { place, rev, is_enabled } in &self.others {
            let disabled = if *is_enabled { "" } else { ", commented out" };
            let rev = rev.unwrap_or_default();
            let _ = writeln!(lines, "another with the same id, revision {rev}: {place}{disabled}");
        }
        for found in self.rule.find_in(alert) {
            let Some(content) = self.rule.contents.get(found.content) else { continue };
            let ranges = found.ranges.iter().take(MAX_LISTED);
            let places = ranges.map(|range| format!("[{}..{}]", range.start, range.end));
            let mut places = places.collect::<Vec<_>>().join(" ");
            match found.ranges.len().saturating_sub(MAX_LISTED) {
                0 if places.is_empty() => places.push_str("not found in the packet"),
                0 => {}
                _ if found.has_more => places.push_str(" and many more"),
                more => {
                    let _ = write!(places, " and {more} more");
                }
            }
            let _ = writeln!(lines, "content {}: {places}", written(content));
        }
        lines
    }
}

/// A content as a rule has it, with other bytes than printable ASCII in hexadecimal.
fn written(content: &Content) -> String {
    let (mut text, mut is_hex) = ("\"".to_owned(), false);
    for &byte in &content.bytes {
        let is_text = matches!(byte, b' '..=b'~') && !b"\"\\|;:".contains(&byte);
        match (is_hex, is_text) {
            (false, false) | (true, true) => text.push('|'),
            (true, false) => text.push(' '),
            (false, true) => {}
        }
        is_hex = !is_text;
        if is_text {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "{byte:02X}");
        }
    }
    text + if is_hex { "|\"" } else { "\"" }
}
