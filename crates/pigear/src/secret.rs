//! A text that must not be shown.

use std::fmt;
use std::path::Path;

use serde::Deserialize;

use crate::input_file::{self, MAX_SMALL};

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

    /// A file's contents, without the newline at the end.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
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
