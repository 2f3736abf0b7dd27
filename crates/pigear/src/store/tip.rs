//! The last alert that was read, by which a copy of the store is told from a backup that lacks it.

use jiff::Timestamp;
use pigear_alert::Alert;

use super::reader::Reader;

/// The last alert that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tip {
    id: i64,
    seen: Timestamp,
    received: Timestamp,
    event: (u32, u32, u32),
}

impl Tip {
    /// The alert of a number; `None` if there is none, or it can't be read.
    pub(crate) fn of(reader: &mut Reader, id: i64) -> Option<Self> {
        reader.get(id).ok().flatten().map(|alert| Self::new(id, &alert))
    }

    fn new(id: i64, alert: &Alert) -> Self {
        let message = &alert.message;
        Self {
            id,
            seen: alert.timestamp(),
            received: alert.received,
            event: (message.event_id, message.sig_generator, message.sig_id),
        }
    }

    /// Whether it isn't there any more, although older alerts are: so the store's limits didn't remove it.
    pub(crate) fn is_gone(&self, reader: &mut Reader) -> bool {
        match reader.get(self.id) {
            Ok(Some(alert)) => Self::new(self.id, &alert) != *self,
            Ok(None) => reader.first().is_ok_and(|first| first.is_some_and(|it| it < self.id)),
            Err(_) => false,
        }
    }
}
