//! Very many invented rules, and very many files: what grows with their number, and what must not.

use std::fs;
use std::path::Path;

use pigear_alert::AlertMessage;
use pigear_alert::wire::{Dialect, encode};
use pigear_pipeline::recording::Writer;

use crate::harness::{Test, counters, program};
use crate::log::numbered_events;
use crate::room::Room;

/// A recording with an alert of each of so many revisions of one rule, as a packet may invent them.
fn invented(path: &Path, revisions: u32) {
    let mut recording = Writer::create_new(path).unwrap();
    let mut message = AlertMessage::default();
    message.msg = (*b"invented").into();
    (message.sig_generator, message.sig_id, message.priority) = (1, 1_000_001, 3);
    for revision in 0..revisions {
        message.sig_rev = revision;
        recording.write(&encode(&message, Dialect::Snort27)).unwrap();
    }
    recording.finish().unwrap();
}

/// Stores the recording `invented.zst`.
fn storing(revisions: u32) -> Test {
    Test::bare()
        .with(|room| invented(&room.at("invented.zst"), revisions))
        .args(["--socket-handler", "play", "--from", "invented.zst"])
        .args(["--store", "a.db", "--data-handler", "null"])
}

/// How many alerts are in the store.
fn kept(room: &Room) -> usize {
    let args = ["query", "--store", "a.db", "--limit", "1000000"];
    let output = program().args(args).current_dir(room.path()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().count()
}

#[test]
fn as_many_revisions_as_alerts_are_stored_before_time_is_up() {
    let n = 20_000;
    let stats = counters([n, 0, 0, 0], &[("null", [n, 0, 0]), ("store", [n, 0, 0])]);
    // A rule of which all others must be read for each alert would take minutes.
    let room = storing(20_000).stats(stats).success();
    assert_eq!(kept(&room), 20_000);
}

#[test]
fn invented_rules_take_no_room_from_alerts() {
    let room = storing(20_000).args(["--keep-bytes", "1MB"]).success();
    // What was removed last is given back by the next run, if this one had no time for it.
    let room = again(room);
    let (size, kept) = (fs::metadata(room.at("a.db")).unwrap().len(), kept(&room));
    assert!(size <= 1_000_000, "{size} bytes");
    assert!(kept > 1_000, "{kept} alerts");
}

/// Runs once more in the same directory, until its store is small enough.
fn again(room: Room) -> Room {
    let mut command = program();
    command.args(["--store", "a.db", "--keep-bytes", "1MB", "--logdir", "log"]);
    command.args(["--data-handler", "null"]).current_dir(room.path());
    let mut running = crate::running::Running::start(room, command);
    let store = running.room().at("a.db");
    crate::harness::until("the store is small enough", || {
        fs::metadata(&store).unwrap().len() <= 1_000_000
    });
    running.signal(nix::sys::signal::Signal::SIGTERM);
    running.end().0
}

#[test]
fn thousands_of_rotated_logs_are_read_before_time_is_up() {
    let logs = numbered_events(1..=4_000);
    let n = logs.len() as u64;
    let test = Test::bare().with(|room| {
        for (time, log) in (1_700_000_000..).zip(logs) {
            room.write(&format!("u2.log.{time}"), log);
        }
    });
    test.args(["--socket-handler", "unified2", "--from", "u2.log", "--from-start", "--once"])
        .args(["--data-handler", "null"])
        .stats(counters([n, 0, 0, 0], &[("null", [n, 0, 0])]))
        .success();
}
