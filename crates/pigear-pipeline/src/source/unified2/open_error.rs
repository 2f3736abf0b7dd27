//! Why a log can't be read.

use std::io;
use std::path::PathBuf;

use super::file_kind::FileKind;
use super::spool::SpoolError;

/// Why a log can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The path does not name a log.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// A file of the log can't be read.
    #[error("cannot read the log")]
    Read(#[source] io::Error),
    /// No file of the log is in unified2.
    #[error("{} is {kind}, not a log in unified2", path.display())]
    Foreign {
        /// The newest file.
        path: PathBuf,
        /// What it is.
        kind: FileKind,
    },
    /// The bookmark can't be read or written.
    #[error("cannot use the bookmark {}", path.display())]
    Bookmark {
        /// The bookmark.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}
