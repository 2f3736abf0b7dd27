//! Criteria for searching alerts.

use jiff::Timestamp;
use pigear_alert::Alert;
use pigear_alert::packet::IpProtocol;
use pigear_alert::triage::Triage;

use super::narrowing::Narrowing;
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
    /// Of one of these classes, by short name.
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
    /// What the index can tell of the further condition.
    pub(crate) narrowing: Option<Narrowing>,
}

/// The class of alerts without one, as a criterion and in counts.
pub const NO_CLASS: &str = "none";

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
    /// Adds a condition, with what the index can tell of it.
    #[cfg(feature = "script")]
    pub(crate) fn also_meets(&mut self, test: Test, narrowing: Option<Narrowing>) {
        let tests = self.also.take().into_iter().chain([test]).collect();
        let narrowings: Vec<_> = self.narrowing.take().into_iter().chain(narrowing).collect();
        self.also = all_of(tests);
        self.narrowing = (!narrowings.is_empty()).then_some(Narrowing::All(narrowings));
    }

    /// Whether there are criteria on the alert itself, not only on its time and signature.
    pub(super) fn looks_inside(&self) -> bool {
        let Self { src, dst, host, port, proto, sensor, also, .. } = self;
        src.is_some()
            || dst.is_some()
            || host.is_some()
            || port.is_some()
            || proto.is_some()
            || sensor.is_some()
            || also.is_some()
            || self.is_about_triage()
    }

    /// Whether there are criteria on what people said.
    fn is_about_triage(&self) -> bool {
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

    /// Whether all criteria except those on the signature are met.
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
            && self.sensor.is_none_or_eq(alert.origin.sensor.as_deref())
            && self.accepts_triage(alert.triage.as_deref())
            && self.also.as_ref().is_none_or(|also| also(alert))
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

trait NoneOrEq {
    fn is_none_or_eq(&self, other: Option<&str>) -> bool;
}

impl NoneOrEq for Option<String> {
    fn is_none_or_eq(&self, other: Option<&str>) -> bool {
        self.as_deref().is_none_or(|this| Some(this) == other)
    }
}
