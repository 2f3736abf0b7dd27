//! Criteria for searching alerts.

use std::borrow::Cow;
use std::rc::Rc;

use jiff::Timestamp;
use pigear_alert::Alert;
use pigear_alert::maps::Class;
use pigear_alert::packet::IpProtocol;
use pigear_alert::triage::Triage;

use super::filter_failures::{FilterFailure, FilterFailures};
use super::narrowing::{NativeCondition, NativeTest};
use crate::network::Network;

/// Criteria for alerts: all that are given must be met.
#[derive(Default)]
#[non_exhaustive]
pub struct Criteria {
    /// Seen at this time or later.
    pub since: Option<Timestamp>,
    /// Seen before this time.
    pub until: Option<Timestamp>,
    /// Received at this time or later. Seconds count, not their fractions.
    pub received: Option<Timestamp>,
    /// Of one of these generators.
    pub gid: Vec<u32>,
    /// With one of these signature ids, or one of `rule`.
    pub sid: Vec<u32>,
    /// Of one of these generators and signature ids, or one of `sid`.
    pub rule: Vec<(u32, u32)>,
    /// With one of these priorities.
    pub priority: Vec<u32>,
    /// Of one of these classes, by short name or description.
    pub class: Vec<String>,
    /// From this network.
    pub src: Option<Network>,
    /// To this network.
    pub dst: Option<Network>,
    /// From or to this network.
    pub host: Option<Network>,
    /// From or to this port.
    pub port: Option<u16>,
    /// With this protocol.
    pub proto: Option<IpProtocol>,
    /// Of this sensor.
    pub sensor: Option<String>,
    /// With this text in the message, in upper or lower case.
    pub text: Option<String>,
    /// Acknowledged, or not.
    pub acknowledged: Option<bool>,
    /// Starred, or not.
    pub starred: Option<bool>,
    /// With a comment that has this text, in upper or lower case.
    pub comment: Option<String>,
    /// A further condition.
    pub also: Option<Test>,
    /// The alerts on which the further condition failed.
    pub(crate) failures: Rc<FilterFailures>,
    /// The classes that the further condition names.
    pub(crate) named_classes: Vec<String>,
    /// The further condition, if it needs no engine.
    pub(crate) native: Option<NativeCondition>,
}

/// The class of alerts without one, as a criterion and in counts.
pub const NO_CLASS: &str = "none";

/// Whether a criterion means the class with this name and this description.
pub(super) fn is_class(wanted: &str, name: &str, description: &str) -> bool {
    wanted.eq_ignore_ascii_case(name)
        || !description.is_empty() && wanted.eq_ignore_ascii_case(description)
}

/// A condition on alerts.
pub type Test = Box<dyn Fn(&Alert) -> bool>;

/// The condition that all of these are met; none without any.
#[cfg(feature = "script")]
fn all_of(mut tests: Vec<Test>) -> Option<Test> {
    match tests.len() {
        0 | 1 => tests.pop(),
        _ => Some(Box::new(move |alert| tests.iter().all(|test| test(alert)))),
    }
}

impl Criteria {
    /// What the filter has failed on in searches so far. Those alerts were not found.
    #[must_use]
    pub fn filter_failure(&self) -> Option<FilterFailure> {
        self.failures.get()
    }

    /// Adds a condition, and the same if it needs no engine.
    #[cfg(feature = "script")]
    pub(crate) fn also_meets(&mut self, test: Test, native: Option<NativeCondition>) {
        self.native = match (&self.also, self.native.take(), native) {
            (None, _, native) => native,
            (Some(_), Some(one), Some(other)) => Some(one.and(other)),
            (Some(_), one, other) => one.or(other).map(NativeCondition::among_others),
        };
        let tests = self.also.take().into_iter().chain([test]).collect();
        self.also = all_of(tests);
    }

    /// Whether there are criteria on the alert itself, not only on its time and signature.
    pub(super) fn looks_inside(&self) -> bool {
        self.names_contents() || self.also.is_some()
    }

    /// The same, but for the further condition.
    pub(super) fn names_contents(&self) -> bool {
        let Self { src, dst, host, port, proto, sensor, .. } = self;
        src.is_some()
            || dst.is_some()
            || host.is_some()
            || port.is_some()
            || proto.is_some()
            || sensor.is_some()
            || self.is_about_triage()
    }

    /// Whether there are criteria on what people said.
    pub(super) fn is_about_triage(&self) -> bool {
        self.acknowledged.is_some() || self.starred.is_some() || self.comment.is_some()
    }

    /// Whether only alerts are wanted about which people said something.
    pub(super) fn wants_triage(&self) -> bool {
        let Self { acknowledged, starred, comment, .. } = self;
        [*acknowledged, *starred].contains(&Some(true)) || comment.is_some()
    }

    /// Whether there are criteria on anything but when alerts were received.
    pub(super) fn is_selective(&self) -> bool {
        self.looks_inside()
            || self.names_signatures()
            || self.since.is_some()
            || self.until.is_some()
    }

    /// What nothing meets, though each value may be somewhere.
    pub(crate) fn in_words(&self) -> &'static str {
        if self.conditions() == 1 { "the condition" } else { "all conditions" }
    }

    /// How many conditions there are. A filter is one, whatever it says.
    fn conditions(&self) -> usize {
        let Self { since, until, received, gid, sid, rule, priority, class, .. } = self;
        let Self { src, dst, host, port, proto, sensor, text, .. } = self;
        let Self { acknowledged, starred, comment, also, .. } = self;
        let is_given = [
            since.is_some() || until.is_some() || received.is_some(),
            !gid.is_empty(),
            !sid.is_empty() || !rule.is_empty(),
            !priority.is_empty(),
            !class.is_empty(),
            src.is_some(),
            dst.is_some(),
            host.is_some(),
            port.is_some(),
            proto.is_some(),
            sensor.is_some(),
            text.is_some(),
            acknowledged.is_some(),
            starred.is_some(),
            comment.is_some(),
            also.is_some(),
        ];
        is_given.into_iter().filter(|is_given| *is_given).count()
    }

    /// Whether there are criteria on the signature.
    pub(super) fn names_signatures(&self) -> bool {
        let Self { gid, sid, rule, priority, class, text, .. } = self;
        !(gid.is_empty()
            && sid.is_empty()
            && rule.is_empty()
            && priority.is_empty()
            && class.is_empty())
            || text.is_some()
    }

    /// Whether all criteria are met.
    pub(super) fn meets(&self, alert: &Alert) -> bool {
        let text = self.text.as_ref().map(|text| text.to_lowercase());
        self.wants(text.as_deref(), &SignatureFields::of(alert)) && self.accepts(alert)
    }

    /// Whether all criteria on the signature are met. The text is in lower case.
    pub(super) fn wants(&self, text: Option<&str>, signature: &SignatureFields<'_>) -> bool {
        let among = |wanted: &[u32], number| wanted.is_empty() || wanted.contains(&number);
        let is_of = |wanted: &String| match signature.class {
            Some(class) => is_class(wanted, &class.name, &class.description),
            None => wanted.eq_ignore_ascii_case(NO_CLASS),
        };
        let of_class = self.class.is_empty() || self.class.iter().any(is_of);
        let Self { sid, rule, .. } = self;
        let of_rule = sid.is_empty() && rule.is_empty()
            || sid.contains(&signature.sid)
            || rule.contains(&(signature.gid, signature.sid));
        of_class
            && of_rule
            && among(&self.gid, signature.gid)
            && among(&self.priority, signature.priority)
            && text.is_none_or(|text| signature.contains(text))
    }

    /// Whether all criteria except those on the signature are met.
    pub(super) fn accepts(&self, alert: &Alert) -> bool {
        self.row_test().accepts(alert)
            && self.accepts_triage(alert.triage.as_deref())
            && self.also.as_ref().is_none_or(|also| also(alert))
    }

    /// The criteria on alerts that any thread can check.
    pub(super) fn row_test(&self) -> RowTest<'_> {
        let Self { since, until, received, src, dst, host, port, proto, .. } = *self;
        let sensor = self.sensor.as_deref();
        RowTest { since, until, received, src, dst, host, port, proto, sensor }
    }

    /// The further condition, for any thread: `Ok(None)` if there is none.
    ///
    /// # Errors
    /// If it needs the engine.
    pub(super) fn native_test(&self) -> Result<Option<&NativeTest>, NeedsEngine> {
        match (&self.also, &self.native) {
            (None, _) => Ok(None),
            (Some(_), Some(native)) => Ok(Some(&native.passes)),
            (Some(_), None) => Err(NeedsEngine),
        }
    }
}

/// What of a signature is a criterion.
pub(super) struct SignatureFields<'a> {
    pub(super) gid: u32,
    pub(super) sid: u32,
    pub(super) priority: u32,
    pub(super) class: Option<&'a Class>,
    pub(super) message: Cow<'a, [u8]>,
}

impl<'a> SignatureFields<'a> {
    fn of(alert: &'a Alert) -> Self {
        Self {
            gid: alert.message.sig_generator,
            sid: alert.message.sig_id,
            priority: alert.message.priority,
            class: alert.class(),
            message: alert.msg(),
        }
    }

    /// Whether the message contains a text in lower case.
    fn contains(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.message).to_lowercase().contains(text)
    }
}

/// The further condition can be checked on one thread only.
#[derive(Clone, Copy, Debug)]
pub(super) struct NeedsEngine;

/// Criteria on an alert itself.
#[derive(Clone, Copy)]
pub(super) struct RowTest<'a> {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    received: Option<Timestamp>,
    src: Option<Network>,
    dst: Option<Network>,
    host: Option<Network>,
    port: Option<u16>,
    proto: Option<IpProtocol>,
    sensor: Option<&'a str>,
}

impl RowTest<'_> {
    /// Whether all are met.
    pub(super) fn accepts(&self, alert: &Alert) -> bool {
        // The packet is dissected only for a criterion that needs it.
        let time = alert.timestamp();
        self.since.is_none_or(|since| time >= since)
            && self.until.is_none_or(|until| time < until)
            && self.received.is_none_or(|since| alert.received.as_second() >= since.as_second())
            && self.src.is_none_or(|src| alert.src_ip().is_some_and(|ip| src.contains(ip)))
            && self.dst.is_none_or(|dst| alert.dst_ip().is_some_and(|ip| dst.contains(ip)))
            && self.host.is_none_or(|host| {
                let mut ends = [alert.src_ip(), alert.dst_ip()].into_iter().flatten();
                ends.any(|ip| host.contains(ip))
            })
            && self
                .port
                .is_none_or(|port| [alert.src_port(), alert.dst_port()].contains(&Some(port)))
            && self.proto.is_none_or(|proto| alert.protocol() == Some(proto))
            && self.sensor.is_none_or(|sensor| alert.origin.sensor.as_deref() == Some(sensor))
    }
}

impl Criteria {
    fn accepts_triage(&self, said: Option<&Triage>) -> bool {
        let is = |wanted: Option<bool>, is| wanted.is_none_or(|wanted| wanted == is);
        is(self.acknowledged, said.is_some_and(|said| said.acknowledged.is_some()))
            && is(self.starred, said.is_some_and(|said| said.starred.is_some()))
            && self.comment.as_ref().is_none_or(|text| {
                let text = text.to_lowercase();
                let mut comments = said.into_iter().flat_map(|said| &said.comments);
                comments.any(|comment| comment.text.to_lowercase().contains(&text))
            })
    }
}
