//! Where alerts come from.

mod dir_watcher;
mod play;
pub mod unified2;
pub mod unix;

use std::io;

use pigear_alert::wire::DecodeError;

pub use play::Play;

use crate::fanout::Fanout;
use crate::recording::RecordingError;
use crate::stop::Stop;
use unified2::Progress;

/// Something that alerts come from. It runs on a thread of its own.
pub trait Source: Send {
    /// What to call the source in messages.
    fn name(&self) -> String;

    /// Where to see how far it came, if it is something that comes to an end.
    fn progress(&self) -> Option<Progress> {
        None
    }

    /// Hands in alerts until there are no more, or the intake says that it is enough, or `stop` is
    /// requested. Must return soon after that, also if nothing comes.
    ///
    /// # Errors
    /// If alerts can no longer be had, or if the intake said so.
    fn run(self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError>;
}

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
    /// The source broke.
    #[error("panicked")]
    Panicked,
}
