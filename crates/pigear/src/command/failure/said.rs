//! What the user said, as far as it makes a difference for hints.

use std::fmt;
use std::path::PathBuf;

use pigear_pipeline::OnError;

use crate::config::{Config, SourceConfig};

/// What the user said.
#[derive(Clone, Debug, Default)]
pub(in crate::command) struct Said {
    pub(in crate::command) on_error: OnError,
    /// Whether the store's size is limited.
    pub(super) limits_store: bool,
    /// Whether `from` names the socket, not `logdir` its directory.
    pub(super) names_socket: bool,
    /// The file that configures sources; none if options do.
    file: Option<PathBuf>,
}

/// How to say something about a source: as an option, or as a key in a file.
pub(super) struct SourceKey<'a> {
    name: &'static str,
    file: Option<&'a PathBuf>,
}

impl Said {
    /// What options say about a source, and the configuration that was made of all arguments.
    pub(in crate::command) fn of(typed: &SourceConfig, config: &Config) -> Self {
        let has_options = *typed != SourceConfig::default();
        Self {
            on_error: config.on_error,
            limits_store: config.store.keep_bytes.is_some(),
            names_socket: config.sources.iter().any(|source| source.from.is_some()),
            // If the file has sources, options for one are refused.
            file: config.file.clone().filter(|_| !has_options),
        }
    }

    pub(super) fn key(&self, name: &'static str) -> SourceKey<'_> {
        SourceKey { name, file: self.file.as_ref() }
    }

    /// Where else a socket may be.
    pub(super) fn another_place(&self) -> String {
        if self.names_socket {
            format!("another path with {}", self.key("from"))
        } else {
            format!("another directory with {}", self.key("logdir"))
        }
    }
}

impl fmt::Display for SourceKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        match self.file {
            Some(file) => write!(f, "{name} = in {}", file.display()),
            None => write!(f, "--{name}"),
        }
    }
}
