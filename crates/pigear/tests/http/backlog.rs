//! What becomes of a backlog in the store.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pigear::store::{Criteria, Further, Reader};
use pigear_pipeline::recording::Writer;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{numbered, until};
use crate::people::of_rule;
use crate::server::{Reply, Request, Server};

/// A directory with a store in which these alerts are.
fn stored(datagrams: impl IntoIterator<Item = Vec<u8>>) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut recording = Writer::create_new(&dir.path().join("alerts.zst")).unwrap();
    for datagram in datagrams {
        recording.write(&datagram).unwrap();
    }
    recording.finish().unwrap();
    let status = pigear(dir.path())
        .args(["--data-handler", "null", "--socket-handler", "play", "--from", "alerts.zst"])
        .status();
    assert!(status.unwrap().success());
    dir
}

/// The program, with the store in this directory.
fn pigear(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pigear"));
    command.current_dir(dir).args(["--store", "alerts.db"]);
    command
}

/// The program while it listens, with `http` before the oldest alert of the store.
struct Listening(Child, PathBuf);

impl Listening {
    fn start(dir: &Path, keys: &[&str]) -> Self {
        std::fs::create_dir_all(dir.join("log")).unwrap();
        let args = ["--logdir", "log", "--data-handler", "http", "from=start", "--stats", "stats"];
        let mut command = pigear(dir);
        command.args(args).args(keys).stderr(Stdio::null());
        Self(command.spawn().unwrap(), dir.join("stats"))
    }

    /// The counters of `http`, as they were written last.
    fn counters(&self) -> Option<Value> {
        let stats = std::fs::read_to_string(&self.1).ok()?;
        let stats: Value = serde_json::from_str(&stats).unwrap();
        Some(stats["handlers"]["http"].clone())
    }

    /// Ends it, and gives the counters of `http`.
    fn end(mut self) -> Value {
        kill(Pid::from_raw(self.0.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        until("the program has ended", || self.0.try_wait().unwrap().is_some());
        self.counters().unwrap()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It has ended, as a rule.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn told(requests: &[Request]) -> u64 {
    requests.iter().map(|request| request.json()["count"].as_u64().unwrap()).sum()
}

#[test]
fn groups_are_told_of_when_they_are_due_while_there_is_a_backlog() {
    const ALERTS: usize = 20_000;
    let dir = stored(std::iter::repeat_n(of_rule(7), ALERTS));
    let server = Server::start(|_, _| Reply::ok());
    let url = format!("url={}", server.url());
    let listening = Listening::start(dir.path(), &[&url, "group=20ms"]);
    until("all are told of", || told(&server.requests()) == ALERTS as u64);
    let requests = server.requests();
    // The rule is one group: each of its messages was due while others of its alerts were still to come.
    assert!(requests.len() > 2, "{} messages", requests.len());
    let first = told(&requests[..1]);
    assert!(first < ALERTS as u64 / 2, "{first}");
    let counted = listening.end();
    assert_eq!((&counted["handled"], &counted["dropped"]), (&ALERTS.into(), &0.into()));
}

#[test]
fn every_alert_of_a_backlog_is_told_of_or_still_waits() {
    const RULES: u32 = 5_000;
    let dir = stored((1..=RULES).map(of_rule));
    let server = Server::start(|_, _| Reply::ok());
    let url = format!("url={}", server.url());
    // No group is due before the end, and not all of them may wait in memory.
    let listening = Listening::start(dir.path(), &[&url, "group=1h"]);
    until("the backlog is worked off", || {
        let counted = listening.counters().map(|counted| counted["handled"].as_u64());
        !server.requests().is_empty() || counted.flatten() > Some(0)
    });
    let counted = listening.end();
    let rules: HashSet<_> = server
        .requests()
        .iter()
        .map(|request| request.json()["sig_id"].as_u64().unwrap())
        .collect();
    let lane = reader(dir.path()).lanes().unwrap().remove(0);
    let count = |name: &str| counted[name].as_u64().unwrap();
    assert_eq!((count("handled") + lane.lag, lane.dead_letters), (RULES.into(), 0), "{counted}");
    assert_eq!((count("dropped"), count("failed")), (0, 0));
    // What a server took just when time was up may come again.
    assert!(rules.len() as u64 >= count("handled"), "{} rules, {counted}", rules.len());
}

#[test]
fn a_receiver_that_refuses_everything_takes_no_room_from_stored_alerts() {
    let dir = stored(std::iter::repeat_n(of_rule(7), 20_000));
    let server = Server::start(|_, _| Reply::status(401));
    let url = format!("url={}", server.url());
    let keys = [&*url, "encoding=ndjson", "batch=500", "--keep-bytes", "1MB"];
    let listening = Listening::start(dir.path(), &keys);
    let lane = || reader(dir.path()).lanes().unwrap().into_iter().find(|lane| lane.name == "http");
    until("all are refused", || {
        lane().is_some_and(|lane| lane.lag == 0 && lane.dead_letters + lane.removed_letters > 1_000)
    });
    let store = dir.path().join("alerts.db");
    until("dead letters are removed, and the store is small enough", || {
        let is_small = std::fs::metadata(&store).unwrap().len() <= 1_000_000;
        is_small && lane().is_some_and(|lane| lane.removed_letters > 0)
    });
    listening.end();
    let mut kept = 0;
    let count = |_| {
        kept += 1;
        Further::On
    };
    reader(dir.path()).newest(&Criteria::default(), count).unwrap();
    let letters = lane().unwrap().dead_letters;
    assert!(kept > 1_000 && letters < kept, "{kept} alerts, {letters} dead letters");
}

fn reader(dir: &Path) -> Reader {
    Reader::open(&dir.join("alerts.db")).unwrap()
}

#[test]
fn what_was_accepted_behind_a_request_that_was_not_is_settled_and_not_sent_again() {
    let dir = stored((0..8).map(numbered));
    let refuses = Arc::new(AtomicBool::new(true));
    let server = Server::start({
        let refuses = Arc::clone(&refuses);
        move |_, request| {
            let is_stuck = request.numbers() == [0] && refuses.load(Ordering::Relaxed);
            Reply::status(if is_stuck { 503 } else { 200 })
        }
    });
    let accepted = |requests: &[Request]| {
        let numbers = requests.iter().flat_map(Request::numbers);
        let mut accepted: Vec<_> = numbers.filter(|number| *number > 0).collect();
        accepted.sort_unstable();
        accepted
    };
    let url = format!("url={}", server.url());
    let listening = Listening::start(dir.path(), &[&url, "in_flight=4"]);
    until("three are accepted", || accepted(&server.requests()) == [1, 2, 3]);
    let counted = listening.end();
    let count =
        |counted: &Value| ["handled", "dropped", "failed"].map(|name| counted[name].clone());
    assert_eq!(count(&counted), [3, 0, 0]);
    assert_eq!(reader(dir.path()).lanes().unwrap().remove(0).lag, 5);
    refuses.store(false, Ordering::Relaxed);
    let before = server.requests().len();
    let listening = Listening::start(dir.path(), &[&url, "in_flight=4"]);
    until("the rest is accepted", || accepted(&server.requests()) == [1, 2, 3, 4, 5, 6, 7]);
    let zeros = |requests: &[Request]| requests.iter().filter(|it| it.numbers() == [0]).count();
    until("the first is accepted", || zeros(&server.requests()[before..]) == 1);
    assert_eq!(count(&listening.end()), [5, 0, 0]);
    assert_eq!(server.requests().len(), before + 5);
}
