use std::sync::Arc;

use pigear_alert::wire::{Decoder, Dialect, encode};
use pigear_alert::{Alert, AlertMessage};

/// An alert with this message.
pub(super) fn alert(msg: &[u8]) -> Alert {
    made(|message| message.msg = msg.into())
}

fn made(change: impl FnOnce(&mut AlertMessage)) -> Alert {
    let mut message = AlertMessage::default();
    (message.sig_generator, message.sig_id, message.sig_rev, message.priority) = (1, 384, 8, 3);
    change(&mut message);
    let decoded = Decoder::default().decode(&encode(&message, Dialect::Snort27)).unwrap();
    Alert::new(decoded, Arc::default(), Arc::default())
}
