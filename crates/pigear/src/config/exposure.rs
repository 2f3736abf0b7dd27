//! Secrets in a configuration file that others can read.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::Uid;
use toml::de::{DeTable, DeValue};

use super::lines::Lines;
use super::secret_keys::{ValueKind, is_secret, secret_files_of_source, value_kind};
use super::{Config, HandlerConfig, SourceConfig};
use crate::account::Account;
use crate::guarded::fixed;
use crate::input_file::{self, MAX_OWN_CONFIG as MAX_CERTIFICATES};
use crate::shell_word::{quoted, word};
use crate::visible::visible;

/// A secret in a file that all users can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exposure {
    path: PathBuf,
    key: String,
    /// If it is a configuration.
    line: Option<usize>,
    /// As whom Pigear reads the file, if that is neither root nor the owner.
    reader: Option<String>,
}

/// The directory of the service's configurations, and its user.
const SERVICE: (&str, &str) = ("/etc/pigear", "pigear");

/// Whoever may read what others own.
const OTHERS: u32 = 0o004;
const PASSABLE: u32 = 0o001;

impl Exposure {
    /// The first secret of a file, if all users can read it.
    pub(crate) fn of(path: &Path, text: &str) -> Option<Self> {
        if !is_readable_by_all(path) {
            return None;
        }
        let (root, _) = DeTable::parse_recoverable(text);
        let (key, at) = in_table(root.get_ref(), "")?;
        let reader = root.get_ref().get("user").and_then(|user| user.get_ref().as_str());
        let (path, reader) = (path.to_owned(), reader.map(str::to_owned));
        Some(Self { path, key, line: Some(Lines::of(text).line(at)), reader })
    }

    /// The same of a configuration that is run as this user, whatever it says itself.
    pub(crate) fn read_by(self, user: Option<&str>) -> Self {
        Self { reader: user.map(str::to_owned).or(self.reader), ..self }
    }

    /// Files with secrets that handlers and sources read, if all users can read them.
    pub(crate) fn of_files(config: &Config) -> Vec<Self> {
        let reader = &config.privileges.user;
        let exposed = |key: &str, path: &str, whose: &str| {
            let is_exposed = is_readable_by_all(Path::new(path));
            let key = format!("{key} of {whose}");
            is_exposed.then(|| Self { path: path.into(), key, line: None, reader: reader.clone() })
        };
        let of_handler = |handler: &HandlerConfig| {
            let whose = format!("handler {}", handler.name.as_deref().unwrap_or(&handler.kind));
            let keys = handler.keys.each();
            let files = keys.iter().filter_map(|(key, value)| Some((&**key, value.as_str()?)));
            let secret = files.filter(|(key, path)| names_secret(key, path));
            secret.filter_map(|(key, path)| exposed(key, path, &whose)).collect::<Vec<_>>()
        };
        let of_source = |source: &SourceConfig| {
            let from = source.from.as_deref().and_then(Path::to_str).unwrap_or_default();
            let whose = format!("source {}", source.kind);
            let files = secret_files_of_source(from);
            files.filter_map(|(key, path)| exposed(key, path, &whose)).collect::<Vec<_>>()
        };
        let of_handlers = config.handlers.iter().flat_map(of_handler);
        of_handlers.chain(config.sources.iter().flat_map(of_source)).collect()
    }

    /// The commands that take the file from all users but the one as whom Pigear reads it.
    ///
    /// # Errors
    /// What to do in words: they would take it from that one, too, or others could make the path lead elsewhere.
    pub(crate) fn commands(&self) -> Result<Vec<String>, &'static str> {
        let typed = quoted(&fixed(&self.path).ok_or(FOR_OWNER)?);
        let (Some(user), Ok(found)) = (self.account(), self.path.metadata()) else {
            return Ok(vec![format!("chmod o-r {typed}")]);
        };
        if user.may_without_others(&found, 4) {
            return Ok(vec![format!("chmod o-r {typed}")]);
        }
        let group = user.group().ok_or(FOR_SERVICE)?;
        Ok(vec![format!("chgrp {} {typed}", word(&group)), format!("chmod 640 {typed}")])
    }

    /// As whom Pigear reads the file, as far as that is known.
    fn account(&self) -> Option<Account> {
        if let Some(user) = &self.reader {
            return Account::named(user);
        }
        if !Uid::effective().is_root() {
            return Some(Account::numbered(Uid::effective().as_raw()));
        }
        let (dir, user) = SERVICE;
        self.path.canonicalize().ok().filter(|path| path.starts_with(dir))?;
        Account::named(user)
    }

    /// What is wrong, without what to do.
    pub(crate) fn problem(&self) -> String {
        let (path, Self { key, line, .. }) = (self.path.display(), self);
        let key = visible(key.as_bytes());
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{path}{line}: {key} is a secret, and all users can read the file")
    }
}

/// What to do where only the service has the user.
const FOR_SERVICE: &str = "only root should read it, and the service get it by LoadCredential=";

/// What to do where others can put another file there.
const FOR_OWNER: &str =
    "only Pigear's user should read it, in a directory that only this user, or root, can write to";

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.commands().map_or_else(str::to_owned, |commands| commands.join(" && "));
        write!(f, "{}: {what}", self.problem())
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
                // A secret may be a word behind the one that tells of it.
                DeValue::Array(all) if value_kind(name) == Some(ValueKind::Command) => {
                    let words = all.iter().filter_map(|word| word.get_ref().as_str());
                    let command = words.collect::<Vec<_>>().join(" ");
                    is_secret(parent, name, &command).then(|| (name.to_string(), key.span().start))
                }
                DeValue::Array(all) => all.iter().find_map(|one| match one.get_ref() {
                    DeValue::String(text) if is_secret(parent, name, text) => {
                        Some((name.to_string(), key.span().start))
                    }
                    DeValue::Table(table) => in_table(table, name),
                    _ => None,
                }),
                _ => None,
            }
        };
    table.iter().find_map(of_entry)
}

/// Whether a key names a file with a secret.
fn names_secret(key: &str, path: &str) -> bool {
    match value_kind(key) {
        Some(ValueKind::SecretFile) => true,
        Some(ValueKind::Certificates) => has_private_key(Path::new(path)),
        _ => false,
    }
}

/// Whether a key is in the same file as its certificate.
fn has_private_key(path: &Path) -> bool {
    input_file::read_text(path, MAX_CERTIFICATES)
        .is_ok_and(|text| text.contains("PRIVATE KEY-----"))
}

/// Whether all users can read a file: its permissions say so, and those of its directory.
fn is_readable_by_all(path: &Path) -> bool {
    let mode = |path: &Path| path.metadata().map_or(0, |metadata| metadata.mode());
    let Ok(whole) = path.canonicalize() else { return false };
    whole.is_file()
        && mode(&whole) & OTHERS != 0
        && whole.parent().is_none_or(|dir| mode(dir) & PASSABLE != 0)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_that_all_users_can_read_is_named_and_not_shown() {
        let dir = open_dir();
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
            "[[handler]]\ncommand = ['x', '--token', 's3cret']",
            "[[source]]\nfrom = 'nats://me:s3cret@host'",
            "[[handler]]\nurl = 'nats://one,nats://me:s3cret@two'",
            "[[handler]]\nurl = 'https://x.webhook.office.com/webhookb2/s3cret'",
            "[[handler]]\nurl = ['nats://one', 'nats://me:s3cret@two']",
            "[[handler]]\nproxy = 'me:s3cret@proxy:3128'",
            "[handler.header]\nX-Api-Key = 's3cret'",
            "[handler.header]\nX-Request = 's3cret'",
            "[[handler]]\nurl = 'http://host/?access=s3cret'",
            "[[handler]]\nurl = 'http://host/s3cret0123456789abcdef'",
            "[[handler]]\npassword = 's3cret'",
            "[[handler]]\ncommand = 'curl https://host/?access=s3cret'",
            "[[handler]]\ncommand = ['curl', 'https://host/?access=s3cret']",
            "[[source]]\nfrom = 'nats://host?token=s3cret'",
        ] {
            let text = said(secret, 0o644).unwrap_or_else(|| panic!("{secret}"));
            assert!(text.contains("c.toml:2: ") && !text.contains("s3cret"), "{text}");
            assert_eq!(said(secret, 0o640), None, "{secret}");
        }
        let plain =
            "[[handler]]\ntoken_file = 'x'\nurl = 'https://host/path'\nheader.Accept = 'x'\n";
        assert_eq!(said(plain, 0o644), None);
    }

    /// A directory that others may pass.
    fn open_dir() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        dir
    }

    #[test]
    fn a_file_in_a_directory_that_others_cannot_pass_is_not_exposed() {
        let dir = open_dir();
        let path = dir.path().join("c.toml");
        fs::write(&path, "").unwrap();
        let text = "[web]\ntoken = 's3cret'";
        let exposed = || Exposure::of(&path, text).is_some();
        assert!(exposed());
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o750)).unwrap();
        assert!(!exposed());
    }

    #[test]
    fn a_file_of_a_secret_that_all_users_can_read_is_named() {
        let dir = open_dir();
        let path = dir.path().join("token");
        fs::write(&path, "s3cret").unwrap();
        let mut handler = HandlerConfig::new("web");
        handler.keys.set("token_file", path.to_str().unwrap());
        handler.keys.set("auth_file", "credential:x");
        let said = |mode| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let handlers = vec![handler.clone()];
            Exposure::of_files(&Config { handlers, ..Config::default() })
        };
        assert_eq!(said(0o640), []);
        let [found] = &*said(0o644) else { panic!("it is exposed") };
        let text = found.to_string();
        assert!(text.contains("token: token_file of handler web is a secret"), "{text}");
    }

    #[test]
    fn a_key_beside_its_certificate_and_the_files_of_a_source_are_named() {
        let dir = open_dir();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let with_key = file("both.pem", "-----BEGIN PRIVATE KEY-----\ns3cret\n");
        let without = file("cert.pem", "-----BEGIN CERTIFICATE-----\nx\n");
        let creds = file("creds", "s3cret");
        let mut handlers = vec![HandlerConfig::new("http"), HandlerConfig::new("syslog")];
        handlers[0].keys.set("cert", &with_key);
        handlers[1].keys.set("cert", &without);
        let from = Some(format!("nats://host?creds={creds}&stream=x").into());
        let sources = vec![SourceConfig { from, ..SourceConfig::default() }];
        let found = Exposure::of_files(&Config { sources, handlers, ..Config::default() });
        let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts[0].contains("both.pem: cert of handler http is a secret"), "{texts:?}");
        assert!(texts[1].contains("creds: creds of source "), "{texts:?}");
    }
}
