//! The keys of `web`.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::proxies::Proxies;
use crate::input_file::{self, MAX_SMALL};
use crate::keys::{SetupError, parsed};

/// The keys of `web`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Options {
    /// The address and the port; `127.0.0.1:8080` by default.
    #[serde(deserialize_with = "parsed")]
    pub(crate) listen: Listen,
    /// A prefix of all paths, for a server that is behind another: `/pigear`.
    pub(crate) path: Option<String>,
    /// A secret that stands for a login.
    pub(crate) token: Option<Token>,
    /// A file with this secret.
    pub(crate) token_file: Option<PathBuf>,
    /// The file of users, which `pigear web user add` writes.
    pub(crate) users: Option<PathBuf>,
    /// The certificate for TLS (PEM).
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its key (PEM), if it isn't in the same file.
    pub(crate) tls_key: Option<PathBuf>,
    /// Names by which the page may be called, with commas between.
    pub(crate) hosts: Option<String>,
    /// Servers in between that are believed when they say whose request they pass on: addresses and networks,
    /// with commas between.
    pub(crate) trusted_proxies: Option<String>,
    /// The store; by default that of the program.
    pub(crate) store: Option<PathBuf>,
}

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listen(pub(crate) SocketAddr);

impl Default for Listen {
    fn default() -> Self {
        Self(SocketAddr::from(([127, 0, 0, 1], 8080)))
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut found = text.to_socket_addrs().ok().into_iter().flatten();
        let wrong = "expected an address and a port, such as 127.0.0.1:8080 or [::1]:8080";
        found.next().map(Self).ok_or_else(|| wrong.to_owned())
    }
}

/// The least characters of a secret that others may try to guess.
pub(super) const LEAST_TOKEN: usize = 16;

/// A secret, as its digest: comparing digests takes the same time wherever the secrets differ.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Token {
    digest: [u8; 32],
    is_short: bool,
}

impl Token {
    pub(crate) fn new(text: &str) -> Self {
        let is_short = text.chars().count() < LEAST_TOKEN;
        Self { digest: Sha256::digest(text.as_bytes()).into(), is_short }
    }

    /// Whether it could be guessed.
    pub(super) fn is_short(&self) -> bool {
        self.is_short
    }

    /// Whether this is the secret.
    pub(crate) fn is(&self, text: &str) -> bool {
        self.digest == Self::new(text).digest
    }

    /// The secret in a file, without white space around it.
    pub(crate) fn read(path: &std::path::Path) -> Result<Self, String> {
        let text = input_file::read_text(path, MAX_SMALL)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        match text.trim() {
            "" => Err(format!("{} has no token", path.display())),
            token => Ok(Self::new(token)),
        }
    }

    fn is_empty(&self) -> bool {
        self.is("")
    }
}

impl From<String> for Token {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Options {
    /// Checks what can be checked without reading a file or listening.
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        let wrong = |problem: String| Err(SetupError::Keys(problem));
        if self.store.is_none() {
            let problem =
                "the page shows what is stored, so it needs a store; give one with --store PATH";
            return wrong(problem.to_owned());
        }
        self.prefix().map_err(SetupError::Keys)?;
        if self.tls_key.is_some() && self.tls_cert.is_none() {
            return wrong("tls_key needs its certificate; give tls_cert".to_owned());
        }
        match (&self.token, &self.token_file) {
            (Some(_), Some(_)) => return wrong("give either token or token_file".to_owned()),
            (Some(token), None) if token.is_empty() => return wrong("token is empty".to_owned()),
            _ => {}
        }
        let address = self.listen.0;
        let has_login = self.token.is_some() || self.token_file.is_some() || self.users.is_some();
        if !address.ip().is_loopback() && !has_login {
            return wrong(needs_login(address));
        }
        Proxies::new(self.trusted_proxies.as_deref()).map(drop).map_err(SetupError::Keys)
    }

    /// The secret, if there is one.
    pub(super) fn secret(&self) -> Result<Option<Token>, SetupError> {
        match &self.token_file {
            Some(path) => Ok(Some(Token::read(path)?)),
            None => Ok(self.token.clone()),
        }
    }

    /// The first of the names by which the page may be called.
    pub(super) fn first_host(&self) -> Option<&str> {
        self.hosts.as_deref()?.split(',').map(str::trim).find(|host| !host.is_empty())
    }

    /// The prefix of all paths: empty, or beginning with a slash.
    pub(super) fn prefix(&self) -> Result<String, String> {
        let path = self.path.as_deref().unwrap_or_default();
        let path = path.trim_end_matches('/');
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._~/".contains(letter);
        if path.is_empty()
            || path.starts_with('/') && path.chars().all(is_plain) && !path.contains("//")
        {
            Ok(path.to_owned())
        } else {
            Err(format!(
                "path={path}: expected a path such as /pigear, of letters, digits, -._~ and /"
            ))
        }
    }
}

fn needs_login(address: SocketAddr) -> String {
    format!(
        "others can reach {address}, so the page needs a login there: give users=FILE (`pigear web user add NAME \
        --users FILE` makes it) or token_file=FILE; or listen on 127.0.0.1"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_path() {
        let prefix =
            |path: &str| Options { path: Some(path.to_owned()), ..Options::default() }.prefix();
        assert_eq!(prefix("/pigear/").as_deref(), Ok("/pigear"));
        assert_eq!(prefix("/a/b").as_deref(), Ok("/a/b"));
        assert_eq!((prefix("/").as_deref(), prefix("").as_deref()), (Ok(""), Ok("")));
        for wrong in ["pigear", "/{x}", "/a//b", "/a b", "/a?b"] {
            assert!(prefix(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let token = Token::new("s3cret");
        assert!(token.is("s3cret") && !token.is("s3cre") && !format!("{token:?}").contains("s3c"));
    }
}
