use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::thread;

use super::message::Message;

/// How many updates may wait to be drawn: a terminal that takes nothing must not fill the memory.
const MAX_PENDING: usize = 4;

/// Where messages to the thread that draws go. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    sender: Sender<Message>,
    /// How many updates from the store are not taken.
    pending: Arc<AtomicUsize>,
}

/// The thread that draws has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closed;

impl Outbox {
    pub(super) fn new(sender: Sender<Message>) -> Self {
        Self { sender, pending: Arc::default() }
    }

    pub(super) fn send(&self, message: Message) -> Result<(), Closed> {
        if is_update(&message) {
            self.pending.fetch_add(1, Ordering::SeqCst);
        }
        self.sender.send(message).map_err(|_| Closed)
    }

    /// A message was received.
    pub(super) fn taken(&self, message: &Message) {
        if is_update(message) {
            self.pending.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Whether so many updates wait that no more should be sent.
    pub(super) fn is_full(&self) -> bool {
        self.pending.load(Ordering::SeqCst) >= MAX_PENDING
    }

    /// Says if this thread panics, as long as the result is kept.
    pub(super) fn watch(&self) -> Watch {
        Watch(self.clone())
    }
}

fn is_update(message: &Message) -> bool {
    matches!(message, Message::Tail(_) | Message::Older(_) | Message::Counts(_))
}

/// Says if the thread panics that drops it.
pub(super) struct Watch(Outbox);

impl Drop for Watch {
    fn drop(&mut self) {
        if thread::panicking() {
            // Without a receiver the program ends anyway.
            let _ = self.0.send(Message::Died);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_thread_that_panics_is_reported() {
        let (sender, inbox) = channel();
        let outbox = Outbox::new(sender);
        let panicked = thread::spawn(move || {
            let _watch = outbox.watch();
            panic!("as a test");
        });
        assert!(panicked.join().is_err());
        assert!(matches!(inbox.recv(), Ok(Message::Died)));
    }

    #[test]
    fn updates_wait_until_those_before_are_taken() {
        let (sender, inbox) = channel();
        let outbox = Outbox::new(sender);
        for _ in 0..MAX_PENDING {
            assert!(!outbox.is_full());
            outbox.send(Message::Tail(Box::default())).unwrap();
            outbox.send(Message::Resized).unwrap();
        }
        assert!(outbox.is_full());
        for message in inbox.try_iter() {
            outbox.taken(&message);
        }
        assert!(!outbox.is_full());
    }
}
