//! Secrets in the command line, which all users of the machine can see.

use tracing::warn;

use super::args::ListenArgs;
use crate::config::{ValueKind, is_secret, value_kind};
use crate::visible::visible;

/// Warns of each. What an environment variable says can't be seen by others.
pub(super) fn warn_of(args: &ListenArgs) {
    for (key, value) in &args.keys {
        let shown = visible(key.as_bytes());
        if is_program_with_secret(key, value) {
            warn!(
                "{shown} has a secret, and all users can see the command line, and that of the program, too; let the \
                 program read the secret from a file"
            );
        } else if let Some(instead) = instead_of(key, value) {
            warn_of_one(&shown, &visible(instead.as_bytes()));
        }
    }
    let typed = args.given.get("from").filter(|from| !from.is_variable);
    if typed.is_some_and(|from| from.values.iter().any(|it| is_secret("", "from", it))) {
        warn_of_one("--from", "--config FILE");
    }
}

/// Warns of servers of a fleet whose URLs have a password: no variable names them.
#[cfg(feature = "nats")]
pub(super) fn warn_of_servers(from: &str) {
    if is_secret("", "from", from) {
        warn_of_one("--from", "?user=NAME&password_file=FILE or ?token_file=FILE");
    }
}

/// Warns of one, which can be given in another way.
pub(super) fn warn_of_one(key: &str, instead: &str) {
    warn!("{key} is a secret, and all users can see the command line; use {instead}");
}

/// A key and the table that it is in, of `NAME.TABLE.KEY`.
fn split(key: &str) -> (&str, &str) {
    let (before, name) = key.rsplit_once('.').unwrap_or(("", key));
    (before.rsplit('.').next().unwrap_or_default(), name)
}

/// Whether it is a program whose arguments have a secret. It does not help to give these in another way: all users can
/// see the command line of the program that is started, too.
fn is_program_with_secret(key: &str, value: &str) -> bool {
    let (parent, name) = split(key);
    let is_own = !matches!(parent, "header" | "param");
    is_own && value_kind(name) == Some(ValueKind::Command) && is_secret(parent, name, value)
}

/// How to give a key's value in another way, if it is a secret.
fn instead_of(key: &str, value: &str) -> Option<String> {
    let (parent, name) = split(key);
    if is_program_with_secret(key, value) || !is_secret(parent, name, value) {
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
    use super::{instead_of, is_program_with_secret};

    #[test]
    fn the_arguments_of_a_program_may_have_a_secret() {
        for (key, value, has_secret) in [
            ("command", "/bin/cat --password=s3cret", true),
            ("exec-2.command", "notify --token s3cret", true),
            ("command", "notify a1b2c3d4e5f6a7b8c9d0", true),
            ("command", "notify --loud", false),
            ("header.command", "--password=s3cret", false),
            ("path", "--password=s3cret", false),
        ] {
            assert_eq!(is_program_with_secret(key, value), has_secret, "{key}={value}");
        }
    }

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
