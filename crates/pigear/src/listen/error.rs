//! Why a configuration can't be run.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use pigear_pipeline::recording::RecordingError;
use pigear_pipeline::source::unified2::OpenError;
use pigear_pipeline::source::unix::BindError;

use super::directories::{self, MissingDirectory};
use crate::config::SourceKind;
use crate::names::NameFileError;
use crate::registry::{BuildError, Unresolved};
use crate::rules::RulesError;

/// Why a configuration can't be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// A handler can't be created.
    #[error("{}{problem}", place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default())]
    Handler {
        /// Where it is configured.
        place: Option<String>,
        /// The cause.
        problem: BuildError,
    },
    /// The store can't be used.
    #[cfg(feature = "store")]
    #[error("cannot use the store {}", path.display())]
    Store {
        /// The path of the store.
        path: PathBuf,
        /// The cause.
        source: crate::store::StoreProblem,
    },
    /// Directories of files that are to be written don't exist.
    #[error("no such directory: {}", directories::listed(missing))]
    Directories {
        /// All that are missing.
        missing: Vec<MissingDirectory>,
    },
    /// The settings of the store or a lane are invalid.
    #[error("{0}")]
    StoreSettings(String),
    /// A file is written to that is read, or has another writer.
    #[error("{0}")]
    Output(String),
    /// Two servers would listen on one address.
    #[error("{0}")]
    Address(String),
    /// Two sources would bind one socket.
    #[error("{} is the socket of source {other}, too; leave one out", path.display())]
    SocketTwice {
        /// The socket.
        path: PathBuf,
        /// The number of the source, counted from 1.
        other: usize,
    },
    /// A filter is invalid.
    #[error("{place}: {problem}")]
    Filter {
        /// Where it is configured.
        place: String,
        /// What is wrong, with the position marked.
        problem: String,
    },
    /// A name map can't be read.
    #[error(transparent)]
    Names(#[from] NameFileError),
    /// The rules can't be read.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Snort's configuration can't be read.
    #[error("cannot read {}", path.display())]
    SnortConf {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A socket can't be bound.
    #[error("cannot listen on {}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// The cause.
        source: BindError,
    },
    /// A descriptor that systemd passed is no socket for alerts.
    #[error("cannot use descriptor {number} ({name}), which systemd passed")]
    Descriptor {
        /// Its number.
        number: usize,
        /// Its name in the socket unit.
        name: String,
        /// The cause.
        source: BindError,
    },
    /// Systemd passed no socket of this name.
    #[error(
        "systemd passed no socket named {name:?}{}",
        if known.is_empty() { String::new() } else { format!("; it passed {}", known.join(", ")) }
    )]
    NoSuchDescriptor {
        /// The name.
        name: String,
        /// The names of those that it passed.
        known: Vec<String>,
    },
    /// No source receives from a socket that systemd passed.
    #[error("systemd passed the socket {}, but no source receives from it", path.display())]
    UnusedSocket {
        /// The socket.
        path: PathBuf,
    },
    /// A recording can't be opened.
    #[error("cannot read {}", path.display())]
    Recording {
        /// The recording.
        path: PathBuf,
        /// The cause.
        source: RecordingError,
    },
    /// Snort's log can't be opened.
    #[error("cannot read the log {}", path.display())]
    Log {
        /// The log.
        path: PathBuf,
        /// The cause.
        source: OpenError,
    },
    /// The file for the counters can't be written.
    #[error("cannot write {}", path.display())]
    Stats {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Metrics can't be served.
    #[error("cannot serve metrics at {address}: {problem}")]
    Metrics {
        /// The address.
        address: SocketAddr,
        /// The cause.
        problem: String,
    },
    /// The system allows no more threads.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// The system can't say which users there are.
    #[error("cannot look up users")]
    Users(#[source] io::Error),
    /// The user doesn't exist.
    #[error("unknown user {name:?}")]
    UnknownUser {
        /// The name.
        name: String,
    },
    /// The group doesn't exist.
    #[error("unknown group {name:?}")]
    UnknownGroup {
        /// The name.
        name: String,
    },
    /// The kind of source is unknown.
    #[error("unknown socket handler {name:?}; known are {}", SourceKind::known())]
    UnknownSource {
        /// The unknown name.
        name: String,
    },
    /// A source that a [`Resolver`](crate::registry::Resolver) claims can't be created.
    #[error("socket handler {name}: {problem}")]
    SourceHandler {
        /// The source.
        name: String,
        /// The cause.
        problem: Unresolved,
    },
    /// What `from` says of a source can't be used.
    #[error("socket handler {name}: {problem}")]
    From {
        /// The source.
        name: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The settings of a source contradict each other.
    #[error("{0}")]
    Source(&'static str),
}
