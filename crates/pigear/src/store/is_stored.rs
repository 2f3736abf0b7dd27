//! Whether an alert is stored.

use jiff::Timestamp;
use pigear_alert::Alert;
#[cfg(feature = "nats")]
use pigear_alert::Medium;
use pigear_alert::unified2::Event;

use super::criteria::Criteria;
use super::error::StoreError;
use super::interned;
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
        let (at, rule) = self.of_rule(microsecond, (event.generator, event.signature))?;
        self.any(&Criteria {
            sensor: sensor.map(str::to_owned),
            also: Some(Box::new(move |stored| {
                stored.message.event_id == event_id && rule_of(stored) == rule
            })),
            ..at
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
        let (at, rule) = self.of_rule(microsecond, rule_of(alert))?;
        self.any(&Criteria {
            also: Some(Box::new(move |stored| {
                stored.message.event_id == event_id
                    && rule_of(stored) == rule
                    && stored.origin.sensor == sensor
                    && (stored.medium == Medium::Unified2) == is_logged
                    && (is_logged || stored.received == received)
            })),
            ..at
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

    /// Alerts at this microsecond among which those of a rule are, and the rule: what else is there has to be left out.
    /// The rule narrows the search, unless it has so many messages that reading all of these takes longer.
    fn of_rule(&self, microsecond: i64, rule: Rule) -> Result<(Criteria, Rule), StoreError> {
        let (gid, sid) = rule;
        let has_few = interned::has_few_signatures(&self.connection, rule, MOST_MESSAGES);
        let has_few = self.located(has_few.map_err(Into::into))?;
        let (gid, sid) = if has_few { (vec![gid], vec![sid]) } else { Default::default() };
        let at = Criteria {
            since: Timestamp::from_microsecond(microsecond).ok(),
            until: Timestamp::from_microsecond(microsecond + 1).ok(),
            gid,
            sid,
            ..Criteria::default()
        };
        Ok((at, rule))
    }
}

/// How many messages of a rule are read to find an alert of it.
const MOST_MESSAGES: u32 = 64;

/// A rule's generator and id.
type Rule = (u32, u32);

fn rule_of(alert: &Alert) -> Rule {
    (alert.message.sig_generator, alert.message.sig_id)
}
