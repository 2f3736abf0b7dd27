//! Snort, which sends all the time, whether somebody listens or not.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pigear_alert::AlertMessage;
use pigear_alert::wire::{Dialect, encode};

/// 2,000 alerts a second.
const PAUSE: Duration = Duration::from_micros(500);

pub(crate) struct Snort {
    ended: Arc<AtomicBool>,
    sent: Arc<AtomicU32>,
    thread: JoinHandle<()>,
}

impl Snort {
    pub(crate) fn start(socket: PathBuf) -> Self {
        Self::with_rules(socket, 1)
    }

    /// Sends alerts of this many rules in turn: the rule and the priority of an alert depend on its number.
    pub(crate) fn with_rules(socket: PathBuf, rules: u32) -> Self {
        let (ended, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let (stop, count) = (Arc::clone(&ended), Arc::clone(&sent));
        let thread = thread::spawn(move || {
            let sender = UnixDatagram::unbound().unwrap();
            // Nobody may be there to take it.
            sender.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
            let mut message = AlertMessage::default();
            message.msg = b"something happened".as_slice().into();
            message.sig_generator = 1;
            while !stop.load(Ordering::SeqCst) {
                message.event_id += 1;
                let rule = message.event_id % rules;
                (message.sig_id, message.priority) = (384 + rule, 3 - rule % 3);
                if sender.send_to(&encode(&message, Dialect::Snort29), &socket).is_ok() {
                    count.fetch_add(1, Ordering::SeqCst);
                }
                thread::sleep(PAUSE);
            }
        });
        Self { ended, sent, thread }
    }

    /// How many were sent so far.
    pub(crate) fn sent(&self) -> u32 {
        self.sent.load(Ordering::SeqCst)
    }

    /// Ends, and says how many were sent.
    pub(crate) fn end(self) -> u32 {
        self.ended.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
        self.sent.load(Ordering::SeqCst)
    }
}
