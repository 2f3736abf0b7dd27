//! Whether an alert is stored.

use jiff::Timestamp;
#[cfg(feature = "nats")]
use pigear_alert::Alert;
#[cfg(feature = "nats")]
use pigear_alert::Medium;
use pigear_alert::unified2::Event;

use super::criteria::Criteria;
use super::error::StoreError;
use super::reader::{Further, Reader};

impl Reader {
    /// Whether the alert of an event of Snort's log is stored: with the same time, rule and event id,
    /// and of this sensor, if it has a name.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn has(&mut self, event: &Event, sensor: Option<&str>) -> Result<bool, StoreError> {
        let microsecond = i64::from(event.key.second) * 1_000_000 + i64::from(event.microsecond);
        let event_id = event.key.event_id;
        self.any(&Criteria {
            sensor: sensor.map(str::to_owned),
            also: Some(Box::new(move |alert| alert.message.event_id == event_id)),
            ..of_rule(microsecond, (event.generator, event.signature))
        })
    }

    /// Whether this alert is stored: with the same sensor, time, rule and event id, and received at the same
    /// moment unless it was read from Snort's log. Pigear's own may be stored as if it came as a datagram: they were
    /// once.
    ///
    /// # Errors
    /// If the store can't be read.
    #[cfg(feature = "nats")]
    pub(crate) fn has_alert(&mut self, alert: &Alert) -> Result<bool, StoreError> {
        let microsecond = alert.timestamp().as_microsecond();
        let (message, received) = (&alert.message, alert.received);
        let is_logged = alert.medium == Medium::Unified2;
        let (event_id, sensor) = (message.event_id, alert.origin.sensor.clone());
        self.any(&Criteria {
            also: Some(Box::new(move |stored| {
                stored.message.event_id == event_id
                    && stored.origin.sensor == sensor
                    && (stored.medium == Medium::Unified2) == is_logged
                    && (is_logged || stored.received == received)
            })),
            ..of_rule(microsecond, (message.sig_generator, message.sig_id))
        })
    }

    /// Whether an alert meets the criteria.
    fn any(&mut self, criteria: &Criteria) -> Result<bool, StoreError> {
        let mut found = false;
        self.newest(criteria, |_| {
            found = true;
            Further::Enough
        })?;
        Ok(found)
    }
}

/// Alerts of a rule, given by its generator and id, at this microsecond.
fn of_rule(microsecond: i64, (gid, sid): (u32, u32)) -> Criteria {
    Criteria {
        since: Timestamp::from_microsecond(microsecond).ok(),
        until: Timestamp::from_microsecond(microsecond + 1).ok(),
        gid: vec![gid],
        sid: vec![sid],
        ..Criteria::default()
    }
}
