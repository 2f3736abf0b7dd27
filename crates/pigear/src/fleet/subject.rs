//! Subjects: where an alert is published, and what a consumer asks for.

use std::fmt::{self, Write};
use std::str::FromStr;

use pigear_alert::Alert;

/// The subject of alerts: tokens with dots between, of which `SENSOR` and `PRIORITY` stand for the alert's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectTemplate(String);

const SENSOR: &str = "SENSOR";
const PRIORITY: &str = "PRIORITY";

impl Default for SubjectTemplate {
    fn default() -> Self {
        Self(format!("pigear.alerts.{SENSOR}.{PRIORITY}"))
    }
}

impl FromStr for SubjectTemplate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_token = |token: &str| {
            let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '*' | '>');
            !token.is_empty() && token.chars().all(plain)
        };
        if text.split('.').all(is_token) {
            Ok(Self(text.to_owned()))
        } else {
            Err("expected tokens with dots between, without spaces, * and >, such as \
                pigear.alerts.SENSOR.PRIORITY")
        }
    }
}

impl fmt::Display for SubjectTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl SubjectTemplate {
    /// The subject of an alert.
    pub(super) fn of(&self, alert: &Alert) -> String {
        let sensor = alert.origin.sensor.as_deref().unwrap_or_default();
        let priority = alert.priority().unwrap_or_default();
        self.filled(&token(sensor), &priority.to_string())
    }

    /// The subjects of all alerts, or of those of one sensor, or of one priority.
    pub(super) fn filter(&self, sensor: Option<&str>, priority: Option<u32>) -> String {
        let sensor = sensor.map_or_else(|| "*".to_owned(), token);
        let priority = priority.map_or_else(|| "*".to_owned(), |priority| priority.to_string());
        self.filled(&sensor, &priority)
    }

    fn filled(&self, sensor: &str, priority: &str) -> String {
        let filled = self.0.split('.').map(|token| match token {
            SENSOR => sensor,
            PRIORITY => priority,
            token => token,
        });
        filled.collect::<Vec<_>>().join(".")
    }
}

/// A sensor's name as one token: ASCII letters, digits, `-` and `_` as they are, each other byte as `%` and two
/// hexadecimal digits. No name is `%`.
pub(super) fn token(name: &str) -> String {
    if name.is_empty() {
        return "%".to_owned();
    }
    let mut token = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            token.push(byte.into());
        } else {
            // Writing to a string can't fail.
            let _ = write!(token, "%{byte:02X}");
        }
    }
    token
}

/// The key of a sensor in a bucket: its token, with `=` instead of `%`, which keys can't have.
pub(super) fn key(name: &str) -> String {
    token(name).replace('%', "=")
}

/// Whether a subject pattern has all subjects of another: of its tokens, `*` is any, and `>` at the end are all further
/// ones.
pub(super) fn covers(pattern: &str, other: &str) -> bool {
    let (mut pattern, mut other) = (pattern.split('.'), other.split('.'));
    loop {
        match (pattern.next(), other.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(token)) if token != ">" => {}
            (Some(wanted), Some(token)) if wanted == token => {}
            _ => return false,
        }
    }
}

/// Whether there are subjects that two patterns have in common.
pub(super) fn overlaps(pattern: &str, other: &str) -> bool {
    let (mut pattern, mut other) = (pattern.split('.'), other.split('.'));
    loop {
        match (pattern.next(), other.next()) {
            (Some(">"), Some(_)) | (Some(_), Some(">")) | (None, None) => return true,
            (Some("*"), Some(_)) | (Some(_), Some("*")) => {}
            (Some(one), Some(token)) if one == token => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_overlap_where_a_subject_is_in_both() {
        for (one, other, expected) in [
            ("pigear.alerts.*.*", "pigear.alerts.*.*", true),
            ("pigear.alerts.*.*", "pigear.>", true),
            ("pigear.alerts.*.1", "pigear.alerts.dmz.*", true),
            ("pigear.alerts.*.*", "old.*.*", false),
            ("pigear.alerts.*.*", "old.>", false),
            ("pigear.alerts.dmz.*", "pigear.alerts.lan.*", false),
            ("pigear.alerts.*.*", "pigear.alerts.*", false),
        ] {
            assert_eq!(overlaps(one, other), expected, "{one} {other}");
            assert_eq!(overlaps(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn a_name_is_one_token_whatever_is_in_it() {
        assert_eq!(token("web-1_a"), "web-1_a");
        assert_eq!(token("a.b c*>"), "a%2Eb%20c%2A%3E");
        assert_eq!(token("müll%"), "m%C3%BCll%25");
        assert_eq!(token(""), "%");
        assert_eq!(key("a.b="), "a=2Eb=3D");
    }

    proptest! {
        #[test]
        fn two_names_are_two_tokens(one: String, other: String) {
            prop_assert_eq!(one == other, token(&one) == token(&other));
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_%".contains(c);
            prop_assert!(token(&one).chars().all(plain));
        }
    }

    #[test]
    fn a_filter_is_for_a_sensor_or_a_priority_or_all() {
        let template = SubjectTemplate::default();
        assert_eq!(template.filter(None, None), "pigear.alerts.*.*");
        assert_eq!(template.filter(Some("a.b"), None), "pigear.alerts.a%2Eb.*");
        assert_eq!(template.filter(None, Some(1)), "pigear.alerts.*.1");
        for wrong in ["", "a..b", "a.*", "a.>", "a b", "a."] {
            assert!(wrong.parse::<SubjectTemplate>().is_err(), "{wrong:?}");
        }
        assert_eq!("x.PRIORITY".parse::<SubjectTemplate>().unwrap().filter(None, Some(2)), "x.2");
    }

    #[test]
    fn a_pattern_has_what_its_wildcards_have() {
        for (pattern, other) in
            [("a.>", "a.*.*"), ("a.*.*", "a.*.*"), ("a.*", "a.b"), (">", "a"), ("a.b", "a.b")]
        {
            assert!(covers(pattern, other), "{pattern} {other}");
        }
        for (pattern, other) in
            [("a.b", "a.*"), ("a.*", "a.*.*"), ("a.*.*", "a.*"), ("a.>", "a"), ("a.*", "a.>")]
        {
            assert!(!covers(pattern, other), "{pattern} {other}");
        }
    }
}
