//! Secrets in the command line, which all users of the machine can see.

use tracing::warn;

use super::args::{ListenArgs, variable};
use crate::config::{ValueKind, is_secret, value_kind};

/// Warns of each. What an environment variable says can't be seen by others.
pub(super) fn warn_of(args: &ListenArgs) {
    for (key, value) in &args.keys {
        if let Some(instead) = instead_of(key, value) {
            warn_of_one(key, &instead);
        }
    }
    let from = args.source.from.as_deref().and_then(std::path::Path::to_str).unwrap_or_default();
    let is_variable = std::env::var_os(variable("from")).is_some();
    if !is_variable && is_secret("", "from", from) {
        warn_of_one("--from", "--config FILE");
    }
}

/// Warns of servers of a fleet whose URLs have a password.
#[cfg(feature = "nats")]
pub(super) fn warn_of_servers(from: &str) {
    if std::env::var_os(variable("from")).is_none() && is_secret("", "from", from) {
        warn_of_one("--from", "?user=NAME&password_file=FILE or ?token_file=FILE");
    }
}

/// Warns of one, which can be given in another way.
pub(super) fn warn_of_one(key: &str, instead: &str) {
    warn!("{key} is a secret, and all users can see the command line; use {instead}");
}

/// How to give a key's value in another way, if it is a secret.
fn instead_of(key: &str, value: &str) -> Option<String> {
    let (before, name) = key.rsplit_once('.').unwrap_or(("", key));
    let parent = before.rsplit('.').next().unwrap_or_default();
    // All users can see the command line of the program that it starts, too.
    let is_command = value_kind(name) == Some(ValueKind::Command);
    if is_command || !is_secret(parent, name, value) {
        return None;
    }
    let has_file = value_kind(&format!("{name}_file")).is_some();
    Some(if has_file {
        format!("{key}_file=FILE or --config FILE")
    } else {
        "--config FILE".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::instead_of;

    #[test]
    fn a_secret_can_be_given_in_another_way() {
        for (key, value, instead) in [
            ("auth", "bearer:x", Some("auth_file=FILE or --config FILE")),
            ("siem.auth", "bearer:x", Some("siem.auth_file=FILE or --config FILE")),
            ("header.Authorization", "x", Some("--config FILE")),
            ("slack.header.Authorization", "x", Some("--config FILE")),
            ("auth_file", "credential:siem", None),
            ("auth_env", "TOKEN", None),
            ("format", "json", None),
            ("command", "notify a1b2c3d4e5f6a7b8c9d0", None),
            ("url", "https://siem.example/alerts", None),
        ] {
            assert_eq!(instead_of(key, value).as_deref(), instead, "{key}");
        }
    }
}
