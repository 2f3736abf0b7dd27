//! Whether a thread that receives datagrams moves.

use std::sync::atomic::{AtomicU64, Ordering};

/// How far a thread that receives datagrams is. Its only writer is that thread, so two stores a datagram are enough.
#[derive(Debug)]
pub(crate) struct Steps {
    name: String,
    /// Even while it waits for a datagram, odd while it works on one.
    steps: AtomicU64,
}

/// What a thread that receives datagrams does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiverState {
    /// It waits for a datagram.
    Waiting,
    /// It works on a datagram. If this stays so while [`steps`](ReceiverSteps::steps) stays the same, it is stuck: a
    /// datagram takes microseconds.
    Working,
    /// It has ended.
    Ended,
}

/// How far a thread that receives datagrams is, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverSteps {
    /// The source, as in messages: the path of its socket.
    pub name: String,
    /// How far it is: grows with each datagram.
    pub steps: u64,
    /// What it does.
    pub state: ReceiverState,
}

const ENDED: u64 = u64::MAX;

impl Steps {
    pub(crate) fn new(name: String) -> Self {
        Self { name, steps: AtomicU64::new(0) }
    }

    /// The thread begins to wait for a datagram.
    pub(crate) fn waits(&self) {
        let steps = self.steps.load(Ordering::Relaxed);
        self.steps.store((steps | 1).wrapping_add(1), Ordering::Relaxed);
    }

    /// The thread got a datagram, or an error.
    pub(crate) fn works(&self) {
        let steps = self.steps.load(Ordering::Relaxed);
        self.steps.store(steps | 1, Ordering::Relaxed);
    }

    /// The thread ends.
    pub(crate) fn end(&self) {
        self.steps.store(ENDED, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> ReceiverSteps {
        let steps = self.steps.load(Ordering::Relaxed);
        let state = match steps {
            ENDED => ReceiverState::Ended,
            steps if steps % 2 == 0 => ReceiverState::Waiting,
            _ => ReceiverState::Working,
        };
        ReceiverSteps { name: self.name.clone(), steps, state }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_datagram_is_a_step_however_often_it_is_said() {
        let steps = Steps::new("socket".to_owned());
        let read = || (steps.read().state, steps.read().steps);
        assert_eq!(read(), (ReceiverState::Waiting, 0));
        steps.works();
        steps.works();
        assert_eq!(read(), (ReceiverState::Working, 1));
        steps.waits();
        assert_eq!(read(), (ReceiverState::Waiting, 2));
        steps.waits();
        assert_eq!(read(), (ReceiverState::Waiting, 4));
        steps.end();
        assert_eq!(read().0, ReceiverState::Ended);
    }
}
