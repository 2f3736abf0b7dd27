//! Why a source ended early.

use std::io;

use pigear_alert::wire::DecodeError;

use crate::recording::RecordingError;

/// Why a source ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A datagram is not an alert, and errors end the program.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// The system reports that nothing more can be received.
    #[error("receiving failed")]
    Receive(#[source] io::Error),
    /// A recording can't be read.
    #[error("cannot read the recording")]
    Recording(#[from] RecordingError),
    /// Snort's log can't be read any more.
    #[error("cannot read Snort's log")]
    Log(#[source] io::Error),
    /// The bookmark can't be written.
    #[error("cannot write the bookmark")]
    Bookmark(#[source] io::Error),
    /// Alerts of a log that was to be read to its end were left out.
    #[error("alerts found no room; the next run begins with them")]
    LeftOut,
    /// The source panicked.
    #[error("panicked")]
    Panicked,
}
