//! Alerts for the tests of queues, lanes and pipelines.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::wire::{Dialect, encode};
use pigear_alert::{Alert, AlertMessage};

use crate::alert_factory::AlertFactory;

/// A datagram of Snort 2.7 with this event id.
pub(crate) fn datagram(event_id: u32) -> Vec<u8> {
    let mut message = AlertMessage::default();
    message.event_id = event_id;
    encode(&message, Dialect::Snort27)
}

/// An alert with this event id.
pub(crate) fn alert(event_id: u32) -> Arc<Alert> {
    AlertFactory::default().take(&datagram(event_id), None, false).unwrap()
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        std::thread::yield_now();
    }
}

/// An alert of this signature and priority.
pub(crate) fn alert_of(signature: u32, priority: u32) -> Arc<Alert> {
    let mut message = AlertMessage::default();
    (message.sig_generator, message.sig_id, message.priority) = (1, signature, priority);
    let datagram = encode(&message, Dialect::Snort27);
    AlertFactory::default().take(&datagram, None, false).unwrap()
}
