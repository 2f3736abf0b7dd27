//! What is killed, and what must be there in the end.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::ports::free_address;
use crate::snort::Snort;

const DEADLINE: Duration = Duration::from_secs(120);

/// A process that is killed when this is dropped.
pub(crate) struct Killed(Child);

impl Killed {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }

    pub(crate) fn kill(&mut self) {
        assert_eq!(self.0.try_wait().unwrap(), None, "it has ended by itself");
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Ends it in order, once it listens to signals.
    pub(crate) fn stop(&mut self) {
        until("it listens to signals", || self.catches(Signal::SIGTERM));
        kill(Pid::from_raw(self.0.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        let mut status = None;
        until("it has ended", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        assert!(status.unwrap().success(), "{status:?}");
    }

    fn catches(&self, signal: Signal) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        let caught = u64::from_str_radix(caught.trim(), 16).unwrap();
        caught & 1 << (signal as i32 - 1) != 0
    }

    /// Waits until Pigear has handed on everything, and holds what arrived against what is stored.
    /// Returns how many alerts are stored, and how many requests came twice.
    fn delivers_all(&mut self, dir: &Path) -> (usize, usize) {
        until("all is delivered", || {
            assert_eq!(self.0.try_wait().unwrap(), None, "it has ended by itself");
            waiting(dir) == Some(0)
        });
        self.stop();
        let stored = stored(dir);
        let (received, again) = received(&dir.join("received"));
        let stray = stored.iter().zip(&received).position(|(one, other)| one != other);
        assert_eq!((received.len(), stray), (stored.len(), None));
        (stored.len(), again)
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        // It has ended, as a rule.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Moments that look random, and are the same in every run.
pub(crate) struct Moments(u64);

impl Default for Moments {
    fn default() -> Self {
        Self(4711)
    }
}

impl Moments {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % below
    }

    /// Lets things go on for a while.
    pub(crate) fn pass(&mut self) {
        thread::sleep(Duration::from_millis(20 + self.next(300)));
    }
}

fn pigear(dir: &Path, address: &str) -> Killed {
    pigear_with(dir, address, &[])
}

fn pigear_with(dir: &Path, address: &str, keys: &[&str]) -> Killed {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pigear"));
    command.args(keys);
    command.current_dir(dir).args(["--logdir", ".", "--store", "alerts.db"]);
    command.args(["--data-handler", "http", "encoding=ndjson", "batch=40", "delay=10ms"]);
    command.args([format!("url=http://{address}/"), "from=start".to_owned()]);
    // That the receiver is down is what this is about.
    command.stderr(Stdio::null());
    Killed::start(&mut command)
}

fn receiver(dir: &Path, address: &str) -> Killed {
    let mut command = Command::new(std::env::current_exe().unwrap());
    Killed::start(command.args(["receive", address]).arg(dir.join("received")))
}

pub(crate) fn nothing_is_missing(kills: usize) {
    let dir = TempDir::new().unwrap();
    let address = free_address().to_string();
    let snort = Snort::start(dir.path().join("snort_alert"));
    let mut moments = Moments::default();
    let mut to = receiver(dir.path(), &address);
    let mut receivers_killed = 0;
    for _ in 0..kills {
        let mut from = pigear(dir.path(), &address);
        moments.pass();
        // Whoever asks meanwhile must not be in the way.
        query(dir.path(), &["query", "--limit", "1"]);
        waiting(dir.path());
        moments.pass();
        if moments.next(2) == 0 {
            to.kill();
            receivers_killed += 1;
            if moments.next(2) == 0 {
                moments.pass();
            }
            to = receiver(dir.path(), &address);
            moments.pass();
        }
        from.kill();
    }
    let mut last = pigear(dir.path(), &address);
    let sent = snort.end();
    let (stored, again) = last.delivers_all(dir.path());
    assert!(stored > kills * 5, "too little was going on: {stored}");
    println!(
        "Pigear was killed {kills} times, the receiver {receivers_killed} times; sent {sent}, stored \
        {stored}, and all of these received, in order; {again} requests came twice, with the same key"
    );
}

/// A receiver is down while as many alerts come as in an hour at one a second; Pigear is stopped in
/// between, and killed.
pub(crate) fn an_outage_is_made_up_for() {
    const HOUR: u32 = 3_600;
    let dir = TempDir::new().unwrap();
    let address = free_address().to_string();
    let snort = Snort::start(dir.path().join("snort_alert"));
    let mut from = pigear(dir.path(), &address);
    until("a third is sent", || snort.sent() >= HOUR / 3);
    from.stop();
    from = pigear(dir.path(), &address);
    until("two thirds are sent", || snort.sent() >= 2 * HOUR / 3);
    from.kill();
    from = pigear(dir.path(), &address);
    until("all is sent", || snort.sent() >= HOUR);
    let sent = snort.end();
    let _to = receiver(dir.path(), &address);
    let (stored, again) = from.delivers_all(dir.path());
    assert_eq!(again, 0);
    println!("While the receiver was down {sent} were sent and {stored} stored; all were received");
}

/// How many alerts wait for `http`.
fn waiting(dir: &Path) -> Option<u64> {
    let lanes = query(dir, &["lanes"]);
    lanes.lines().find(|line| line.starts_with("http "))?.split_whitespace().nth(1)?.parse().ok()
}

fn query(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pigear"));
    let output =
        command.current_dir(dir).args(args).args(["--store", "alerts.db"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The numbers of the events that are in the store.
pub(crate) fn stored(dir: &Path) -> Vec<u64> {
    let lines = query(dir, &["query", "--format", "json", "--limit", "100000000"]);
    let number = |line| serde_json::from_str::<Value>(line).unwrap()["event_id"].as_u64().unwrap();
    let mut numbers: Vec<_> = lines.lines().map(number).collect();
    numbers.reverse();
    assert!(numbers.is_sorted_by(|one, next| one < next), "an alert was stored twice");
    numbers
}

/// The numbers of the events that arrived, without what came again with the same key; and how often
/// that was.
fn received(file: &Path) -> (Vec<u64>, usize) {
    let text = fs::read_to_string(file).unwrap();
    let (mut numbers, mut known, mut again) = (Vec::new(), HashMap::new(), 0);
    for line in text.lines() {
        let (key, rest) = line.split_once(' ').unwrap();
        match known.insert(key, rest) {
            None => numbers.extend(rest.split(' ').map(|message| number_and_count(message).0)),
            Some(before) => {
                assert_eq!(rest, before, "the same key with other alerts");
                again += 1;
            }
        }
    }
    (numbers, again)
}

/// The number of an event, and how many alerts it stands for.
fn number_and_count(message: &str) -> (u64, usize) {
    let (number, count) = message.split_once(':').unwrap();
    (number.parse().unwrap(), count.parse().unwrap())
}

/// The rules of the alerts that are grouped.
const RULES: u64 = 10;

/// The most messages of a request.
const BATCH: usize = 40;

/// The same, where alike alerts become one message, and in every other run there are only so many a minute,
/// the most severe first.
pub(crate) fn nothing_is_missing_of_groups(kills: usize) {
    let dir = TempDir::new().unwrap();
    let address = free_address().to_string();
    let rules = u32::try_from(RULES).unwrap();
    let snort = Snort::with_rules(dir.path().join("snort_alert"), rules);
    let mut moments = Moments::default();
    let _to = receiver(dir.path(), &address);
    let start = |keys: &[&str]| (Instant::now(), pigear_with(dir.path(), &address, keys));
    let mut groups = 0;
    for n in 0..kills {
        let keys = ["group=40ms", "per_minute=100"];
        let (begun, mut from) = start(&keys[..=n % 2]);
        moments.pass();
        moments.pass();
        from.kill();
        groups += most_groups(begun);
    }
    let (begun, mut last) = start(&["group=40ms"]);
    let sent = snort.end();
    until("all is delivered", || waiting(dir.path()) == Some(0));
    last.stop();
    groups += most_groups(begun);
    let stored = stored(dir.path());
    let text = fs::read_to_string(dir.path().join("received")).unwrap();
    let requests: BTreeSet<_> = text.lines().collect();
    let messages: Vec<_> = requests
        .into_iter()
        .flat_map(|line| line.split(' ').skip(1))
        .map(number_and_count)
        .collect();
    let (missing, again) = missing_and_again(&stored, &messages);
    assert_eq!(missing, 0, "of {} stored alerts", stored.len());
    assert!(messages.len() <= groups, "{} messages, at most {groups} groups", messages.len());
    // Only what was in a request that was not answered before the kill.
    assert!(again <= kills * BATCH, "{again} messages came again");
    println!(
        "Pigear was killed {kills} times; sent {sent}, stored {}, and all of these received in {} messages; \
        at most {groups} were to be expected, and {again} were about alerts that had come before",
        stored.len(),
        messages.len()
    );
}

/// The most groups that a run can have sent that began then: each collects alerts of one rule for 40 ms, and only then
/// does the next one of that rule begin.
fn most_groups(begun: Instant) -> usize {
    let windows = begun.elapsed().as_millis() / 40 + 1;
    usize::try_from(windows).unwrap() * usize::try_from(RULES).unwrap()
}

/// How many stored alerts no message was about, and how many messages were about others that came before.
/// A group is an alert and those of its rule behind it.
fn missing_and_again(stored: &[u64], messages: &[(u64, usize)]) -> (usize, usize) {
    let of_rule = |rule| stored.iter().copied().filter(move |number| number % RULES == rule);
    let rules: Vec<Vec<u64>> = (0..RULES).map(|rule| of_rule(rule).collect()).collect();
    let mut is_covered: Vec<_> = rules.iter().map(|alerts| vec![false; alerts.len()]).collect();
    let mut again = 0;
    for (number, count) in messages {
        let rule = usize::try_from(number % RULES).unwrap();
        let first = rules[rule].binary_search(number).unwrap();
        let group = &mut is_covered[rule][first..first + count];
        again += usize::from(group.contains(&true));
        group.fill(true);
    }
    (is_covered.iter().flatten().filter(|is_covered| !**is_covered).count(), again)
}

/// With a limit of messages, restarts and kills make no difference to how many come in a minute.
pub(crate) fn no_minute_has_more_messages(kills: usize) {
    const PER_MINUTE: usize = 60;
    let dir = TempDir::new().unwrap();
    let address = free_address().to_string();
    let snort = Snort::with_rules(dir.path().join("snort_alert"), 1_000);
    let mut moments = Moments::default();
    let _to = receiver(dir.path(), &address);
    let begun = Instant::now();
    for n in 0..kills {
        let mut from = pigear_with(dir.path(), &address, &["per_minute=60"]);
        moments.pass();
        moments.pass();
        if n % 2 == 0 { from.kill() } else { from.stop() }
    }
    let minutes = usize::try_from(begun.elapsed().as_secs() / 60).unwrap() + 1;
    snort.end();
    let text = fs::read_to_string(dir.path().join("received")).unwrap();
    let messages: usize = text.lines().map(|line| line.split(' ').count() - 1).sum();
    assert!(messages > 0 && messages <= minutes * PER_MINUTE, "{messages} in {minutes} minutes");
    println!("{kills} starts, {messages} messages in {minutes} minutes, of {PER_MINUTE} a minute");
}

pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
