//! Options that don't exist, or don't belong together: what to write instead.

use std::ffi::OsString;
use std::net::IpAddr;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::args::variable;
use crate::keys::GENERAL_KEYS;
use crate::registry::Registry;
use crate::similar::is_near;

/// Criteria of `query` that listening has as a filter; VALUE is what was typed.
const FILTERS: [(&str, &str); 10] = [
    ("class", "alert.class == \"VALUE\""),
    ("dst", "ip_in(alert.dst_ip, \"VALUE\")"),
    ("gid", "msg.sig_generator == VALUE"),
    ("host", "ip_in(alert.src_ip, \"VALUE\") || ip_in(alert.dst_ip, \"VALUE\")"),
    ("port", "alert.src_port == VALUE || alert.dst_port == VALUE"),
    ("priority", "msg.priority == VALUE"),
    ("proto", "alert.proto == \"VALUE\""),
    ("sid", "msg.sig_id == VALUE"),
    ("src", "ip_in(alert.src_ip, \"VALUE\")"),
    ("text", "msg.msg.contains(\"VALUE\")"),
];

/// The message about an option that doesn't exist, or that dead letters can't be selected by, if that is the error.
pub(super) fn message(
    error: &clap::Error,
    words: &[OsString],
    registry: &Registry,
    command: &clap::Command,
) -> Option<String> {
    if error.kind() == ErrorKind::ArgumentConflict {
        return beside_dead_letters(error);
    }
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    if !option.starts_with('-') && words.get(1).is_some_and(|command| command == "query") {
        let criterion = criterion_of(option);
        return Some(format!(
            "error: unexpected argument '{option}'\nhint: write {criterion} {option:?}\n"
        ));
    }
    if !option.starts_with("--") {
        return None;
    }
    let option = option.split_once('=').map_or(option.as_str(), |(option, _)| option);
    let name = option.trim_start_matches('-');
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let value = words.iter().enumerate().find_map(|(n, word)| {
        let rest = word.strip_prefix(option)?;
        let next = || words.get(n + 1).filter(|next| !next.starts_with('-'));
        rest.strip_prefix('=').or_else(|| next().map(|next| &**next))
    });
    let subcommand = words.get(1).filter(|word| command.find_subcommand(word.as_ref()).is_some());
    let similar = match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(similar)) if is_near(option, similar) => Some(similar),
        _ => None,
    };
    let hint = match (similar, subcommand) {
        (Some(similar), _) => format!("did you mean {similar}?"),
        (None, Some(command)) => format!("pigear {command} --help lists its options"),
        (None, None) => instead(name, value, registry)
            .unwrap_or_else(|| "pigear --help lists commands and options".to_owned()),
    };
    Some(format!("error: unexpected argument '{option}'\nhint: {hint}\n"))
}

/// The message about an environment variable with a wrong value, if that is the error: it names the variable, where the
/// option that it stands for was not typed.
pub(super) fn of_environment(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let option = shown.split([' ', '=', '[']).next()?.strip_prefix("--")?;
    let variable = format!("the environment variable {}", variable(option));
    let text = error.render().to_string();
    // What follows is about options.
    let problem = text.split("\n\nFor more information").next()?;
    Some(format!("{}\n", problem.trim_end().replace(&format!("'{shown}'"), &variable)))
}

/// What dead letters can be selected by, if another criterion was tried.
fn beside_dead_letters(error: &clap::Error) -> Option<String> {
    let text = error.render().to_string();
    let conflict = text.split("\n\n").next()?;
    let names = |options: &[&str]| options.iter().any(|option| conflict.contains(option));
    if !names(&["--dead-letters", "--lane"])
        || !names(&["--acknowledged", "--starred", "--comment"])
    {
        return None;
    }
    Some(format!(
        "{conflict}\nhint: dead letters can be selected by --lane, and by all under \"Which alerts\" in \
        `pigear query --help` but --acknowledged, --starred and --comment; --limit, --format and --utc work, too\n"
    ))
}

/// The criterion of `query` for what was typed without one.
fn criterion_of(text: &str) -> &'static str {
    let is_number = |text: &str| text.parse::<u32>().is_ok();
    let is_signature = text.split(':').count() <= 3 && text.split(':').all(is_number);
    let address = text.split('/').next().and_then(|address| address.parse::<IpAddr>().ok());
    match address {
        Some(_) => "--host",
        None if is_signature => "--sid",
        None => "--text",
    }
}

/// What to write instead of an option for listening.
fn instead(name: &str, value: Option<&str>, registry: &Registry) -> Option<String> {
    if let Some((_, filter)) = FILTERS.iter().find(|(criterion, _)| *criterion == name) {
        let filter = filter.replace("VALUE", value.unwrap_or("VALUE"));
        return Some(format!("write --filter '{filter}'"));
    }
    let name = name.replace('-', "_");
    let is_key = GENERAL_KEYS.contains(&&*name)
        || registry.about().any(|(_, about)| {
            about
                .split([' ', ';'])
                .any(|word| word.split_once('=').is_some_and(|(key, _)| key == name))
        });
    is_key.then(|| {
        format!("write {name}={}: a handler's keys have no dashes", value.unwrap_or("VALUE"))
    })
}
