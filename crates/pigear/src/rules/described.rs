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
        if self.more_others > 0 {
            let _ = writeln!(lines, "and {} more with the same id", self.more_others);
        }
        lines.push_str(&self.contents_in(alert));
        lines
    }

    fn contents_in(&self, alert: &Alert) -> String {
        let place = match alert.inspected() {
            Some(_) => "the part of the stream that Snort inspected",
            None if alert.message.has_packet() => "the packet",
            None => return "the alert has no packet\n".to_owned(),
        };
        let mut lines = String::new();
        for found in self.rule.find_in(alert) {
            let Some(content) = self.rule.contents.get(found.content) else { continue };
            let ranges = found.ranges.iter().take(MAX_LISTED);
            let places = ranges.map(|range| format!("[{}..{}]", range.start, range.end));
            let places = places.collect::<Vec<_>>().join(" ");
            let more = match found.ranges.len().saturating_sub(MAX_LISTED) {
                0 if places.is_empty() => "not found".to_owned(),
                0 => String::new(),
                _ if found.has_more => " and many more".to_owned(),
                more => format!(" and {more} more"),
            };
            let content = written(content);
            let _ = writeln!(lines, "content {content}: {places}{more} in {place}");
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pigear_alert::maps::Names;
    use pigear_alert::wire::{Decoder, Dialect, encode};
    use pigear_alert::{AlertMessage, Origin};

    use super::super::problem::Place;
    use super::*;

    /// An alert of the signature 7 with this packet.
    fn alert(packet: &[u8]) -> Alert {
        let mut message = AlertMessage::default();
        (message.sig_generator, message.sig_id, message.sig_rev) = (1, 7, 2);
        message.pkt = packet.into();
        message.caplen = u32::try_from(packet.len()).unwrap();
        let decoded = Decoder::default().decode(&encode(&message, Dialect::Snort3)).unwrap();
        Alert::new(decoded, Arc::new(Origin::default()), Arc::new(Names::default()))
    }

    fn described(options: &str, packet: &[u8]) -> String {
        let mut set = RuleSet::default();
        let text = format!("alert tcp ({options} sid:7; rev:2;)");
        let place = |line| Place { file: std::path::Path::new("a.rules").into(), line };
        set.add(b"alert tcp (sid:7; rev:1;)".to_vec(), place(1), true);
        set.add(text.clone().into_bytes(), place(2), true);
        let lines = set.describe(&alert(packet));
        let lines = lines.strip_prefix(&format!("{text}\na.rules:2\n")).unwrap();
        lines.strip_prefix("another with the same id, revision 1: a.rules:1\n").unwrap().to_owned()
    }

    #[test]
    fn contents_are_shown_with_their_places() {
        let contents = r#"content:"ab|00 ff|c;"; content:"|20|x|5c|"; content:"z"; content:!"q";"#;
        assert_eq!(
            described(contents, b"ab\x00\xffc;zzzzzzz"),
            "content \"ab|00 FF|c|3B|\": [0..6] in the packet\ncontent \" x|5C|\": not found in the \
             packet\ncontent \"z\": [6..7] [7..8] [8..9] [9..10] [10..11] and 2 more in the packet\n"
        );
    }

    #[test]
    fn of_many_rules_with_the_same_id_some_are_listed() {
        let mut set = RuleSet::default();
        let place = Place { file: std::path::Path::new("a.rules").into(), line: 1 };
        for _ in 0..30 {
            set.add(b"alert tcp (sid:7; rev:1;)".to_vec(), place.clone(), true);
        }
        let lines = set.describe(&alert(b""));
        assert_eq!(lines.matches("another with the same id").count(), 20);
        assert!(lines.contains(": a.rules:1\nand 9 more with the same id\n"), "{lines}");
    }

    #[test]
    fn an_alert_without_a_packet_has_no_places() {
        assert_eq!(described(r#"content:"a";"#, b""), "the alert has no packet\n");
    }

    #[test]
    fn an_alert_without_a_rule_has_none() {
        let set = RuleSet::default();
        assert_eq!(set.describe(&alert(b"")), "there is no rule 1:7 among 0 rules\n");
    }
}
