//! The fields that alerts are counted by, and the counts.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pigear_alert::Alert;

use crate::store::interned::Signature;
use crate::store::record::microseconds;
use crate::store::segment_index::KeyKind;

/// A field that alerts are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CountBy {
    /// Generator and signature id.
    Sid,
    /// Source address.
    Src,
    /// Destination address.
    Dst,
    /// Class, by short name.
    Class,
    /// Priority.
    Priority,
    /// Protocol.
    Proto,
    /// Destination port.
    Port,
    /// Sensor.
    Sensor,
    /// Hour.
    Hour,
    /// Day.
    Day,
}

static NAMES: [(&str, CountBy); 10] = [
    ("sid", CountBy::Sid),
    ("src", CountBy::Src),
    ("dst", CountBy::Dst),
    ("class", CountBy::Class),
    ("priority", CountBy::Priority),
    ("proto", CountBy::Proto),
    ("port", CountBy::Port),
    ("sensor", CountBy::Sensor),
    ("hour", CountBy::Hour),
    ("day", CountBy::Day),
];

impl FromStr for CountBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = NAMES.iter().find(|(name, _)| *name == text).map(|(_, by)| *by);
        found.ok_or_else(|| {
            let known = NAMES.map(|(name, _)| name).join(", ");
            format!("cannot count by {text:?}; known are {known}")
        })
    }
}

impl CountBy {
    /// The names that are parsed.
    #[cfg(feature = "command")]
    pub(crate) fn names() -> [&'static str; NAMES.len()] {
        NAMES.map(|(name, _)| name)
    }

    /// All fields, in the order in which they are listed.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(_, by)| *by)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let [name] = self.own_name() else { return "" };
        name
    }

    /// Its name, as a list.
    pub(super) fn own_name(self) -> &'static [&'static str] {
        let found = NAMES.iter().find(|(_, by)| *by == self);
        found.map_or(&[], |(name, _)| std::slice::from_ref(name))
    }

    /// Whether counts are ordered by the field, and not by number.
    #[must_use]
    pub fn is_time(self) -> bool {
        matches!(self, Self::Hour | Self::Day)
    }

    /// The index with the counts per block.
    pub(super) fn kind(self) -> Option<KeyKind> {
        match self {
            Self::Sid | Self::Class | Self::Priority => Some(KeyKind::Signature),
            Self::Src => Some(KeyKind::Source),
            Self::Dst => Some(KeyKind::Destination),
            Self::Port => Some(KeyKind::DestinationPort),
            _ => None,
        }
    }
}

/// The number of alerts with the same value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The value; empty if it isn't known.
    pub what: Option<String>,
    /// How many there are.
    pub alerts: u64,
}

/// A value of the field.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Key {
    Unknown,
    Sid(u32, u32),
    Number(u32),
    Text(String),
    Address(IpAddr),
    Time(i64),
}

pub(super) struct Aggregation {
    pub(super) by: CountBy,
    /// The time zone of hours and days.
    pub(super) zone: TimeZone,
    counts: HashMap<Key, u64>,
    /// The messages of signatures.
    messages: HashMap<Key, Vec<u8>>,
}

impl Aggregation {
    pub(super) fn new(by: CountBy, zone: TimeZone) -> Self {
        Self { by, zone, counts: HashMap::new(), messages: HashMap::new() }
    }

    pub(super) fn add(&mut self, key: Key, n: u64) {
        *self.counts.entry(key).or_default() += n;
    }

    pub(super) fn add_alert(&mut self, alert: &Alert) {
        let message = &alert.message;
        let key = match self.by {
            CountBy::Sid => Some(Key::Sid(message.sig_generator, message.sig_id)),
            CountBy::Src => alert.src_ip().map(Key::Address),
            CountBy::Dst => alert.dst_ip().map(Key::Address),
            CountBy::Class => alert.class().map(|class| Key::Text(class.name.to_string())),
            CountBy::Priority => alert.priority().map(Key::Number),
            CountBy::Proto => alert.protocol().map(|proto| Key::Text(proto.to_string())),
            CountBy::Port => alert.dst_port().map(|port| Key::Number(port.into())),
            CountBy::Sensor => alert.origin.sensor.clone().map(Key::Text),
            CountBy::Hour | CountBy::Day => self.time(microseconds(alert.timestamp())),
        };
        let key = key.unwrap_or(Key::Unknown);
        if self.by == CountBy::Sid && !self.messages.contains_key(&key) {
            self.messages.insert(key.clone(), alert.msg().into_owned());
        }
        self.add(key, 1);
    }

    /// Adds the counts of more alerts.
    pub(super) fn merge(&mut self, other: Self) {
        for (key, alerts) in other.counts {
            self.add(key, alerts);
        }
        for (key, message) in other.messages {
            self.messages.entry(key).or_insert(message);
        }
    }

    pub(super) fn add_signature(&mut self, signature: &Signature, n: u64) {
        let key = match self.by {
            CountBy::Sid => Key::Sid(signature.gid, signature.sid),
            CountBy::Priority if signature.priority > 0 => Key::Number(signature.priority),
            CountBy::Class => {
                signature.class().map_or(Key::Unknown, |class| Key::Text(class.name.to_string()))
            }
            _ => Key::Unknown,
        };
        if self.by == CountBy::Sid {
            self.messages.insert(key.clone(), signature.message().to_vec());
        }
        self.add(key, n);
    }

    /// The hour or day of a time.
    pub(super) fn time(&self, microseconds: i64) -> Option<Key> {
        const HOUR: i64 = 60 * 60 * 1_000_000;
        let unit = match self.by {
            CountBy::Hour => HOUR,
            CountBy::Day => 24 * HOUR,
            _ => return None,
        };
        let time = Timestamp::from_microsecond(microseconds).unwrap_or_default();
        let offset = i64::from(self.zone.to_offset(time).seconds()) * 1_000_000;
        let begin = (microseconds + offset).div_euclid(unit) * unit;
        // An hour that the clock repeats in autumn is two hours, but a day is one.
        Some(Key::Time(if self.by == CountBy::Hour { begin - offset } else { begin }))
    }

    /// The counts: the largest first, or for times the newest last.
    pub(super) fn finish(mut self) -> Vec<Count> {
        let mut counts: Vec<_> =
            std::mem::take(&mut self.counts).into_iter().filter(|(_, n)| *n > 0).collect();
        if self.by.is_time() {
            counts.sort_unstable();
        } else {
            counts.sort_unstable_by(|(a, many), (b, few)| few.cmp(many).then_with(|| a.cmp(b)));
        }
        let what = |key: &Key| text(key, &self.messages, self.by, &self.zone);
        counts.into_iter().map(|(key, alerts)| Count { what: what(&key), alerts }).collect()
    }
}

fn text(
    key: &Key,
    messages: &HashMap<Key, Vec<u8>>,
    by: CountBy,
    zone: &TimeZone,
) -> Option<String> {
    Some(match key {
        Key::Unknown => return None,
        Key::Sid(gid, sid) => {
            let message = messages.get(key).map(|message| String::from_utf8_lossy(message));
            format!("{gid}:{sid} {}", message.unwrap_or_default())
        }
        Key::Number(number) => number.to_string(),
        Key::Text(text) => text.clone(),
        Key::Address(ip) => ip.to_string(),
        Key::Time(microseconds) => {
            let time = Timestamp::from_microsecond(*microseconds).unwrap_or_default();
            match by {
                CountBy::Day => time.strftime("%Y-%m-%d").to_string(),
                _ => time.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
            }
        }
    })
}

impl fmt::Display for CountBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
