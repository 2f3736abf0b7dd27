//! Where the source reads: brokers and the topic, and the rest as a query behind them.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::Deserialize;

use super::access::{AccessKeys, Mechanism, brokers};
use super::topic::check_name;
use crate::fleet::source_keys::source_keys;
use crate::keys::{YesNo, parsed_option};

named! {
    /// Where reading begins if nothing is known of an earlier run.
    pub(super) Begin: "start or now" {
        /// With the oldest message.
        Start = "start",
        /// With the next message.
        Now = "now",
    }
}

/// What `--from kafka://HOST:PORT/TOPIC?KEY=VALUE&…` may have.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SourceOptions {
    /// Partitions, such as `0-3,7`; all, if not given.
    partitions: String,
    /// The name under which the store keeps how far was read; the topic's, if not given.
    name: Option<String>,
    #[serde(deserialize_with = "parsed_option")]
    begin: Option<Begin>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    #[serde(deserialize_with = "parsed_option")]
    mechanism: Option<Mechanism>,
    #[serde(deserialize_with = "parsed_option")]
    tls: Option<YesNo>,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    #[serde(skip)]
    brokers: Vec<String>,
    #[serde(skip)]
    topic: String,
}

/// What is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) topic: String,
    /// The name under which the store keeps how far was read.
    pub(super) name: String,
    /// Which partitions; all, if empty.
    partitions: Vec<RangeInclusive<i32>>,
    pub(super) begin: Option<Begin>,
}

impl Reading {
    /// Which of a topic's partitions are read.
    ///
    /// # Errors
    /// If one that is named is missing.
    pub(super) fn of(&self, there: &[i32]) -> Result<Vec<i32>, String> {
        let named = self.partitions.iter().cloned().flatten();
        if let Some(missing) = named.into_iter().find(|number| !there.contains(number)) {
            return Err(format!("the topic {} has no partition {missing}", self.topic));
        }
        let is_wanted = |number: &i32| {
            self.partitions.is_empty() || self.partitions.iter().any(|range| range.contains(number))
        };
        Ok(there.iter().copied().filter(is_wanted).collect())
    }
}

impl SourceOptions {
    /// Parses what `--from` says.
    pub(super) fn parse(from: &str) -> Result<Self, String> {
        let (place, query) = from.split_once('?').unwrap_or((from, ""));
        let keys = source_keys(query)?;
        let mut options: Self = keys.options().map_err(|error| error.to_string())?;
        let address = place.strip_prefix("kafka://").unwrap_or(place);
        if address.contains("://") {
            return Err("expected --from kafka://HOST:PORT/TOPIC".to_owned());
        }
        let (brokers, topic) = address.split_once('/').unwrap_or((address, ""));
        if topic.is_empty() {
            return Err("the topic is missing: give --from kafka://HOST:PORT/TOPIC".to_owned());
        }
        check_name(topic)?;
        options.brokers = brokers.split(',').map(str::to_owned).collect();
        topic.clone_into(&mut options.topic);
        Ok(options)
    }

    /// The same, with everything checked that can be without reading a file.
    pub(super) fn checked(from: &str) -> Result<Self, String> {
        let options = Self::parse(from)?;
        options.reading()?;
        options.access().check()?;
        Ok(options)
    }

    pub(super) fn reading(&self) -> Result<Reading, String> {
        let ranges = self.partitions.split(',').filter(|range| !range.is_empty());
        Ok(Reading {
            topic: self.topic.clone(),
            name: self.name.clone().unwrap_or_else(|| self.topic.clone()),
            partitions: ranges.map(range).collect::<Result<_, _>>()?,
            begin: self.begin,
        })
    }

    pub(super) fn access(&self) -> AccessKeys {
        AccessKeys {
            url: self.brokers.clone(),
            url_name: "--from",
            user: self.user.clone(),
            password: None,
            password_file: self.password_file.clone(),
            mechanism: self.mechanism,
            tls: self.tls,
            ca: self.ca.clone(),
            cert: self.cert.clone(),
            key: self.key.clone(),
        }
    }
}

/// The most partitions that a topic can be expected to have.
const MAX_PARTITION: i32 = 100_000;

fn range(text: &str) -> Result<RangeInclusive<i32>, String> {
    let wrong = || format!("partitions: {text:?} is not a number or a range such as 0-3");
    let number =
        |text: &str| text.trim().parse::<i32>().ok().filter(|n| (0..=MAX_PARTITION).contains(n));
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first).ok_or_else(wrong)?, number(last).ok_or_else(wrong)?);
    if first > last { Err(wrong()) } else { Ok(first..=last) }
}

/// Checks what `--from` says, without reading a file.
pub(crate) fn check_source(from: &str) -> Result<(), String> {
    SourceOptions::checked(from).map(drop)
}

/// What a source reads, for a comparison with others.
pub(crate) struct Reads {
    brokers: Vec<String>,
    /// The name under which the store keeps how far was read.
    pub(crate) name: String,
}

impl Reads {
    /// Whether both have one name in the store, and read from two clusters. One cluster may be named by some of its
    /// brokers.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        self.name == other.name && !self.brokers.iter().any(|broker| other.brokers.contains(broker))
    }
}

/// What `--from` reads, if it is valid.
pub(crate) fn reads(from: &str) -> Option<Reads> {
    let options = SourceOptions::checked(from).ok()?;
    let brokers = brokers(&options.brokers, "--from").ok()?;
    Some(Reads { brokers, name: options.reading().ok()?.name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_in_the_store_is_for_one_cluster() {
        let excludes = |one, other| reads(one).unwrap().excludes(&reads(other).unwrap());
        assert!(excludes("kafka://a/t", "kafka://b/t"));
        assert!(excludes("kafka://a/t", "kafka://a:9093/t"));
        assert!(excludes("kafka://a/t?name=u", "kafka://b/u"));
        assert!(!excludes("kafka://a/t", "kafka://b/t?name=u"));
        assert!(!excludes("kafka://a/t?partitions=0", "kafka://b:1,a:9092/t?partitions=1"));
        assert!(!excludes("kafka://a/t", "kafka://b/u"));
    }

    #[test]
    fn brokers_topic_and_partitions_are_in_one_text() {
        let from = "kafka://a:9093,b/pigear.alerts?partitions=0-1,3&begin=now&name=mine";
        let options = SourceOptions::parse(from).unwrap();
        let reading = options.reading().unwrap();
        assert_eq!((&*reading.topic, &*reading.name), ("pigear.alerts", "mine"));
        assert_eq!(reading.of(&[0, 1, 2, 3]).unwrap(), [0, 1, 3]);
        assert_eq!(reading.of(&[0, 1]).unwrap_err(), "the topic pigear.alerts has no partition 3");
        assert_eq!(reading.begin, Some(Begin::Now));
        assert_eq!(options.access().url, ["a:9093", "b"]);
        let all = SourceOptions::parse("kafka://a/t").unwrap().reading().unwrap();
        assert_eq!((all.of(&[0, 1]).unwrap(), &*all.name), (vec![0, 1], "t"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |from: &str| {
            let options = SourceOptions::parse(from);
            options.and_then(|options| options.reading()).unwrap_err()
        };
        assert!(error("kafka://a").starts_with("the topic is missing"));
        assert!(error("kafka://a/").starts_with("the topic is missing"));
        assert_eq!(error("http://a/t"), "expected --from kafka://HOST:PORT/TOPIC");
        assert!(error("kafka://a/b c").contains("is not a topic's name"));
        assert!(error("kafka://a/t?topic=x").starts_with("unknown key `topic`"));
        assert_eq!(error("kafka://a/t?begin=now&begin=now"), "begin is given twice");
        assert!(error("kafka://a/t?begin=later").starts_with("begin: "));
        for wrong in ["x", "3-1", "-1", "1-", "0-4000000000"] {
            let problem = error(&format!("kafka://a/t?partitions={wrong}"));
            assert!(problem.starts_with("partitions: "), "{wrong}: {problem}");
        }
    }
}
