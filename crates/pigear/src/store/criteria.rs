//! Criteria for searching alerts.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use pigear_alert::Alert;
use pigear_alert::packet::IpProtocol;

use crate::network::Network;

/// Criteria for alerts: all that are given must be met.
#[derive(Default)]
#[non_exhaustive]
pub struct Criteria {
    /// Seen at this time or later.
    pub since: Option<Timestamp>,
    /// Seen before this time.
    pub until: Option<Timestamp>,
    /// Of one of these generators.
    pub gid: Vec<u32>,
    /// With one of these signature ids.
    pub sid: Vec<u32>,
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
    /// A further condition.
    pub also: Option<Test>,
}

/// A condition on alerts.
pub type Test = Box<dyn Fn(&Alert) -> bool>;

impl Criteria {
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
    }

    /// Whether there are criteria on the signature.
    pub(super) fn names_signatures(&self) -> bool {
        let Self { gid, sid, priority, class, text, .. } = self;
        !(gid.is_empty() && sid.is_empty() && priority.is_empty() && class.is_empty())
            || text.is_some()
    }

    /// Whether all criteria except those on the signature are met.
    pub(super) fn accepts(&self, alert: &Alert) -> bool {
        let time = alert.timestamp();
        self.since.is_none_or(|since| time >= since)
            && self.until.is_none_or(|until| time < until)
            && meets(self.src, alert.src_ip(), None)
            && meets(self.dst, alert.dst_ip(), None)
            && meets(self.host, alert.src_ip(), alert.dst_ip())
            && self
                .port
                .is_none_or(|port| [alert.src_port(), alert.dst_port()].contains(&Some(port)))
            && self.proto.is_none_or(|proto| alert.protocol() == Some(proto))
            && self.sensor.is_none_or_eq(alert.origin.sensor.as_deref())
            && self.also.as_ref().is_none_or(|also| also(alert))
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

fn meets(network: Option<Network>, one: Option<IpAddr>, other: Option<IpAddr>) -> bool {
    network.is_none_or(|network| [one, other].into_iter().flatten().any(|ip| network.contains(ip)))
}

/// A time: date and time in RFC 3339, a date, or an age, as in `1h` or `2d`.
///
/// # Errors
/// If the text is none of these.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    let wrong = || "expected how long ago, such as 1h or 2d, or a time as 2026-11-18T16:27:50Z";
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(midnight) = format!("{text}T00:00:00Z").parse::<Timestamp>() {
        return Ok(midnight);
    }
    ago(text)
        .and_then(|ago| Timestamp::now().checked_sub(ago).ok())
        .ok_or_else(|| wrong().to_owned())
}

/// `90m`, `1h30m`, `2d`, `1w`.
fn ago(text: &str) -> Option<SignedDuration> {
    if let Some((days, unit)) = text
        .strip_suffix('d')
        .map(|days| (days, 24))
        .or_else(|| text.strip_suffix('w').map(|weeks| (weeks, 7 * 24)))
        && let Ok(n) = days.parse::<u32>()
    {
        return Some(SignedDuration::from_hours(i64::from(n) * unit));
    }
    text.parse().ok().filter(|ago: &SignedDuration| !ago.is_negative())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_may_be_so_long_ago() {
        let hours = |text| ago(text).map(|ago| ago.as_hours());
        assert_eq!(["2h", "2d", "1w"].map(hours), [Some(2), Some(48), Some(168)]);
        assert_eq!(ago("1h30m").map(|ago| ago.as_mins()), Some(90));
        assert!(["", "d", "2", "-1h", "x"].map(ago).iter().all(Option::is_none));
        assert_eq!(moment("2026-11-18").unwrap(), moment("2026-11-18T00:00:00Z").unwrap());
        assert!(moment("yesterday").is_err());
    }
}
