//! What a message carries: an alert in the binary form, or in a format.

use pigear_alert::Alert;
use pigear_alert::format::{Colour, Format};

use super::form::encode;
use crate::keys::FormatKeys;

/// How alerts become the payload of messages.
pub(super) enum Payload {
    Binary,
    Format(Box<dyn Format>),
}

impl Payload {
    /// `size` is what else a user may mean by `max_bytes`, a sentence.
    ///
    /// # Errors
    /// If keys are for a format, and none is given.
    pub(super) fn new(keys: &FormatKeys, size: Option<&str>) -> Result<Self, String> {
        match keys.format {
            Some(_) => Ok(Self::Format(keys.build(Colour::Never)?)),
            None if keys.is_default() => Ok(Self::Binary),
            None => {
                let size = size.filter(|_| keys.max_bytes.is_some());
                let size = size.map(|size| format!("{size}; ")).unwrap_or_default();
                Err(format!(
                    "{size}fields, packet, payload, max_bytes and utc are for a format; give format=NAME"
                ))
            }
        }
    }

    /// The payload for an alert.
    pub(super) fn of(&self, alert: &Alert) -> Vec<u8> {
        let mut payload = Vec::with_capacity(alert.message.pkt.len() + 256);
        match self {
            Self::Binary => encode(alert, &mut payload),
            Self::Format(format) => {
                format.write(alert, &mut payload);
                payload.truncate(payload.trim_ascii_end().len());
            }
        }
        payload
    }
}
