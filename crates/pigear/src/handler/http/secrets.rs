//! Hides secrets that are sent, and that a server could repeat in its response.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::percent_decode_str;
use reqwest::Url;

use super::auth;
use super::failure::shown;
use super::options::Options;
use super::unescape::{Meaning, meaning};
use crate::visible::cut;

/// Any substring of a secret of this many bytes is hidden.
const PART: usize = 8;

/// A secret shorter than that is hidden where it occurs as a whole. An even shorter one is not hidden: it
/// would match unrelated text.
const SHORTEST: usize = 6;

/// Only this much of a foreign text is searched; even less is shown.
const MAX_SEARCHED: usize = 8 * 1024;

/// The secrets, without escapes.
///
/// The path of the URL is one: for the webhooks of Slack and Discord, and for Telegram, the path alone
/// permits posting.
#[derive(Default)]
pub(super) struct Secrets {
    parts: HashSet<[u8; PART]>,
    short: Vec<Vec<u8>>,
}

impl Secrets {
    pub(super) fn of(options: &Options, url: &Url) -> Self {
        let mut secrets = Self::default();
        for value in options.header.values().chain(options.param.values()) {
            secrets.add(value.reveal());
            value.reveal().split_whitespace().for_each(|word| secrets.add(word));
        }
        if let Some(auth) = auth::given(options).ok().flatten() {
            secrets.add_auth(auth.reveal());
        }
        secrets.add_url(url);
        // Text of a template that is rendered only for some alerts.
        let given = options.url().ok();
        if let Some((_, path)) = given.as_ref().and_then(|url| path_of(url.reveal())) {
            secrets.add(path);
        }
        let proxy = options.proxy.as_ref().and_then(|proxy| Url::parse(proxy.reveal()).ok());
        if let Some(proxy) = proxy {
            secrets.add_login(&proxy);
        }
        secrets
    }

    fn add_url(&mut self, url: &Url) {
        self.add_login(url);
        self.add(url.path());
        for segment in url.path_segments().into_iter().flatten().filter(|it| it.len() >= PART) {
            self.add(segment);
        }
        self.add(url.query().unwrap_or_default());
        url.query_pairs().for_each(|(_, value)| self.add(&value));
        self.add(url.fragment().unwrap_or_default());
    }

    fn add_login(&mut self, url: &Url) {
        let plain = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = (plain(url.username()), plain(url.password().unwrap_or_default()));
        self.add(&user);
        self.add(&password);
        if !user.is_empty() || !password.is_empty() {
            self.add(&BASE64.encode(format!("{user}:{password}")));
        }
    }

    fn add_auth(&mut self, auth: &str) {
        let (kind, secret) = auth.split_once(':').unwrap_or(("", auth));
        self.add(secret);
        if kind == "basic" {
            secret.splitn(2, ':').for_each(|part| self.add(part));
            self.add(&BASE64.encode(secret));
        }
    }

    fn add(&mut self, secret: &str) {
        let bytes: Vec<_> = meaning(secret).iter().map(|meaning| meaning.byte).collect();
        if (SHORTEST..PART).contains(&bytes.len()) {
            self.short.push(bytes);
        } else {
            self.parts.extend(bytes.windows(PART).filter_map(<[u8]>::first_chunk));
        }
    }

    /// A foreign text with secrets hidden.
    pub(super) fn hide(&self, text: &str) -> String {
        shown(&self.replace(text))
    }

    /// A text with each secret, or part of one, replaced by an ellipsis.
    pub(super) fn replace(&self, text: &str) -> String {
        let beginning = cut(text, MAX_SEARCHED);
        let mut replaced = String::new();
        let mut end = 0;
        for (begin, next) in self.found(&meaning(beginning)) {
            if begin > end || end == 0 {
                replaced += beginning.get(end..begin).unwrap_or_default();
                replaced.push('…');
            }
            end = end.max(next);
        }
        replaced + beginning.get(end..).unwrap_or_default()
    }

    /// The ranges of secrets in a text.
    fn found<'a>(&'a self, text: &'a [Meaning]) -> impl Iterator<Item = (usize, usize)> + 'a {
        let bytes: Vec<_> = text.iter().map(|meaning| meaning.byte).collect();
        let len = move |at: usize| {
            let rest = bytes.get(at..)?;
            let part = rest.first_chunk::<PART>().filter(|part| self.parts.contains(*part));
            let short = self.short.iter().find(|short| rest.starts_with(short));
            part.map(|_| PART).or_else(|| short.map(Vec::len))
        };
        text.iter().enumerate().filter_map(move |(at, first)| {
            let last = text.get(at + len(at)? - 1)?;
            Some((first.begin, last.end))
        })
    }
}

/// The part after the server in a URL, or in a template for one.
fn path_of(url: &str) -> Option<(&str, &str)> {
    url.split_once("://")?.1.split_once('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Keys;

    fn secrets(keys: &[(&str, &str)]) -> Secrets {
        let mut all = Keys::default();
        for (key, value) in keys {
            all.set(key, value);
        }
        let options: Options = all.options().unwrap();
        let url = options.url().unwrap();
        Secrets::of(&options, &Url::parse(url.reveal()).unwrap())
    }

    const SLACK: &str =
        "https://hooks.slack.com/services/T0123456/B0123456/abcdefghijklmnopqrstuvwx";

    #[test]
    fn the_path_of_a_url_is_hidden_however_it_is_written() {
        let secrets = secrets(&[("url", SLACK)]);
        let said = |text: &str| secrets.hide(text);
        assert_eq!(said("no abcdefghijklmnopqrstuvwx here"), "no … here");
        assert_eq!(said("/services/T0123456/B0123456/abcdefghijklmnopqrstuvwx"), "…");
        assert_eq!(said("B0123456/abcdefghijk"), "…");
        assert_eq!(said(r#"{"path":"\/services\/T0123456\/B0123456\/abc"}"#), r#"{"path":"…"}"#);
        assert_eq!(said("u=%2Fservices%2FT0123456%2fB0123456%2Fabc&x=1"), "u=…&x=1");
        assert_eq!(said("%2561bcdefghijkl."), "….");
        assert_eq!(said(r"\u0061bcdefghijkl."), "….");
        assert_eq!(said("&#47;services&#x2F;T0123456"), "…");
        assert_eq!(said("ABCDEFGHIJKLMNOPQRSTUVWX"), "…");
        let innocent = "channel_not_found at https://hooks.slack.com (see api.slack.com/docs)";
        assert_eq!(said(innocent), innocent);
    }

    #[test]
    fn what_is_left_of_a_secret_that_was_cut_is_hidden() {
        let secrets = secrets(&[("url", SLACK)]);
        let long = "abcdefghijklmnopqrstuvwx".repeat(1000) + " and so on";
        assert_eq!(secrets.hide(&long), "…");
        assert_eq!(secrets.hide("...ghijklmnopqrst"), "...…");
    }

    #[test]
    fn a_bots_token_is_hidden_without_what_stands_before_it() {
        let secrets = secrets(&[
            ("url", "https://api.telegram.org/bot123456:ABC-DEF_ghi/sendMessage"),
            ("param.chat_id", "-100200300400"),
        ]);
        let said = r#"{"ok":false,"description":"no 123456:ABC-DEF_ghi for -100200300400"}"#;
        assert_eq!(secrets.hide(said), r#"{"ok":false,"description":"no … for …"}"#);
    }

    #[test]
    fn logins_headers_and_queries_are_hidden() {
        let secrets = secrets(&[
            ("url", "https://me%40home:p%20ss+w0rd@x/y?key=k3y+k3y+k3y&a=shortk"),
            ("header.X-Token", "Token t0k3n-t0k3n"),
            ("proxy", "http://proxyuser:proxypass@y/"),
        ]);
        for secret in [
            "me@home",
            "p ss+w0rd",
            "p%20ss%2Bw0rd",
            &BASE64.encode("me@home:p ss+w0rd"),
            "k3y k3y k3y",
            "shortk",
            "t0k3n-t0k3n",
            "proxyuser",
            "proxypass",
        ] {
            assert_eq!(secrets.hide(&format!("({secret})")), "(…)", "{secret}");
        }
        let auth = |auth| secrets_of_auth(auth);
        for secret in
            ["elastic", "changeme", "elastic:changeme", &BASE64.encode("elastic:changeme")]
        {
            assert_eq!(auth("basic:elastic:changeme").hide(secret), "…", "{secret}");
        }
        assert_eq!(auth("bearer:aa:bbbbbbbb").hide("aa:bbbbb"), "…");
    }

    fn secrets_of_auth(auth: &str) -> Secrets {
        secrets(&[("url", "https://x/"), ("auth", auth)])
    }

    #[test]
    fn short_words_are_no_secrets() {
        let secrets = secrets(&[("url", "https://x/alerts/_bulk?wait=1")]);
        assert_eq!(secrets.hide("no alerts in _bulk, wait"), "no alerts in _bulk, wait");
    }
}
