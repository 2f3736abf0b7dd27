//! Signals: what ends the program, and in which order.

use std::fs;

use nix::sys::signal::Signal;

use crate::harness::{Test, counters};
use crate::snort::{PING, ping};

#[test]
fn a_signal_ends_the_program_after_what_was_sent_before() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let room = Test::new()
            .send_all(std::iter::repeat_n(ping(), 4))
            .signal(signal)
            .stdout(PING.repeat(4))
            .stderr(
                "pigear: received 4, malformed 0, refused 0, missed 0; print: handled 4, dropped 0, failed 0\n",
            )
            .stats(counters([4, 0, 0, 0], &[("print", [4, 0, 0])]))
            .success();
        assert!(!room.socket().exists());
    }
}

#[test]
fn a_signal_before_the_first_alert_ends_the_program() {
    Test::new()
        .signal(Signal::SIGTERM)
        .stderr(
            "pigear: received 0, malformed 0, refused 0, missed 0; print: handled 0, dropped 0, failed 0\n",
        )
        .success();
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    let (_unread, stdout) = std::io::pipe().unwrap();
    let mut running = Test::new().args(["format=full"]).start_with(stdout);
    (0..100).for_each(|_| running.send(&ping()));
    running.signal(Signal::SIGINT);
    let socket = running.room().socket();
    crate::harness::until("the first signal is noticed", || !socket.exists());
    running.signal_now(Signal::SIGINT);
    let (_, ended) = running.end();
    assert_eq!((&*ended.stderr, ended.status), ("", Some(130)));
}

#[test]
fn the_counters_file_has_exactly_these_fields() {
    let room = Test::new().args(["--count", "1"]).send(ping()).stdout(PING).stats(
        "{\"received\":1,\"malformed\":0,\"refused\":0,\"missed\":0,\
         \"handlers\":{\"print\":{\"handled\":1,\"dropped\":0,\"failed\":0,\"received\":1,\"waiting\":0}}}\n",
    );
    let room = room.success();
    assert_eq!(room.list("."), ["log", "stats.json"]);
}

#[test]
fn the_counters_file_is_there_from_the_start() {
    let mut running = Test::new().args(["--stats", "stats.json"]).start();
    let file = running.room().at("stats.json");
    running.listens();
    crate::harness::until("the counters are written", || file.exists());
    assert_eq!(running.room().read("stats.json"), counters([0; 4], &[("print", [0; 3])]));
}

#[test]
fn counters_that_cannot_be_written_are_refused_at_the_start() {
    let (room, ended) = Test::new().args(["--stats", "no-such/stats.json"]).start().end();
    assert!(ended.stderr.starts_with("error: cannot write no-such/stats.json: No such file"));
    assert_eq!(ended.status, Some(1));
    assert!(!room.socket().exists());
}

#[test]
fn counters_that_can_no_longer_be_written_are_reported_and_alerts_go_on() {
    let test = Test::new().args(["--stats", "dir/stats.json", "--count", "1"]);
    let dir = test.room().at("dir");
    fs::create_dir(&dir).unwrap();
    let mut running = test.start();
    running.listens();
    fs::remove_dir_all(&dir).unwrap();
    running.send(&ping());
    let (_, ended) = running.end();
    assert_eq!((&*ended.stdout, ended.status), (PING, Some(0)));
    assert!(ended.stderr.starts_with("error: cannot write dir/stats.json: No such file"));
}
