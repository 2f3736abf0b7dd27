//! What must not be shown.

use std::fmt;
use std::path::Path;

use reqwest::Url;
use serde::Deserialize;

use super::auth;
use super::failure::shown;
use super::options::Options;
use crate::input_file::{self, MAX_SMALL};

/// Shorter ones would hide what has nothing to do with them.
const SHORTEST: usize = 6;

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What a file has, without the newline that ends it.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = input_file::read_text(path, MAX_SMALL)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Ok(Self(text.trim().to_owned()))
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The secrets that are sent, and that a server could say again.
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    pub(super) fn of(options: &Options, url: &Url) -> Self {
        let headers = options.header.values().map(|value| value.reveal().to_owned());
        let in_url = url.password().into_iter().chain(url.query()).map(str::to_owned);
        let given = auth::given(options).ok().flatten();
        let auth = given.iter().flat_map(|auth| auth.reveal().splitn(3, ':').skip(1));
        let all = headers.chain(in_url).chain(auth.map(str::to_owned));
        Self(all.filter(|secret| secret.len() >= SHORTEST).collect())
    }

    /// What somebody else wrote, as far as it may be shown.
    pub(super) fn hide(&self, text: &str) -> String {
        let hide = |text: String, secret: &String| text.replace(secret.as_str(), "…");
        shown(&self.0.iter().fold(text.to_owned(), hide))
    }
}
