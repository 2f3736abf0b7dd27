//! What is alerted about sensors.

use std::sync::Arc;

use jiff::Timestamp;
use pigear_alert::wire::{Decoded, Dialect};
use pigear_alert::{Alert, AlertMessage, Medium, Origin};

/// The generator of Pigear's own alerts. Snort 3 has generators up to 8129, and the rules of Snort 2 for other
/// generators begin at 1,000,000.
pub(crate) const GENERATOR: u32 = 9_001;

/// The longest message of an alert, as Snort's are.
const MAX_MESSAGE: usize = 255;

/// Something that people should know about a sensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) subject: NoticeSubject,
    /// The sensor's name; empty if it has none.
    pub(crate) sensor: String,
    /// When it happened. The same event always has the same time and number, so that it can be recognized.
    pub(crate) at: Timestamp,
    pub(crate) number: u64,
    /// What comes after the sensor's name.
    pub(crate) text: String,
}

/// What a notice is about; the number is the alert's signature id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoticeSubject {
    /// No heartbeat came.
    Silent = 1,
    /// A heartbeat came again.
    Back = 2,
    /// Several Pigears use the name.
    SameName = 3,
    /// The sensor's clock is wrong.
    Clock = 4,
}

impl Notice {
    /// The notice as an alert of the sensor.
    pub(crate) fn alert(&self) -> Alert {
        let name = if self.sensor.is_empty() { "without a name" } else { &self.sensor };
        let mut text = format!("sensor {name} {}", self.text).into_bytes();
        text.truncate(MAX_MESSAGE);
        let mut message = AlertMessage::default();
        message.msg = text.into();
        let micros = self.at.as_microsecond();
        message.ts_sec = u32::try_from(micros.div_euclid(1_000_000)).unwrap_or_default();
        message.ts_usec = u32::try_from(micros.rem_euclid(1_000_000)).unwrap_or_default();
        message.val = AlertMessage::NO_PACKET;
        message.sig_generator = GENERATOR;
        message.sig_id = self.subject as u32;
        message.sig_rev = 1;
        message.priority = match self.subject {
            NoticeSubject::Silent => 1,
            NoticeSubject::SameName | NoticeSubject::Clock => 2,
            NoticeSubject::Back => 3,
        };
        // The lower bits tell events of one sensor apart.
        message.event_id = u32::try_from(self.number & u64::from(u32::MAX)).unwrap_or_default();
        message.event_reference = message.event_id;
        (message.tv_sec, message.tv_usec) = (message.ts_sec, message.ts_usec);
        let sensor = Some(self.sensor.clone()).filter(|name| !name.is_empty());
        let origin = Arc::new(Origin { sensor, ..Origin::default() });
        let decoded = Decoded::new(message, Dialect::Snort3);
        let mut alert = Alert::new(decoded, origin, Arc::default());
        alert.medium = Medium::Own;
        alert.received = self.at;
        alert
    }
}
