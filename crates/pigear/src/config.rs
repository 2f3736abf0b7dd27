//! What is to be done: what a configuration file and the command line both build.
//!
//! ```toml
//! serve_forever = true
//! stats = "/run/pigear/stats.json"
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

mod file;
mod source;
mod store;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use bytesize::ByteSize;
use pigear_pipeline::{LaneSettings, OnError, WhenFull};

pub use file::ConfigError;
pub use source::{InstanceCount, SourceConfig, SourceKind};
pub use store::{Begin, StoreConfig};

use crate::keys::{Keys, PerMinute, Time};
use crate::names::NameFiles;

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Where alerts come from. None: Snort's socket in its usual place.
    pub sources: Vec<SourceConfig>,
    /// What is done with them. None: they are printed.
    pub handlers: Vec<HandlerConfig>,
    /// Which of them the handlers get. None: all.
    pub filter: Option<FilterConfig>,
    /// Where they are kept. None: nowhere.
    pub store: StoreConfig,
    /// The files that name their numbers.
    pub names: NameFiles,
    /// What an error does.
    pub on_error: OnError,
    /// Ends after so many alerts.
    pub count: Option<u64>,
    /// Where the counters are written, at the end and every ten seconds.
    pub stats: Option<PathBuf>,
}

/// One handler.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HandlerConfig {
    /// Which handler: a name in the registry.
    pub kind: String,
    /// What to call it in counters and messages; its kind, by default.
    pub name: Option<String>,
    /// Whether the name only says which of several of a kind it is: `http-2`. The next configuration may
    /// give it to another, so the store can't know a handler by it.
    pub is_numbered: bool,
    /// How many alerts may wait for it.
    pub queue: Option<usize>,
    /// How much memory these may take.
    pub queue_bytes: Option<ByteSize>,
    /// What becomes of an alert that finds the queue full.
    pub when_full: Option<WhenFull>,
    /// Which alerts it gets, of those that all handlers get.
    pub filter: Option<FilterConfig>,
    /// Alerts of the same signature, source and priority within this time become one; each by itself,
    /// if there is none or it is zero.
    pub group: Option<Time>,
    /// How many alerts, or groups, it gets in a minute at most; the others wait.
    pub per_minute: Option<PerMinute>,
    /// How many alerts it gets in a minute at most; the others are left out, and counted as muted.
    pub limit: Option<PerMinute>,
    /// Whether its alerts wait in the store. By default those wait there that it hands on to somebody
    /// else who says whether he has them.
    pub durable: Option<bool>,
    /// With which of them it begins when it is new.
    pub begin: Option<Begin>,
    /// Its own settings.
    pub keys: Keys,
    /// Where it is configured, for messages: a file and a line.
    pub place: Option<String>,
}

/// Which alerts are handled: a script, and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterConfig {
    /// A script whose value is true for an alert that is to be handled.
    pub script: String,
    /// Where it is configured, for messages: an option, or a file and a line.
    pub place: String,
}

impl HandlerConfig {
    /// A handler of a kind, with nothing set.
    #[must_use]
    pub fn new(kind: &str) -> Self {
        Self { kind: kind.to_owned(), ..Self::default() }
    }

    /// The lane's settings; those that aren't given are the default's.
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
