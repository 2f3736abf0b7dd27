//! A setting that is in force, as text and as JSON.

use std::fmt::{self, Write};
use std::path::PathBuf;

use pigear_alert::visible::is_visible;
use serde_json::json;
use toml::Value;

use crate::config::{Disclosure, HIDDEN, ValueKind, disclosure, value_kind};

/// A table of settings.
pub(super) struct Part {
    /// The name of the table; empty at the top.
    pub(super) table: &'static str,
    /// Which one, if there may be several.
    pub(super) index: Option<usize>,
    pub(super) settings: Vec<Setting>,
}

/// A setting that is in force.
pub(super) struct Setting {
    pub(super) key: String,
    /// `None` if it has no value.
    pub(super) value: Option<Value>,
    pub(super) is_secret: bool,
    /// Where it comes from.
    pub(super) origin: Vec<Origin>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Default,
    /// In Snort's configuration, or beside it.
    Found,
    File(PathBuf, usize),
    /// A variable.
    Environment(String),
    /// An option or a key.
    CommandLine(String),
}

impl Setting {
    pub(super) fn usual(key: &str, value: Option<Value>) -> Self {
        let origin = vec![Origin::Default];
        Self { key: key.to_owned(), value, is_secret: false, origin }
    }

    /// One that was given. What is secret of its value is left out.
    pub(super) fn given(key: &str, value: Value, origin: Vec<Origin>) -> Self {
        let (parent, name) = key.split_once('.').unwrap_or(("", key));
        let (value, is_secret) = disclosed(parent, name, value);
        Self { key: key.to_owned(), value: Some(value), is_secret, origin }
    }

    /// One whose value may be anything.
    pub(super) fn hidden(key: &str, origin: Vec<Origin>) -> Self {
        let value = Some(Value::String(HIDDEN.to_owned()));
        Self { key: key.to_owned(), value, is_secret: true, origin }
    }

    fn is_usual(&self) -> bool {
        self.origin.iter().all(|origin| matches!(origin, Origin::Default | Origin::Found))
    }

    fn place(&self) -> String {
        let places: Vec<_> = self.origin.iter().map(ToString::to_string).collect();
        places.join(", ")
    }
}

/// What may be shown of a value, and whether that is not all.
fn disclosed(parent: &str, key: &str, value: Value) -> (Value, bool) {
    match value {
        // A secret may be a word behind the one that tells of it.
        Value::Array(words) if value_kind(key) == Some(ValueKind::Command) => {
            let texts = words.iter().filter_map(Value::as_str).collect::<Vec<_>>();
            let (shown, is_secret) = disclosed(parent, key, texts.join(" ").into());
            (if is_secret { shown } else { Value::Array(words) }, is_secret)
        }
        Value::Array(values) => {
            let shown: Vec<_> =
                values.into_iter().map(|value| disclosed(parent, key, value)).collect();
            let is_secret = shown.iter().any(|(_, is_secret)| *is_secret);
            (shown.into_iter().map(|(value, _)| value).collect::<Vec<_>>().into(), is_secret)
        }
        value => {
            let text = value.as_str().map_or_else(|| in_toml(&value), ToOwned::to_owned);
            match disclosure(parent, key, &text) {
                Disclosure::Whole => (value, false),
                Disclosure::Partly(text) => (Value::String(text), true),
                Disclosure::Nothing => (Value::String(HIDDEN.to_owned()), true),
            }
        }
    }
}

impl Origin {
    fn kind(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Found => "found",
            Self::File(..) => "file",
            Self::Environment(_) => "environment",
            Self::CommandLine(_) => "command line",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Found => f.write_str("found beside Snort's configuration"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) | Self::CommandLine(name) => f.write_str(name),
        }
    }
}

/// The column of the places.
const PLACES: usize = 40;

/// A configuration file, in which each value says where it comes from. Defaults are comments.
pub(super) fn text(parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        // Writing to a `String` can't fail.
        let _ = match part.index {
            _ if part.table.is_empty() => Ok(()),
            Some(_) => writeln!(text, "\n[[{}]]", part.table),
            None => writeln!(text, "\n[{}]", part.table),
        };
        for setting in &part.settings {
            if let Some(value) = &setting.value {
                let key = match setting.key.split_once('.') {
                    Some((table, key)) => format!("{}.{}", bare(table), bare(key)),
                    None => bare(&setting.key),
                };
                let mark = if setting.is_usual() { "# " } else { "" };
                let secret = if setting.is_secret { ", a secret" } else { "" };
                let line = format!("{mark}{key} = {}", in_toml(value));
                let _ = writeln!(text, "{line:<PLACES$} # {}{secret}", setting.place());
            }
        }
        let unset = part.settings.iter().filter(|setting| setting.value.is_none());
        let unset: Vec<_> = unset.map(|setting| &*setting.key).collect();
        for line in wrapped(&unset) {
            let _ = writeln!(text, "# not set: {line}");
        }
    }
    text
}

/// The names in lines that aren't too long.
fn wrapped(names: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut() {
            Some(line) if line.len() + name.len() < 85 => line.extend([", ", name]),
            _ => lines.push((*name).to_owned()),
        }
    }
    lines
}

/// For programs: an object with all settings.
pub(super) fn json(parts: &[Part]) -> String {
    let of_part = |part: &Part| {
        let of_setting = |setting: &Setting| {
            let value = setting.value.as_ref().filter(|_| !setting.is_secret);
            let from = setting.origin.first().map_or("default", Origin::kind);
            let mut object = json!({"table": part.table, "key": setting.key, "from": from});
            if let Some(object) = object.as_object_mut() {
                let mut add = |name: &str, value| drop(object.insert(name.to_owned(), value));
                if let Some(index) = part.index {
                    add("index", json!(index));
                }
                if let Some(value) = value {
                    add("value", json!(value));
                }
                if setting.is_secret {
                    add("secret", json!(true));
                }
                if !setting.is_usual() {
                    add("place", json!(setting.place()));
                }
            }
            object
        };
        part.settings.iter().map(of_setting).collect::<Vec<_>>()
    };
    let settings: Vec<_> = parts.iter().flat_map(of_part).collect();
    format!("{}\n", json!({ "settings": settings }))
}

/// A key as it is written in a file.
fn bare(key: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    if !key.is_empty() && key.chars().all(is_plain) { key.to_owned() } else { quoted(key) }
}

fn in_toml(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Boolean(truth) => truth.to_string(),
        Value::Datetime(time) => time.to_string(),
        Value::Array(values) => {
            format!("[{}]", values.iter().map(in_toml).collect::<Vec<_>>().join(", "))
        }
        Value::Table(table) => {
            let pairs =
                table.iter().map(|(key, value)| format!("{} = {}", bare(key), in_toml(value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}

/// A string on one line, safe for a terminal.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted += "\\n",
            '\t' => quoted += "\\t",
            letter if is_visible(letter) => quoted.push(letter),
            letter => {
                // Writing to a `String` can't fail.
                let _ = write!(quoted, "\\U{:08X}", u32::from(letter));
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_written_as_it_may_be_read() {
        for text in ["a = \"x\"", "a = [1, 2.0, true]", "a = { \"b c\" = \"d\\\\\\n\\U0000009B\" }"]
        {
            let table: toml::Table = toml::from_str(text).unwrap();
            assert_eq!(format!("a = {}", in_toml(&table["a"])), text);
        }
        let written = format!("a = {}", quoted("\u{202e}\u{7f}\r\u{1b}[31mü"));
        assert!(written.is_ascii() || written.chars().all(|it| !it.is_control()), "{written}");
        let table: toml::Table = toml::from_str(&written).unwrap();
        assert_eq!(table["a"].as_str(), Some("\u{202e}\u{7f}\r\u{1b}[31mü"));
    }
}
