//! Why a configuration can't be carried out.

use std::io;
use std::path::PathBuf;

use pigear_pipeline::recording::RecordingError;
use pigear_pipeline::source::unified2::OpenError;
use pigear_pipeline::source::unix::BindError;

use crate::config::SourceKind;
use crate::names::NameFileError;
use crate::registry::{BuildError, Unresolved};

/// Why a configuration can't be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// A handler can't be had.
    #[error("{}{problem}", place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default())]
    Handler {
        /// Where it is configured.
        place: Option<String>,
        /// Why.
        problem: BuildError,
    },
    /// The store can't be used.
    #[cfg(feature = "store")]
    #[error("cannot use the store {}", path.display())]
    Store {
        /// The store.
        path: PathBuf,
        /// Why.
        source: crate::store::StoreProblem,
    },
    /// What is configured about the store or a lane makes no sense.
    #[error("{0}")]
    StoreSettings(String),
    /// A filter makes no sense.
    #[error("{place}: {problem}")]
    Filter {
        /// Where it is configured.
        place: String,
        /// What is wrong, with the place marked.
        problem: String,
    },
    /// A file of names can't be read.
    #[error(transparent)]
    Names(#[from] NameFileError),
    /// Snort's configuration can't be read.
    #[error("cannot read {}", path.display())]
    SnortConf {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A socket can't be bound.
    #[error("cannot listen on {}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: BindError,
    },
    /// A recording can't be opened.
    #[error("cannot read {}", path.display())]
    Recording {
        /// The recording.
        path: PathBuf,
        /// Why.
        source: RecordingError,
    },
    /// Snort's log can't be opened.
    #[error("cannot read the log {}", path.display())]
    Log {
        /// The log.
        path: PathBuf,
        /// Why.
        source: OpenError,
    },
    /// The file for the counters can't be written.
    #[error("cannot write {}", path.display())]
    Stats {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system gives us no thread.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// There is no user of this name.
    #[error("unknown user {name:?}")]
    UnknownUser {
        /// The name.
        name: String,
    },
    /// There is no group of this name.
    #[error("unknown group {name:?}")]
    UnknownGroup {
        /// The name.
        name: String,
    },
    /// No source has this name.
    #[error("unknown socket handler {name:?}; known are {}", SourceKind::known())]
    UnknownSource {
        /// The name that was asked for.
        name: String,
    },
    /// A source that a [`Resolver`](crate::registry::Resolver) claims can't be had.
    #[error("socket handler {name}: {problem}")]
    SourceHandler {
        /// The source.
        name: String,
        /// Why.
        problem: Unresolved,
    },
    /// The settings of a source don't fit together.
    #[error("{0}")]
    Source(&'static str),
}
