//! A sensor that was heard of, and what there is to say about it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use pigear_alert::plural;

use super::notice::NoticeSubject;
use super::{Heartbeat, Notice, SensorReport};

/// By how much a clock may be wrong.
const MAX_CLOCK_OFFSET: SignedDuration = SignedDuration::from_secs(60);

/// How many of the last heartbeats are looked at to find two Pigears with one name.
const RUNS: usize = 8;

/// A sensor, with its last heartbeat.
#[derive(Debug)]
pub(super) struct Sensor {
    beat: Heartbeat,
    seen: Seen,
    /// The runs and hosts of the last heartbeats.
    runs: VecDeque<(String, String)>,
    is_silent: bool,
    has_namesake: bool,
    has_wrong_clock: bool,
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

impl Sensor {
    /// A sensor that was not known.
    pub(super) fn new(beat: Heartbeat, seen: Seen) -> Self {
        let runs = VecDeque::from([(beat.run.clone(), beat.host.clone())]);
        Self { beat, seen, runs, is_silent: false, has_namesake: false, has_wrong_clock: false }
    }

    /// Takes its next heartbeat, and returns what is new. The same one is read again after each connection.
    pub(super) fn take(&mut self, beat: Heartbeat, seen: Seen) -> Vec<Notice> {
        if seen.at <= self.seen.at {
            return Vec::new();
        }
        self.runs.push_back((beat.run.clone(), beat.host.clone()));
        if self.runs.len() > RUNS {
            self.runs.pop_front();
        }
        (self.beat, self.seen) = (beat, seen);
        self.changes()
    }

    /// Whether it is due to be called silent.
    pub(super) fn falls_silent(&self, watched: Instant, now: Instant, allowed: u32) -> bool {
        let since = self.seen.heard.max(watched);
        !self.is_silent && now.saturating_duration_since(since) > self.limit(allowed)
    }

    /// Calls it silent.
    pub(super) fn call_silent(&mut self, allowed: u32) -> Notice {
        self.is_silent = true;
        self.silence(allowed)
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
    pub(super) fn changes(&mut self) -> Vec<Notice> {
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

    /// All that is known of it.
    pub(super) fn report(&self, now: Timestamp, allowed: u32) -> SensorReport {
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
            // Nothing has no sign.
            clock_offset: (offset.as_secs_f64() * 1_000.0).round() / 1_000.0 + 0.0,
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
