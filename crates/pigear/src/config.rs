//! The configuration, from a configuration file or the command line.
//!
//! ```toml
//! serve_forever = true
//! stats = "/run/pigear/stats.json"
//! rules = "/etc/snort/rules"
//!
//! [names]
//! sid_msg_map = "/etc/snort/sid-msg.map"
//!
//! [store]
//! path = "/var/lib/pigear/alerts.db"
//! keep_days = 90
//!
//! [[source]]
//! logdir = "/var/log/snort"
//! instances = "auto"
//!
//! [[handler]]
//! type = "file"
//! path = "/var/log/pigear/alerts.json"
//! format = "json"
//! rotate = "100MB,1d"
//! ```

#[cfg(feature = "command")]
mod check;
#[cfg(feature = "command")]
mod exposure;
mod file;
#[cfg(feature = "command")]
mod file_keys;
mod handler_names;
mod lines;
mod metrics;
mod privileges;
#[cfg(feature = "command")]
mod secret_keys;
mod source;
mod store;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use bytesize::ByteSize;
use pigear_pipeline::{LaneSettings, OnError, WhenFull};

#[cfg(feature = "command")]
pub use check::Mistake;
#[cfg(feature = "command")]
pub(crate) use check::{Accounts, HANDLER_KEYS, keys_of_file};
#[cfg(feature = "command")]
pub(crate) use exposure::Exposure;
pub use file::ConfigError;
#[cfg(feature = "command")]
pub(crate) use file_keys::FileKey;
#[cfg(feature = "command")]
pub(crate) use handler_names::name_handlers;
pub use metrics::{MetricsAddress, NotAnAddress};
pub use privileges::{PrivilegeConfig, Sandbox};
#[cfg(feature = "command")]
pub(crate) use secret_keys::{Disclosure, HIDDEN, ValueKind, disclosure, is_secret, value_kind};
pub use source::{InstanceCount, SourceConfig, SourceKind};
pub use store::{Begin, StoreConfig};

use crate::keys::{Keys, PerMinute, Time};
use crate::names::NameFiles;

/// A whole configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The sources. None: Snort's socket in its usual place.
    pub sources: Vec<SourceConfig>,
    /// The handlers. None: alerts are printed.
    pub handlers: Vec<HandlerConfig>,
    /// The filter of all handlers. None: all alerts pass.
    pub filter: Option<FilterConfig>,
    /// The store. None: alerts are not stored.
    pub store: StoreConfig,
    /// The files with names for an alert's numbers.
    pub names: NameFiles,
    /// Files of Snort's rules, and directories with such files.
    pub rules: Vec<PathBuf>,
    /// What an error in a handler or a datagram does to the program.
    pub on_error: OnError,
    /// Ends after this many alerts.
    pub count: Option<u64>,
    /// Where to write the counters, at the end and every ten seconds.
    pub stats: Option<PathBuf>,
    /// Where to serve metrics.
    pub metrics: Option<MetricsAddress>,
    /// What the process may do.
    pub privileges: PrivilegeConfig,
    /// The file that it was read from.
    pub file: Option<PathBuf>,
}

/// One handler.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HandlerConfig {
    /// The kind of handler: a name in the registry.
    pub kind: String,
    /// Its name in counters and messages; by default its kind.
    pub name: Option<String>,
    /// Whether the name was assigned to tell handlers of a kind apart: `http-2`. The next configuration may
    /// assign it to another one, so the store can't use it.
    pub is_numbered: bool,
    /// How many alerts may wait for it.
    pub queue: Option<usize>,
    /// How many bytes of memory these may take.
    pub queue_bytes: Option<ByteSize>,
    /// What happens to an alert that finds the queue full.
    pub when_full: Option<WhenFull>,
    /// Its own filter, in addition to the filter of all handlers.
    pub filter: Option<FilterConfig>,
    /// Alerts of the same signature, source and priority within this time become one. Without it, or with
    /// zero, alerts are not grouped.
    pub group: Option<Time>,
    /// The most alerts, or groups, that it gets in a minute; the others wait.
    pub per_minute: Option<PerMinute>,
    /// The most alerts that it gets in a minute; the others are left out, and counted as muted.
    pub limit: Option<PerMinute>,
    /// Whether its alerts wait in the store. By default they do if it delivers to a receiver that confirms
    /// what it has.
    pub durable: Option<bool>,
    /// The alert with which it begins when it is new.
    pub begin: Option<Begin>,
    /// Its own settings.
    pub keys: Keys,
    /// Where it is configured, for messages: a file and a line.
    pub place: Option<String>,
}

/// A filter script, and where it is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterConfig {
    /// A script whose value is true for the alerts to handle.
    pub script: String,
    /// Where it is configured, for messages: an option, or a file and a line.
    pub place: String,
}

impl HandlerConfig {
    /// A handler of a kind, without settings.
    #[must_use]
    pub fn new(kind: &str) -> Self {
        Self { kind: kind.to_owned(), ..Self::default() }
    }

    /// The lane's settings, with defaults for those that aren't given.
    #[must_use]
    pub fn lane(&self, when_full: WhenFull) -> LaneSettings {
        let default = LaneSettings::default();
        let bytes = self.queue_bytes.map(|bytes| usize::try_from(bytes.as_u64()));
        LaneSettings {
            max_alerts: self.queue.unwrap_or(default.max_alerts),
            max_bytes: bytes.map_or(default.max_bytes, |bytes| bytes.unwrap_or(usize::MAX)),
            when_full: self.when_full.unwrap_or(when_full),
            group: self.group.map(|time| time.0).filter(|time| !time.is_zero()),
            per_minute: self.per_minute.map(|per_minute| per_minute.0),
            limit: self.limit.map(|limit| limit.0),
        }
    }
}
