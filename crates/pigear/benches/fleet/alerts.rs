//! The alerts that are published.

use std::sync::Arc;

use pigear_alert::wire::{Decoded, Dialect};
use pigear_alert::{Alert, Origin};

use crate::fill;

/// How many are published or stored at once.
pub(crate) const ALERTS: u32 = 50_000;

/// The bytes of each packet.
pub(crate) const PACKET: usize = 300;

const SENSOR: &str = "dmz";

/// Where they are published.
pub(crate) const SUBJECT: &str = "pigear.alerts.dmz.1";

/// Alerts of one sensor, whose payloads can't be compressed. Each call makes other ones: the stream drops those that
/// it has.
pub(crate) fn alerts(count: u32) -> anyhow::Result<Vec<Arc<Alert>>> {
    let origin = Arc::new(Origin { sensor: Some(SENSOR.to_owned()), ..Origin::default() });
    let second = u32::try_from(jiff::Timestamp::now().as_second())?;
    let mut numbers = fill::Numbers(u64::from(second));
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let alert = |number| {
        let mut message = fill::message(&mut numbers, second, number);
        let mut packet = message.pkt.to_vec();
        packet.iter_mut().skip(54).for_each(|byte| *byte = noise.byte());
        message.pkt = packet.into();
        let decoded = Decoded::new(message, Dialect::Snort29);
        Arc::new(Alert::new(decoded, Arc::clone(&origin), Arc::default()))
    };
    Ok((0..count).map(alert).collect())
}

/// Bytes without a pattern (xorshift).
struct Noise(u64);

impl Noise {
    fn byte(&mut self) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.to_le_bytes()[7]
    }
}
