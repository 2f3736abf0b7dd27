//! Secrets in a configuration file that others can read.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

/// A secret in a file that all users can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exposure {
    path: PathBuf,
    key: String,
    line: usize,
}

/// Whoever may read what others own.
const OTHERS: u32 = 0o004;

impl Exposure {
    /// The first secret of a file, if all users can read it.
    pub(crate) fn of(path: &Path, text: &str) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        if metadata.mode() & OTHERS == 0 {
            return None;
        }
        let (root, _) = DeTable::parse_recoverable(text);
        let (key, at) = in_table(root.get_ref(), "")?;
        let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        Some(Self { path: path.to_owned(), key, line })
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, Self { key, line, .. }) = (self.path.display(), self);
        write!(
            f,
            "{path}:{line}: {key} is a secret, and all users can read the file: chmod o-r {path}"
        )
    }
}

/// The first secret, and where it is.
fn in_table(table: &DeTable<'_>, parent: &str) -> Option<(String, usize)> {
    let of_entry =
        |(key, value): (&toml::Spanned<std::borrow::Cow<'_, str>>, &toml::Spanned<DeValue<'_>>)| {
            let name = key.get_ref();
            match value.get_ref() {
                DeValue::String(text) if is_secret(parent, name, text) => {
                    Some((name.to_string(), key.span().start))
                }
                DeValue::Table(table) => in_table(table, name),
                DeValue::Array(all) => all.iter().find_map(|one| match one.get_ref() {
                    DeValue::Table(table) => in_table(table, name),
                    _ => None,
                }),
                _ => None,
            }
        };
    table.iter().find_map(of_entry)
}

/// Whether the value of a key is a secret.
pub(crate) fn is_secret(parent: &str, key: &str, value: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    match (parent, key) {
        ("header" | "param", _) => ["auth", "key", "token", "cookie", "secret", "pass"]
            .iter()
            .any(|word| lower.contains(word)),
        (_, "auth" | "password" | "token") => !value.is_empty(),
        (_, "url" | "proxy" | "from" | "target") => has_login(value),
        _ => false,
    }
}

/// Whether a URL has a user's password, or a secret path, as those of chats have.
fn has_login(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    authority.contains('@')
        || ["password=", "token=", "/services/", "/webhooks/", "/bot"]
            .iter()
            .any(|word| path.contains(word))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_that_all_users_can_read_is_named_and_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.toml");
        let said = |text: &str, mode: u32| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            Exposure::of(&path, text).map(|it| it.to_string())
        };
        for secret in [
            "[web]\ntoken = 's3cret'",
            "[[handler]]\nauth = 'bearer:s3cret'",
            "[[handler]]\nurl = 'https://me:s3cret@host/'",
            "[[handler]]\nurl = 'https://hooks.slack.com/services/s3cret'",
            "[[source]]\nfrom = 'nats://me:s3cret@host'",
            "[handler.header]\nX-Api-Key = 's3cret'",
        ] {
            let text = said(secret, 0o644).unwrap_or_else(|| panic!("{secret}"));
            assert!(text.contains("c.toml:2: ") && !text.contains("s3cret"), "{text}");
            assert_eq!(said(secret, 0o640), None, "{secret}");
        }
        let plain =
            "[[handler]]\ntoken_file = 'x'\nurl = 'https://host/path'\nheader.Accept = 'x'\n";
        assert_eq!(said(plain, 0o644), None);
    }
}
