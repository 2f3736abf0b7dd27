//! Where alerts come from.

mod dir_watcher;
mod play;
pub mod unified2;
pub mod unix;

pub use play::Play;

pub use crate::source_error::SourceError;

use crate::fanout::Fanout;
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
