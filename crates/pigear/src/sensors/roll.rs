//! The sensors that were heard of, and what there is to say about them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Instant;

use jiff::Timestamp;

use super::sensor::{Seen, Sensor};
use super::{Heartbeat, Notice, SensorReport};

/// The sensors that were heard of.
#[derive(Debug)]
pub(crate) struct Roll {
    sensors: BTreeMap<String, Sensor>,
    /// A sensor is silent after this many heartbeats that didn't come; never, if 0.
    allowed: u32,
    /// Since when heartbeats would be heard; `None` if they aren't.
    watched: Option<Instant>,
    notices: Vec<Notice>,
}

impl Roll {
    pub(crate) fn new(allowed: u32) -> Self {
        Self { sensors: BTreeMap::new(), allowed, watched: None, notices: Vec::new() }
    }

    /// Heartbeats are heard from then on, or no more. Silence counts from then. Returns what was before.
    pub(crate) fn set_watched(&mut self, since: Option<Instant>) -> Option<Instant> {
        std::mem::replace(&mut self.watched, since)
    }

    /// Takes a heartbeat. `key` is the sensor's in the bucket.
    pub(crate) fn take(&mut self, key: &str, beat: Heartbeat, seen: Seen) {
        let changes = match self.sensors.entry(key.to_owned()) {
            Entry::Occupied(known) => known.into_mut().take(beat, seen),
            Entry::Vacant(new) => new.insert(Sensor::new(beat, seen)).changes(),
        };
        self.notices.extend(changes);
    }

    /// Forgets a sensor.
    pub(crate) fn remove(&mut self, key: &str) {
        self.sensors.remove(key);
    }

    /// Whether a sensor is due to be called silent.
    pub(crate) fn has_silent(&self, now: Instant) -> bool {
        self.sensors.values().any(|sensor| self.falls_silent(sensor, now))
    }

    /// Calls those silent that are.
    pub(crate) fn call_silent(&mut self, now: Instant) {
        let silent: Vec<String> = self
            .sensors
            .iter()
            .filter(|(_, sensor)| self.falls_silent(sensor, now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in silent {
            if let Some(sensor) = self.sensors.get_mut(&key) {
                self.notices.push(sensor.call_silent(self.allowed));
            }
        }
    }

    fn falls_silent(&self, sensor: &Sensor, now: Instant) -> bool {
        let Some(watched) = self.watched.filter(|_| self.allowed > 0) else { return false };
        sensor.falls_silent(watched, now, self.allowed)
    }

    /// What is new.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// All sensors, by name.
    pub(crate) fn report(&self, now: Timestamp) -> Vec<SensorReport> {
        self.sensors.values().map(|sensor| sensor.report(now, self.allowed)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::SignedDuration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A roll that is watched since the start.
    struct Test {
        roll: Roll,
        start: Instant,
        revision: u64,
    }

    impl Test {
        fn new() -> Self {
            let start = Instant::now();
            let mut roll = Roll::new(3);
            roll.set_watched(Some(start));
            Self { roll, start, revision: 0 }
        }

        /// A heartbeat of a run, so many seconds after the start, by a clock that is so many seconds ahead.
        fn beat(&mut self, run: &str, second: u32, ahead: i64) -> Vec<String> {
            let at = Timestamp::from_second(1_000_000 + i64::from(second)).unwrap();
            let sent = at + SignedDuration::from_secs(ahead);
            let beat = Heartbeat {
                sensor: "dmz".to_owned(),
                run: run.to_owned(),
                host: format!("host-{run}"),
                sent,
                interval_ms: 10_000,
                ..Heartbeat::default()
            };
            self.revision += 1;
            let heard = self.start + SECOND * second;
            let seen = Seen { at, revision: self.revision, heard, is_new: true };
            self.roll.take("dmz", beat, seen);
            self.said()
        }

        fn silent_at(&mut self, second: u32) -> Vec<String> {
            self.roll.call_silent(self.start + SECOND * second);
            self.said()
        }

        fn said(&mut self) -> Vec<String> {
            let notices = self.roll.take_notices();
            let text = |notice: &Notice| String::from_utf8(notice.alert().message.msg.into());
            notices.iter().map(|notice| text(notice).unwrap()).collect()
        }
    }

    #[test]
    fn silence_is_said_once_and_so_is_its_end() {
        let mut test = Test::new();
        assert!(test.beat("a", 1, 0).is_empty());
        assert!(test.silent_at(31).is_empty());
        assert_eq!(test.silent_at(32), ["sensor dmz is silent: no heartbeat for 30s"]);
        assert!(test.silent_at(60).is_empty());
        assert_eq!(test.beat("a", 61, 0), ["sensor dmz is back"]);
        assert!(test.beat("a", 71, 0).is_empty());
        assert_eq!(test.silent_at(102).len(), 1);
    }

    #[test]
    fn a_connection_that_was_lost_is_no_silence_of_sensors() {
        let mut test = Test::new();
        test.beat("a", 1, 0);
        test.roll.set_watched(None);
        assert!(test.silent_at(100).is_empty());
        test.roll.set_watched(Some(test.start + SECOND * 100));
        assert!(test.silent_at(130).is_empty());
        assert_eq!(test.silent_at(131).len(), 1);
    }

    #[test]
    fn two_pigears_with_one_name_are_said_and_a_restart_is_not() {
        let mut test = Test::new();
        for (run, second) in [("a", 1), ("a", 11), ("b", 12), ("b", 22), ("c", 23)] {
            assert!(test.beat(run, second, 0).is_empty(), "{run}");
        }
        let text = "sensor dmz is the name of two Pigears, on host-b and host-c; give each its own with --sensor";
        assert_eq!(test.beat("b", 32, 0), [text]);
        assert!(test.beat("c", 33, 0).is_empty());
        assert_eq!(test.roll.report(Timestamp::now())[0].problems.len(), 1);
        for second in 34..50 {
            test.beat("c", second, 0);
        }
        assert!(test.roll.report(Timestamp::now())[0].problems.is_empty());
    }

    #[test]
    fn a_clock_that_is_an_hour_off_is_said_once() {
        let mut test = Test::new();
        let text = "sensor dmz has a clock that is 3600 seconds ahead of the server's";
        assert_eq!(test.beat("a", 1, 3_600), [text]);
        assert!(test.beat("a", 2, 3_600).is_empty());
        assert!(test.beat("a", 3, 60).is_empty());
        let text = "sensor dmz has a clock that is 61 seconds behind the server's";
        assert_eq!(test.beat("a", 4, -61), [text]);
    }

    #[test]
    fn a_notice_is_the_same_alert_whenever_it_is_found() {
        let silence = || {
            let mut test = Test::new();
            test.beat("a", 1, 0);
            test.roll.call_silent(test.start + SECOND * 40);
            test.roll.take_notices().remove(0).alert()
        };
        let (one, other) = (silence(), silence());
        assert_eq!(one.message, other.message);
        assert_eq!((one.received, one.message.ts_sec), (other.received, 1_000_031));
        assert_eq!((one.message.sig_generator, one.message.sig_id), (9_001, 1));
        assert_eq!(one.origin.sensor.as_deref(), Some("dmz"));
    }
}
