//! Why a source ended before it should.

use std::io;

use pigear_alert::wire::DecodeError;

use crate::recording::RecordingError;

/// Why a source ended before it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A datagram is not an alert, and errors end the program.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// The system doesn't let us receive any more.
    #[error("receiving failed")]
    Receive(#[source] io::Error),
    /// A recording can't be read.
    #[error("cannot read the recording")]
    Recording(#[from] RecordingError),
    /// Snort's log can't be read any more.
    #[error("cannot read Snort's log")]
    Log(#[source] io::Error),
    /// How far the log was read can't be remembered.
    #[error("cannot write the bookmark")]
    Bookmark(#[source] io::Error),
    /// Alerts of a log that was to be read to its end were left out.
    #[error("alerts found no room; the next run begins with them")]
    LeftOut,
    /// The source broke.
    #[error("panicked")]
    Panicked,
}
