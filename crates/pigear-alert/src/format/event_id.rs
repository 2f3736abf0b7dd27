//! A unique id of an alert.

use sha1::{Digest, Sha1};

use crate::alert::Alert;

/// 32 hexadecimal digits that are the same each time the same alert is written: a hash of sensor, event
/// id, time, generator and signature id. For receivers that remove duplicates.
pub(super) fn event_id(alert: &Alert) -> String {
    let message = &alert.message;
    let mut hash = Sha1::new();
    for number in
        [message.event_id, message.ts_sec, message.ts_usec, message.sig_generator, message.sig_id]
    {
        hash.update(number.to_be_bytes());
    }
    hash.update(alert.origin.sensor.as_deref().unwrap_or_default());
    let digest: [u8; 20] = hash.finalize().into();
    let first = digest.first_chunk().copied().map(u128::from_be_bytes);
    format!("{:032x}", first.unwrap_or_default())
}
