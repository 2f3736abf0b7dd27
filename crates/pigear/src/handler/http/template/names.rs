//! The names that a template may use: a typo is found at the start, also in a branch that few alerts take.

use std::collections::BTreeMap;

use minijinja::Environment;
use pigear_alert::format::FormatName;

use crate::similar::nearest;

/// The fields of `format=json`, and what exists in templates only.
const NAMES: [&str; 55] = [
    "action",
    "alert",
    "app_name",
    "caplen",
    "class",
    "class_description",
    "classification",
    "count",
    "data",
    "dialect",
    "dissection_differs",
    "dlthdr",
    "dst_ip",
    "dst_port",
    "event_id",
    "event_reference",
    "extra",
    "id",
    "inspected",
    "line",
    "msg",
    "msg_base64",
    "nethdr",
    "not_sent",
    "packets",
    "param",
    "pkt",
    "pktlen",
    "priority",
    "proto",
    "received",
    "references",
    "sender",
    "sensor",
    "severity",
    "sig_generator",
    "sig_id",
    "sig_rev",
    "socket",
    "source",
    "src_ip",
    "src_port",
    "thread",
    "timestamp",
    "timestamp_ns",
    "timestamp_s",
    "transhdr",
    "triage",
    "ts_sec",
    "ts_usec",
    "tv_sec",
    "tv_usec",
    "untrusted",
    "val",
    "vlan",
];

const OF_SENDER: [&str; 2] = ["pid", "uid"];

/// Finds a name that no alert has.
///
/// # Errors
/// The first one, with its line.
pub(super) fn check(
    environment: &Environment<'_>,
    template: &str,
    text: &str,
    format: FormatName,
    params: &BTreeMap<String, String>,
) -> Result<(), String> {
    let Ok(template) = environment.get_template(template) else { return Ok(()) };
    let globals: Vec<_> = environment.globals().map(|(name, _)| name.to_owned()).collect();
    let used = template.undeclared_variables(true);
    let code = code_of(text);
    let unknown = used.iter().filter(|name| !globals.contains(name)).filter_map(|path| {
        let meant = unknown(path, format, params)?;
        let line = line_without_default(path, &code)?;
        Some((line, path, meant))
    });
    match unknown.min() {
        None => Ok(()),
        Some((line, path, meant)) => Err(format!("{line}: there is no {path}{meant}")),
    }
}

/// `None` if the name exists; otherwise a question about a similar one, or nothing.
fn unknown(path: &str, format: FormatName, params: &BTreeMap<String, String>) -> Option<String> {
    let (prefix, path) = match path.split_once('.') {
        Some(("alert", rest)) if format == FormatName::Json => ("alert.", rest),
        _ => ("", path),
    };
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let question = |begin: &str, similar: Option<&str>| {
        similar.map(|similar| format!("; did you mean {begin}{similar}?")).unwrap_or_default()
    };
    if !NAMES.contains(&name) {
        return Some(question(prefix, nearest(name, NAMES)));
    }
    let known: Vec<_> = match name {
        "param" => params.keys().map(String::as_str).collect(),
        "sender" => OF_SENDER.to_vec(),
        _ => return None,
    };
    let rest = rest.filter(|rest| !known.contains(rest))?;
    Some(question(&format!("{prefix}{name}."), nearest(rest, known)))
}

/// The code of a template: its comments, its texts, and what is outside of its tags are blank.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((outside, behind)) = split_at_first(rest, &["{{", "{%", "{#"]) {
        push_blank(outside, &mut code);
        let end = match behind.as_bytes() {
            [_, b'#', ..] => {
                let end = behind.find("#}").map_or(behind.len(), |end| end + 2);
                push_blank(behind.get(..end).unwrap_or_default(), &mut code);
                end
            }
            _ => push_tag(behind, &mut code),
        };
        rest = behind.get(end..).unwrap_or_default();
    }
    push_blank(rest, &mut code);
    code
}

/// Splits before the first of these that occurs.
fn split_at_first<'a>(text: &'a str, wanted: &[&str]) -> Option<(&'a str, &'a str)> {
    let at = wanted.iter().filter_map(|wanted| text.find(wanted)).min()?;
    text.split_at_checked(at)
}

/// Adds the tag that begins a text, and returns its length.
fn push_tag(text: &str, code: &mut String) -> usize {
    let (mut quote, mut is_escaped, mut last) = (None, false, ' ');
    for (at, letter) in text.char_indices() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(_) if letter == '\\' => is_escaped = true,
            Some(end) if letter == end => quote = None,
            Some(_) => {}
            None if matches!(letter, '"' | '\'') => quote = Some(letter),
            None => {
                code.push(letter);
                if letter == '}' && matches!(last, '}' | '%') {
                    return at + 1;
                }
                last = letter;
                continue;
            }
        }
        push_blank(letter.encode_utf8(&mut [0; 4]), code);
        last = ' ';
    }
    text.len()
}

/// Adds as many lines.
fn push_blank(text: &str, code: &mut String) {
    code.extend(text.chars().map(|letter| if letter == '\n' { '\n' } else { ' ' }));
}

/// The first line with this name, unless it has a default, or it is asked whether it exists.
fn line_without_default(path: &str, code: &str) -> Option<usize> {
    let name = path.rsplit('.').next().unwrap_or(path);
    let mut first = None;
    for (at, _) in code.match_indices(name) {
        let (before, rest) = code.split_at(at);
        let behind = rest.get(name.len()..).unwrap_or_default();
        if behind.starts_with(is_letter) || !ends_path(before, path) {
            continue;
        }
        if is_guard(behind) {
            return None;
        }
        first = first.or_else(|| Some(before.matches('\n').count() + 1));
    }
    first.or(Some(1))
}

fn is_letter(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Whether the code before a name ends with the other names of its path, and no more.
fn ends_path(before: &str, path: &str) -> bool {
    let mut before = before;
    for name in path.rsplit('.').skip(1) {
        let rest = before.trim_end().strip_suffix('.').map(str::trim_end);
        let Some(rest) = rest.and_then(|rest| rest.strip_suffix(name)) else { return false };
        before = rest;
    }
    !before.ends_with(is_letter) && !before.trim_end().ends_with('.')
}

/// Whether what comes behind a name says what to do if it doesn't exist.
fn is_guard(behind: &str) -> bool {
    let behind = behind.trim_start();
    let first_word =
        |text: &str| text.trim_start().split(|letter| !is_letter(letter)).next().map(str::to_owned);
    if let Some(filter) = behind.strip_prefix('|') {
        return matches!(first_word(filter).as_deref(), Some("default" | "d"));
    }
    let Some(test) = behind.strip_prefix("is ") else { return false };
    let test = test.trim_start();
    let test = test.strip_prefix("not ").unwrap_or(test);
    matches!(first_word(test).as_deref(), Some("defined" | "undefined"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_schema_and_the_templates_own() {
        let schema = include_str!("../../../../../../docs/alert.schema.json");
        let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
        let own = ["alert", "id", "line", "param", "severity", "timestamp_ns", "timestamp_s"];
        let of_letters = ["handler", "reason", "refused"];
        let fields = schema["properties"].as_object().unwrap().keys().map(String::as_str);
        let fields = fields.filter(|field| !of_letters.contains(field));
        let mut expected: Vec<_> = fields.chain(own).collect();
        expected.sort_unstable();
        assert_eq!(NAMES.to_vec(), expected);
    }
}
