//! What can be chosen of a format.

use jiff::tz::TimeZone;

use super::{Colour, Fields};

/// What can be chosen of a format. The default is everything, without colours, with times in UTC.
#[derive(Clone, Debug)]
pub struct FormatOptions {
    /// Whether `fast` and `full` have colours.
    pub colour: Colour,
    /// The fields of `alert_json` and `csv`; Snort's own, by default.
    pub fields: Option<Fields>,
    /// How much `json`, `eve`, `ecs` and `full` write of packets.
    pub contents: Contents,
    /// The zone of times without one: those of `snort`, `alert_json` and `csv`.
    pub zone: TimeZone,
}

impl Default for FormatOptions {
    fn default() -> Self {
        Self {
            colour: Colour::Never,
            fields: None,
            contents: Contents::default(),
            zone: TimeZone::UTC,
        }
    }
}

/// How much of a packet a format writes. The default is everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Whether packets are written.
    pub packet: Part,
    /// Whether payloads are written: what follows the last header, and what Snort inspected instead of a packet.
    pub payload: Part,
    /// The most bytes that are written of a packet, and of a payload.
    pub max_bytes: Option<usize>,
}

/// Whether a part of an alert is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// It is.
    #[default]
    Written,
    /// It isn't.
    Omitted,
}

impl Contents {
    /// What is written of a packet.
    pub(super) fn of_packet(self, packet: &[u8]) -> Option<&[u8]> {
        (self.packet == Part::Written).then(|| self.shortened(packet))
    }

    /// What is written of a payload.
    pub(super) fn of_payload(self, payload: &[u8]) -> Option<&[u8]> {
        (self.payload == Part::Written).then(|| self.shortened(payload))
    }

    fn shortened(self, bytes: &[u8]) -> &[u8] {
        let len = self.max_bytes.unwrap_or(usize::MAX).min(bytes.len());
        bytes.get(..len).unwrap_or(bytes)
    }
}
