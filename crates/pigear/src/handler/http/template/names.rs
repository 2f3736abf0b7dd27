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
    let unknown = used.iter().filter(|name| !globals.contains(name)).filter_map(|path| {
        let meant = unknown(path, format, params)?;
        let line = line_without_default(path, text)?;
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

/// The first line with this name, unless it has a default.
fn line_without_default(path: &str, text: &str) -> Option<usize> {
    let name = path.rsplit('.').next().unwrap_or(path);
    let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut first = None;
    for (at, _) in text.match_indices(name) {
        let (before, rest) = text.split_at(at);
        let behind = rest.get(name.len()..).unwrap_or_default();
        if before.ends_with(is_letter) || behind.starts_with(is_letter) {
            continue;
        }
        let behind = behind.trim_start();
        let filter = behind.strip_prefix('|').map(str::trim_start).unwrap_or_default();
        if filter.starts_with("default") || filter.starts_with("d(") || behind.starts_with("is ") {
            return None;
        }
        first = first.or_else(|| Some(before.matches('\n').count() + 1));
    }
    first.or(Some(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_schema_and_the_templates_own() {
        let schema = include_str!("../../../../../../docs/alert.schema.json");
        let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
        let own = ["alert", "id", "line", "param", "severity", "timestamp_ns", "timestamp_s"];
        let fields = schema["properties"].as_object().unwrap().keys().map(String::as_str);
        let mut expected: Vec<_> = fields.chain(own).collect();
        expected.sort_unstable();
        assert_eq!(NAMES.to_vec(), expected);
    }
}
