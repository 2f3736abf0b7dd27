use std::sync::mpsc::{Sender, channel};

use super::change::{ChangeError, LaneChange};
use super::event::Event;

/// Changes the lanes of a running pipeline. Clones share it.
#[derive(Clone)]
pub struct LaneChanger(Sender<Event>);

impl LaneChanger {
    pub(super) fn new(events: Sender<Event>) -> Self {
        Self(events)
    }

    /// Makes a change as a whole, and waits until it is made.
    ///
    /// # Errors
    /// If it can't be made. Nothing was changed then, except where the system has no thread for a new lane.
    pub fn change(&self, change: LaneChange) -> Result<(), ChangeError> {
        let (reply, answer) = channel();
        self.0.send(Event::Change(change, reply)).map_err(|_| ChangeError::Ended)?;
        answer.recv().map_err(|_| ChangeError::Ended)?
    }
}
