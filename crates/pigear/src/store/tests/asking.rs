//! Whether an alert is stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use pigear_alert::AlertMessage;
use pigear_alert::wire::{Dialect, encode};

use super::*;

/// At the second of its number.
fn alert((sid, event_id): (u32, u32), msg: &str) -> Arc<Alert> {
    let mut message = AlertMessage::default();
    (message.sig_generator, message.sig_id, message.event_id) = (1, sid, event_id);
    (message.ts_sec, message.msg) = (event_id, msg.as_bytes().into());
    AlertFactory::default().take(&encode(&message, Dialect::Snort29), None, false).unwrap()
}

/// As many of rule 1 with a message each, and ten of rule 2.
fn stored(messages: u32) -> Vec<Arc<Alert>> {
    let of_many = (0..messages).map(|n| alert((1, n), &format!("user {n} has logged in")));
    of_many.chain((0..10).map(|n| alert((2, n), "somebody has logged in"))).collect()
}

#[test]
fn an_alert_is_found_however_many_messages_its_rule_has() {
    let stored = stored(200);
    let (place, _store) = Place::with(&stored);
    let mut reader = place.reader();
    assert!(stored.iter().all(|alert| reader.has_alert(alert).unwrap()));
    for (rule_and_event, msg) in [
        ((1, 200), "user 7 has logged in"),
        // At this time there are others only.
        ((2, 10), "somebody has logged in"),
        ((3, 0), "user 0 has logged in"),
    ] {
        assert!(!reader.has_alert(&alert(rule_and_event, msg)).unwrap(), "{rule_and_event:?}");
    }
}

#[test]
fn asking_for_an_alert_costs_the_same_however_many_messages_its_rule_has() {
    let instructions = [100, 5_000].map(|messages| {
        let stored = stored(messages);
        let (place, _store) = Place::with(&stored);
        let mut reader = place.reader();
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        let one_more = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            false
        };
        reader.connection.progress_handler(1, Some(one_more));
        assert!(reader.has_alert(&stored[50]).unwrap());
        count.load(Ordering::Relaxed)
    });
    assert!(instructions[1] < 2 * instructions[0], "{instructions:?}");
}
