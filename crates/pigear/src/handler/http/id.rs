//! Ids of alerts and requests, by which a receiver can remove duplicates.

use std::fmt;

use pigear_alert::Alert;
use ring::digest::{Context, SHA256};

/// An alert's unique id. It is the same every time the alert is sent.
///
/// The time of receipt is part of it: Snort may send two alerts with the same content.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Id([u8; 16]);

impl Id {
    pub(super) fn of(alert: &Alert) -> Self {
        let message = &alert.message;
        let numbers = [
            message.sig_generator,
            message.sig_id,
            message.sig_rev,
            message.ts_sec,
            message.ts_usec,
            message.event_id,
            message.event_reference,
            message.tv_sec,
            message.tv_usec,
            message.classification,
            message.priority,
            message.pktlen,
        ];
        let count = alert.count.map_or(0, std::num::NonZeroU64::get);
        let mut hash = Context::new(&SHA256);
        hash.update(&alert.received.as_nanosecond().to_be_bytes());
        if count > 0 {
            hash.update(&count.to_be_bytes());
        }
        for number in numbers {
            hash.update(&number.to_be_bytes());
        }
        let socket = alert.origin.socket.as_deref().map(|path| path.as_os_str().as_encoded_bytes());
        let sensor = alert.origin.sensor.as_deref().map(str::as_bytes);
        for text in
            [&message.msg, &message.pkt, socket.unwrap_or_default(), sensor.unwrap_or_default()]
        {
            hash.update(&text.len().to_be_bytes());
            hash.update(text);
        }
        Self::from(hash)
    }

    /// The id of sending an alert once: another one after it was refused. A receiver that remembers its answer to the
    /// refused request would repeat it.
    pub(super) fn of_sending(self, alert: &Alert) -> Self {
        let Some(refused) = alert.refused else { return self };
        let mut hash = Context::new(&SHA256);
        hash.update(&self.0);
        hash.update(&refused.as_second().to_be_bytes());
        Self::from(hash)
    }

    /// A request's unique id, from the alerts in it and their order.
    pub(super) fn of_all(ids: impl IntoIterator<Item = Self>) -> Self {
        let mut hash = Context::new(&SHA256);
        for id in ids {
            hash.update(&id.0);
        }
        Self::from(hash)
    }
}

impl From<Context> for Id {
    fn from(hash: Context) -> Self {
        let digest = hash.finish();
        let first = digest.as_ref().first_chunk();
        Self(first.copied().unwrap_or_default())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::alert;
    use super::*;

    #[test]
    fn the_same_alerts_have_the_same_key_and_others_another() {
        let (one, other) = (alert(b"one"), alert(b"other"));
        assert!(Id::of(&one) == Id::of(&one.clone()));
        assert!(Id::of(&one) != Id::of(&other));
        let (one, other) = (Id::of(&one), Id::of(&other));
        assert!(Id::of_all([one, other]) == Id::of_all([one, other]));
        assert!(Id::of_all([one, other]) != Id::of_all([other, one]));
        assert!(Id::of_all([one]) != Id::of_all([one, other]));
        assert_eq!(one.to_string().len(), 32);
    }

    #[test]
    fn the_same_datagram_received_twice_is_two_alerts() {
        let one = alert(b"one");
        let mut again = one.clone();
        again.received += jiff::SignedDuration::from_nanos(1);
        assert!(Id::of(&one) != Id::of(&again));
    }
}
