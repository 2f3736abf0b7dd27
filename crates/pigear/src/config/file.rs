//! Reading a configuration file.

use std::io;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bytesize::ByteSize;
use pigear_pipeline::{OnError, WhenFull};
use serde::Deserialize;
use toml::{Spanned, Table};

use super::handler_names::HandlerNames;
use super::lines::Lines;
use super::{
    Begin, Config, FilterConfig, HandlerConfig, MetricsAddress, PrivilegeConfig, Sandbox,
    SourceConfig, StoreConfig,
};
use crate::input_file::{self, MAX_OWN_CONFIG};
use crate::keys::{
    Keys, PerMinute, Time, in_words, one_or_several, parsed_option, positive_option,
};
use crate::names::NameFiles;

/// Why a configuration file can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file can't be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is not TOML, or has an unknown or invalid setting.
    #[error("{}:{line}: {problem}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
}

#[cfg(feature = "command")]
impl ConfigError {
    /// What the user can do about a file that can't be read for this reason.
    pub(crate) fn hint_of(error: io::ErrorKind) -> Option<&'static str> {
        match error {
            io::ErrorKind::NotFound => Some(
                "give the path of a configuration file; `pigear config example` prints one with all keys",
            ),
            io::ErrorKind::PermissionDenied => {
                Some("run it as the user that runs Pigear, or as root")
            }
            _ => None,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    serve_forever: bool,
    count: Option<NonZeroU64>,
    stats: Option<PathBuf>,
    metrics: Option<MetricsAddress>,
    #[serde(deserialize_with = "one_or_several")]
    rules: Vec<PathBuf>,
    filter: Option<Spanned<String>>,
    user: Option<String>,
    #[serde(deserialize_with = "parsed_option")]
    sandbox: Option<Sandbox>,
    #[serde(deserialize_with = "one_or_several")]
    sandbox_write: Vec<PathBuf>,
    names: NameFiles,
    store: StoreConfig,
    source: Vec<SourceConfig>,
    handler: Vec<Spanned<Handler>>,
    web: Option<Spanned<Handler>>,
}

/// A handler's table: the keys that every handler has, and its own. The type may be left out if it
/// equals the name.
#[derive(Deserialize)]
pub(super) struct Handler {
    r#type: Option<String>,
    name: Option<String>,
    #[serde(default, deserialize_with = "positive_option")]
    queue: Option<usize>,
    #[serde(default, deserialize_with = "positive_option")]
    queue_bytes: Option<ByteSize>,
    #[serde(default, deserialize_with = "parsed_option")]
    when_full: Option<Full>,
    #[serde(default, deserialize_with = "parsed_option")]
    durable: Option<bool>,
    #[serde(default, deserialize_with = "parsed_option")]
    from: Option<Begin>,
    filter: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "parsed_option")]
    group: Option<Time>,
    #[serde(default, deserialize_with = "parsed_option")]
    per_minute: Option<PerMinute>,
    #[serde(default, deserialize_with = "parsed_option")]
    limit: Option<PerMinute>,
    #[serde(flatten)]
    keys: Table,
}

/// What happens to alerts that find a queue full. `spill` stands for a durable lane: alerts wait in the
/// store from the beginning.
#[derive(Clone, Copy)]
enum Full {
    Lane(WhenFull),
    Spill,
}

impl FromStr for Full {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "spill" => Ok(Self::Spill),
            _ => name.parse().map(Self::Lane).map_err(|unknown| format!("{unknown}, spill")),
        }
    }
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// If the file can't be read, or has an unknown or invalid setting.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(&Self::read_text(path)?, path)
    }

    /// The text of a configuration file.
    pub(crate) fn read_text(path: &Path) -> Result<String, ConfigError> {
        input_file::read_text(path, MAX_OWN_CONFIG)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })
    }

    /// A configuration of a test.
    #[cfg(test)]
    pub(crate) fn parse_text(text: &str) -> Self {
        Self::parse(text, Path::new("pigear.toml")).unwrap()
    }

    /// The same from the text of a file.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let lines = Lines::of(text);
        let mut file: File = toml::from_str(text).map_err(|error| {
            let line = lines.line(error.span().map_or(0, |span| span.start));
            let table = text.lines().nth(line - 1).unwrap_or_default();
            let problem = not_repeatable(table).unwrap_or_else(|| in_words(error.message()));
            ConfigError::Broken { path: path.to_owned(), line, problem }
        })?;
        let place = |line| format!("{}:{line}", path.display());
        let filter = |script: Spanned<String>| FilterConfig {
            place: format!("{}: filter", place(lines.line(script.span().start))),
            script: script.into_inner(),
        };
        let mut names = HandlerNames::default();
        let handler = |handler: Spanned<Handler>| {
            let line = lines.line(handler.span().start);
            let broken = |problem| ConfigError::Broken { path: path.to_owned(), line, problem };
            let mut handler = handler.into_inner();
            if let Some(name) = &handler.name {
                names.take(name).map_err(|error| broken(error.to_string()))?;
            }
            let filter = handler.filter.take().map(filter);
            handler.into_config(place(line), filter).map_err(broken)
        };
        // The table of the page is a handler of its own kind.
        let web = file.web.take().map(|web| {
            let (span, mut web) = (web.span(), web.into_inner());
            web.r#type = web.r#type.or_else(|| Some("web".to_owned()));
            Spanned::new(span, web)
        });
        let handlers = std::mem::take(&mut file.handler).into_iter().chain(web).map(handler);
        Ok(Self {
            handlers: handlers.collect::<Result<_, _>>()?,
            filter: file.filter.take().map(filter),
            file: Some(path.to_owned()),
            ..file.without_scripts()
        })
    }
}

impl File {
    /// The configuration but for handlers and filters, which are read with their places.
    pub(super) fn without_scripts(self) -> Config {
        Config {
            sources: self.source,
            names: self.names,
            rules: self.rules,
            store: self.store,
            on_error: if self.serve_forever { OnError::GoOn } else { OnError::Stop },
            count: self.count.map(NonZeroU64::get),
            stats: self.stats,
            metrics: self.metrics,
            privileges: PrivilegeConfig {
                user: self.user,
                sandbox: self.sandbox,
                sandbox_write: self.sandbox_write,
            },
            ..Config::default()
        }
    }
}

impl Handler {
    /// What is wrong with some of its keys.
    #[cfg(feature = "command")]
    pub(super) fn deserialize_from(keys: toml::Value) -> Result<(), String> {
        Self::deserialize(keys).map(drop).map_err(|error| in_words(error.message()))
    }

    /// The configuration, but for its filter, of a handler of this kind whose keys are right each alone.
    ///
    /// # Errors
    /// What is wrong with them together, in words for a user.
    #[cfg(feature = "command")]
    pub(super) fn config_of(mut keys: toml::Table, kind: &str) -> Result<HandlerConfig, String> {
        // It is read with its place, which these keys don't have.
        keys.remove("filter");
        let mut handler = Self::deserialize(keys).map_err(|error| in_words(error.message()))?;
        handler.r#type.get_or_insert_with(|| kind.to_owned());
        handler.into_config(String::new(), None)
    }

    fn into_config(
        self,
        place: String,
        filter: Option<FilterConfig>,
    ) -> Result<HandlerConfig, String> {
        let kind = self.r#type.or_else(|| self.name.clone()).ok_or("missing field `type`")?;
        let (when_full, spills) = match self.when_full {
            Some(Full::Lane(when_full)) => (Some(when_full), None),
            Some(Full::Spill) if self.durable == Some(false) => {
                return Err(
                    "when_full = \"spill\" is the same as durable = true, but durable = false is \
                    given, too"
                        .to_owned(),
                );
            }
            Some(Full::Spill) => (None, Some(true)),
            None => (None, None),
        };
        Ok(HandlerConfig {
            kind,
            name: self.name,
            is_numbered: false,
            queue: self.queue,
            queue_bytes: self.queue_bytes,
            when_full,
            durable: self.durable.or(spills),
            begin: self.from,
            filter,
            group: self.group,
            per_minute: self.per_minute,
            limit: self.limit,
            keys: Keys::from(self.keys),
            place: Some(place),
        })
    }
}

/// What is wrong with a table that must be written as one of several.
pub(super) fn not_repeatable(line: &str) -> Option<String> {
    let line = line.split('#').next()?.trim();
    let name = line.strip_prefix('[')?.strip_suffix(']')?.trim();
    let is_several = ["source", "handler"].contains(&name);
    is_several.then(|| format!("write [[{name}]], not [{name}]: there may be several"))
}
