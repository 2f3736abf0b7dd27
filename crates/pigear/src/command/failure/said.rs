//! What the user said, as far as it makes a difference for hints.

use std::fmt;
use std::path::PathBuf;

use pigear_pipeline::OnError;

use crate::command::args::{GivenName, variable};
use crate::config::{Config, SourceConfig};
use crate::shell_word::quoted;

/// What the user said.
#[derive(Clone, Debug, Default)]
pub(in crate::command) struct Said {
    pub(in crate::command) on_error: OnError,
    /// Whether the store's size is limited.
    pub(super) limits_store: bool,
    /// Whether `from` names the socket, not `logdir` its directory.
    pub(super) names_socket: bool,
    /// The configuration file.
    config: Option<PathBuf>,
    /// The file that configures sources; none if options do.
    file: Option<PathBuf>,
    /// Options of a source that are given.
    given: Vec<GivenName>,
}

/// How to say something about a source: as an option, or as a key in a file.
pub(super) struct SourceKey<'a> {
    name: &'static str,
    file: Option<&'a PathBuf>,
    /// Whether a variable gives it.
    is_variable: bool,
}

impl Said {
    /// What options say about a source, which they are, and the configuration that was made of all arguments.
    pub(in crate::command) fn of(
        typed: &SourceConfig,
        given: Vec<GivenName>,
        config: &Config,
    ) -> Self {
        let has_options = *typed != SourceConfig::default();
        Self {
            on_error: config.on_error,
            limits_store: config.store.keep_bytes.is_some(),
            names_socket: config.sources.iter().any(|source| source.from.is_some()),
            config: config.file.clone(),
            // If the file has sources, options for one are refused.
            file: config.file.clone().filter(|_| !has_options),
            given,
        }
    }

    /// Says of the options that a text names which of them are variables: they may be forgotten.
    pub(super) fn variables_in(&self, text: &str) -> Option<String> {
        let is_named = |option: &str| {
            let mut words =
                text.split(|letter: char| !letter.is_ascii_lowercase() && letter != '-');
            words.any(|word| word.strip_prefix("--") == Some(option))
        };
        let named = self.given.iter().filter(|it| it.is_variable && is_named(&it.option));
        let named: Vec<_> = named.map(|it| format!("{it} is --{}", it.option)).collect();
        (!named.is_empty()).then(|| format!("in the environment, {}", named.join(", ")))
    }

    /// How to see what has a port that is in use.
    pub(super) fn occupied_hint(&self, port: Option<u16>) -> Option<String> {
        let look = match (&self.config, port) {
            (Some(file), _) => format!("pigear doctor --config {}", quoted(file)),
            (None, Some(port)) => format!("ss -ltnp sport = :{port}"),
            (None, None) => return None,
        };
        Some(format!("another program, perhaps another Pigear, has the port; {look} says which"))
    }

    pub(super) fn key(&self, name: &'static str) -> SourceKey<'_> {
        let is_variable = self.given.iter().any(|it| it.option == name && it.is_variable);
        SourceKey { name, file: self.file.as_ref(), is_variable }
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
            None if self.is_variable => f.write_str(&variable(name)),
            None => write!(f, "--{name}"),
        }
    }
}
