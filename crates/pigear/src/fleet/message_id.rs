//! The id of an alert, by which an engine drops duplicates.

use std::num::NonZeroU64;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pigear_alert::{Alert, Medium};
use sha2::{Digest, Sha256};

/// Bytes of the digest that are used. Among the ten million alerts of a duplicate window, the chance that any two
/// have the same id is one in a hundred million.
const BYTES: usize = 9;

/// The id: the same whenever an alert is published, and by any Pigear that reads it from the same log.
///
/// It is made of the sensor, the source's run, event id, time, generator and signature. Snort's event ids begin
/// anew with each run of Snort; what tells runs apart is the sender's process, its packet thread, and when the
/// datagram was received, which only one Pigear did. An alert from Snort's log has the log's sensor number instead,
/// so that two readers of one log agree.
pub(super) fn of(alert: &Alert) -> String {
    let digest = Sha256::digest(parts(alert));
    URL_SAFE_NO_PAD.encode(digest.get(..BYTES).unwrap_or_default())
}

/// The longest parts of an id, without the sensor's name.
const LONGEST: usize = 72;

/// What the id is made of, as bytes: the same for the same alert only.
pub(super) fn parts(alert: &Alert) -> Vec<u8> {
    let message = &alert.message;
    let sensor = alert.origin.sensor.as_deref().unwrap_or_default();
    let mut parts = Vec::with_capacity(LONGEST + sensor.len());
    parts.extend((sensor.len() as u64).to_le_bytes());
    parts.extend(sensor.as_bytes());
    for number in [
        message.event_id,
        message.ts_sec,
        message.ts_usec,
        message.sig_generator,
        message.sig_id,
        message.sig_rev,
    ] {
        parts.extend(number.to_le_bytes());
    }
    if alert.medium == Medium::Unified2 {
        let sensor_id = alert.log().map_or(0, |log| log.event.key.sensor_id);
        parts.push(1);
        parts.extend(sensor_id.to_le_bytes());
    } else {
        let pid = alert.sender.map_or(0, |sender| sender.pid);
        parts.push(0);
        parts.extend(pid.to_le_bytes());
        parts.extend(alert.origin.thread.unwrap_or(u32::MAX).to_le_bytes());
        parts.extend(alert.received.as_nanosecond().to_le_bytes());
    }
    // A group with its first alert is another message than this alert.
    parts.extend(alert.count.map_or(0, NonZeroU64::get).to_le_bytes());
    parts
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::{SignedDuration, Timestamp};
    use pigear_alert::unified2::Logged;
    use pigear_alert::wire::{Decoded, Dialect};
    use pigear_alert::{AlertMessage, Origin, Sender};

    use super::*;

    fn datagram() -> Alert {
        let mut message = AlertMessage::default();
        (message.event_id, message.ts_sec, message.sig_id) = (7, 1_800_000_000, 384);
        Alert::new(Decoded::new(message, Dialect::Snort29), Arc::default(), Arc::default())
    }

    #[test]
    fn the_id_is_the_one_that_other_versions_make() {
        let mut alert = datagram();
        alert.origin =
            Origin { sensor: Some("dmz".into()), thread: Some(3), ..Origin::default() }.into();
        alert.sender = Some(Sender { pid: 4242, uid: 0 });
        alert.received = Timestamp::new(1_800_000_000, 5).unwrap();
        alert.count = NonZeroU64::new(2);
        assert_eq!(of(&alert), "-qFUVU1huW3R");
    }

    #[test]
    fn the_same_datagram_received_twice_is_two_alerts() {
        let one = datagram();
        let mut other = one.clone();
        assert_eq!(of(&one), of(&other));
        assert_eq!(of(&one).len(), 12);
        other.received += SignedDuration::from_nanos(1);
        assert_ne!(of(&one), of(&other));
    }

    #[test]
    fn two_readers_of_one_log_agree() {
        let logged = Logged::default();
        let one = Alert::from_log(logged.clone(), Arc::default(), Arc::default());
        let mut other = Alert::from_log(logged, Arc::default(), Arc::default());
        other.received += SignedDuration::from_secs(5);
        assert_eq!(of(&one), of(&other));
        other.origin = Origin { sensor: Some("b".into()), ..Origin::default() }.into();
        assert_ne!(of(&one), of(&other));
    }
}
