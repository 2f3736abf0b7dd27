//! The sensors that were heard of, and what there is to say about them.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use pigear_alert::plural;

use super::notice::NoticeSubject;
use super::{Heartbeat, Notice, SensorReport};

/// By how much a clock may be wrong.
const MAX_CLOCK_OFFSET: SignedDuration = SignedDuration::from_secs(60);

/// How many of the last heartbeats are looked at to find two Pigears with one name.
const RUNS: usize = 8;

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

/// When a heartbeat came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// By the server's clock.
    pub(crate) at: Timestamp,
    /// Its number in the bucket.
    pub(crate) revision: u64,
    /// When it was read here.
    pub(crate) heard: Instant,
    /// Whether it came just now, and was not there before.
    pub(crate) is_new: bool,
}

#[derive(Debug)]
struct Sensor {
    beat: Heartbeat,
    seen: Seen,
    /// The runs and hosts of the last heartbeats.
    runs: VecDeque<(String, String)>,
    is_silent: bool,
    has_namesake: bool,
    has_wrong_clock: bool,
}

impl Roll {
    pub(crate) fn new(allowed: u32) -> Self {
        Self { sensors: BTreeMap::new(), allowed, watched: None, notices: Vec::new() }
    }

    /// Heartbeats are heard from now on, or no more. Silence counts from then.
    pub(crate) fn set_watched(&mut self, since: Option<Instant>) {
        self.watched = since;
    }

    /// Takes a heartbeat. `key` is the sensor's in the bucket.
    pub(crate) fn take(&mut self, key: &str, beat: Heartbeat, seen: Seen) {
        let run = (beat.run.clone(), beat.host.clone());
        let sensor = match self.sensors.entry(key.to_owned()) {
            std::collections::btree_map::Entry::Occupied(known) => {
                let known = known.into_mut();
                // The same one is read again after each connection.
                if seen.at <= known.seen.at {
                    return;
                }
                (known.beat, known.seen) = (beat, seen);
                known
            }
            std::collections::btree_map::Entry::Vacant(new) => new.insert(Sensor::new(beat, seen)),
        };
        sensor.runs.push_back(run);
        if sensor.runs.len() > RUNS {
            sensor.runs.pop_front();
        }
        self.notices.extend(sensor.changes());
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
                sensor.is_silent = true;
                self.notices.push(sensor.silence(self.allowed));
            }
        }
    }

    fn falls_silent(&self, sensor: &Sensor, now: Instant) -> bool {
        let Some(watched) = self.watched.filter(|_| self.allowed > 0) else { return false };
        let since = sensor.seen.heard.max(watched);
        !sensor.is_silent && now.saturating_duration_since(since) > sensor.limit(self.allowed)
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

impl Sensor {
    fn new(beat: Heartbeat, seen: Seen) -> Self {
        Self {
            beat,
            seen,
            runs: VecDeque::new(),
            is_silent: false,
            has_namesake: false,
            has_wrong_clock: false,
        }
    }

    /// After which time without a heartbeat it is silent.
    fn limit(&self, allowed: u32) -> Duration {
        self.beat.interval() * allowed.max(1)
    }

    /// By how much its clock is ahead.
    fn clock_offset(&self) -> SignedDuration {
        self.beat.sent.duration_since(self.seen.at)
    }

    /// The hosts of the Pigears that use its name by turns. A Pigear that was restarted is another run, but the
    /// one before doesn't come again.
    fn namesakes(&self) -> Option<[&str; 2]> {
        let (last, host) = self.runs.back()?;
        let other = self.runs.iter().rposition(|(run, _)| run != last)?;
        let comes_again = self.runs.iter().take(other).any(|(run, _)| run == last);
        comes_again.then(|| [host.as_str(), self.runs.get(other).map_or("", |(_, host)| host)])
    }

    /// What is new with its latest heartbeat. One that was there before is no news.
    fn changes(&mut self) -> Vec<Notice> {
        let mut notices = Vec::new();
        if !self.seen.is_new {
            return notices;
        }
        if std::mem::take(&mut self.is_silent) && !self.beat.stopped {
            notices.push(self.notice(NoticeSubject::Back, "is back".to_owned()));
        }
        let said = self.namesakes().map(namesakes_text);
        let had = std::mem::replace(&mut self.has_namesake, said.is_some());
        if let Some(text) = said.filter(|_| !had) {
            notices.push(self.notice(NoticeSubject::SameName, text));
        }
        let said = clock_text(self.clock_offset());
        let had = std::mem::replace(&mut self.has_wrong_clock, said.is_some());
        if let Some(text) = said.filter(|_| !had) {
            notices.push(self.notice(NoticeSubject::Clock, text));
        }
        notices
    }

    fn notice(&self, subject: NoticeSubject, text: String) -> Notice {
        let Seen { at, revision: number, .. } = self.seen;
        Notice { subject, sensor: self.beat.sensor.clone(), at, number, text }
    }

    fn silence(&self, allowed: u32) -> Notice {
        let limit = self.limit(allowed);
        let text = if self.beat.stopped {
            "is silent: its Pigear was stopped".to_owned()
        } else {
            format!("is silent: no heartbeat for {limit:?}")
        };
        let at = self.seen.at.saturating_add(limit).unwrap_or(self.seen.at);
        Notice { at, ..self.notice(NoticeSubject::Silent, text) }
    }

    fn report(&self, now: Timestamp, allowed: u32) -> SensorReport {
        let (beat, seen) = (&self.beat, self.seen);
        // One that was there before may be old.
        let age = now.duration_since(seen.at);
        let is_old = !seen.is_new && age.unsigned_abs() > self.limit(allowed) && age.is_positive();
        let state = match (beat.stopped, self.is_silent || is_old) {
            (true, _) => "stopped",
            (false, true) => "silent",
            (false, false) => "ok",
        };
        let offset = self.clock_offset();
        let problems = self.namesakes().map(namesakes_text).into_iter().chain(clock_text(offset));
        SensorReport {
            sensor: Some(beat.sensor.clone()).filter(|name| !name.is_empty()),
            state,
            last_seen: seen.at,
            started: beat.started,
            host: beat.host.clone(),
            version: beat.version.clone(),
            clock_offset: (offset.as_secs_f64() * 1_000.0).round() / 1_000.0,
            received: beat.counter("received"),
            missed: beat.counter("missed"),
            malformed: beat.counter("malformed"),
            dropped: beat.of_handlers("dropped"),
            failed: beat.of_handlers("failed"),
            lag: beat.lag(),
            sockets: beat.sockets.clone(),
            threads: beat.threads.clone(),
            problems: problems.collect(),
        }
    }
}

fn namesakes_text([one, other]: [&str; 2]) -> String {
    if one == other {
        format!("is the name of two Pigears on {one}; give each its own with --sensor")
    } else {
        format!("is the name of two Pigears, on {one} and {other}; give each its own with --sensor")
    }
}

fn clock_text(offset: SignedDuration) -> Option<String> {
    if offset.abs() <= MAX_CLOCK_OFFSET {
        return None;
    }
    let seconds = plural::count(offset.unsigned_abs().as_secs(), "second");
    let which = if offset.is_positive() { "ahead of" } else { "behind" };
    Some(format!("has a clock that is {seconds} {which} the server's"))
}

#[cfg(test)]
mod tests {
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
