//! Sources: where alerts come from.

mod dir_watcher;
mod play;
pub mod unified2;
pub mod unix;

pub use play::Play;

pub use crate::source_error::SourceError;

use crate::fanout::Fanout;
use crate::stop::Stop;
use unified2::Progress;

/// What a source does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It waits for alerts that are sent to it.
    Listening,
    /// It will listen once it is connected to a server.
    Connecting,
    /// It reads a recording or a log.
    Reading,
    /// It completes the alerts of another source from a log.
    Completing,
    /// The same, but the log isn't there yet.
    WaitingForLog,
}

/// A source of alerts. It runs on its own thread.
pub trait Source: Send {
    /// The source's name in messages.
    fn name(&self) -> String;

    /// What it does, for messages.
    fn activity(&self) -> Activity {
        Activity::Listening
    }

    /// Its progress, if it comes to an end.
    fn progress(&self) -> Option<Progress> {
        None
    }

    /// Where alerts stay that were not settled in this run, if the next run begins with them: `the log`, for messages.
    fn resumes_from(&self) -> Option<&'static str> {
        None
    }

    /// Pushes alerts to the intake until there are no more, the intake says to stop, or `stop` is
    /// requested. Must return soon after that, even if nothing arrives.
    ///
    /// # Errors
    /// If no more alerts can be read, or if the intake returned an error.
    fn run(self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError>;
}
