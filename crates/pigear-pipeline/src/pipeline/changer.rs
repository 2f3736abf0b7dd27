use std::sync::mpsc::{Sender, channel};

use super::change::{ChangeError, LaneChange};
use super::event::Event;
use super::names::Names;

/// Changes the lanes of a running pipeline. Clones share it.
#[derive(Clone)]
pub struct LaneChanger {
    events: Sender<Event>,
    removed: Names,
}

impl LaneChanger {
    pub(super) fn new(events: Sender<Event>, removed: Names) -> Self {
        Self { events, removed }
    }

    /// Whether a lane of this name was removed and still processes what it has. Until it has ended, no other can have
    /// the name.
    #[must_use]
    pub fn is_ending(&self, name: &str) -> bool {
        self.removed.has(name)
    }

    /// Makes a change as a whole, and waits until it is made.
    ///
    /// # Errors
    /// If it can't be made. Nothing was changed then, except where the system has no thread for a new lane.
    pub fn change(&self, change: LaneChange) -> Result<(), ChangeError> {
        let (reply, answer) = channel();
        self.events.send(Event::Change(change, reply)).map_err(|_| ChangeError::Ended)?;
        answer.recv().map_err(|_| ChangeError::Ended)?
    }
}
