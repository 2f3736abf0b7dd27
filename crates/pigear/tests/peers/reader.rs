//! A reader of a Unix socket, as `EveBox` has one for EVE.

use std::io::{BufRead, BufReader};
use std::os::unix::net::{UnixDatagram, UnixListener};

use serde_json::Value;

use crate::harness::{DEADLINE, Test, counters};
use crate::peer::{HOSTILE, ends_in_time, saying, some_were_dropped};
use crate::snort::{ping, sent};

fn msg(line: &[u8]) -> String {
    let alert: Value = serde_json::from_slice(line).unwrap();
    assert_eq!(alert["event_type"], "alert");
    alert["alert"]["signature"].as_str().unwrap().to_owned()
}

#[test]
fn a_stream_has_a_line_an_alert() {
    let test = Test::new().args(["--data-handler", "socket", "target=unix-stream:eve"]);
    let test = test.args(["--count", &HOSTILE.len().to_string()]);
    let listener = UnixListener::bind(test.room().at("eve")).unwrap();
    let mut running = test.start();
    HOSTILE.map(saying).iter().for_each(|alert| running.send(alert));
    let reader = BufReader::new(listener.accept().unwrap().0);
    let said: Vec<_> = reader.lines().map(|line| msg(line.unwrap().as_bytes())).collect();
    assert_eq!(said, HOSTILE.map(String::from_utf8_lossy));
    let (_, ended) = running.end();
    assert_eq!((&*ended.stderr, ended.status), ("", Some(0)));
}

#[test]
fn a_datagram_is_an_alert() {
    let long = sent("v2919/bigframe4_snap64k").into_iter().max_by_key(Vec::len).unwrap();
    let test =
        Test::new().args(["--data-handler", "socket", "target=unix-dgram:eve", "--count", "2"]);
    let socket = UnixDatagram::bind(test.room().at("eve")).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut running = test.start();
    running.send(&ping());
    running.send(&long);
    let mut buffer = vec![0; 1 << 20];
    let n = socket.recv(&mut buffer).unwrap();
    assert_eq!(msg(&buffer[..n]), "ICMP Echo Request");
    assert_eq!(buffer[n - 1], b'}');
    let n = socket.recv(&mut buffer).unwrap();
    assert!(n > 10_000, "{n}");
    msg(&buffer[..n]);
    let (_, ended) = running.end();
    assert_eq!((&*ended.stderr, ended.status), ("", Some(0)));
}

#[test]
fn a_reader_that_comes_late_or_again_gets_what_waited() {
    let test = Test::new().args(["--data-handler", "socket", "target=unix-stream:eve"]);
    let test = test.args(["--stats", "stats.json"]);
    let path = test.room().at("eve");
    let mut running = test.start();
    let mut next = 0;
    let mut send = |running: &mut crate::running::Running, count: usize| {
        for _ in 0..count {
            running.send(&saying(format!("alert {next}").as_bytes()));
            next += 1;
        }
    };
    send(&mut running, 3);
    running.warns("trying again in");
    let mut said = Vec::new();
    for _ in 0..3 {
        let listener = UnixListener::bind(&path).unwrap();
        let reader = BufReader::new(listener.accept().unwrap().0);
        said.extend(reader.lines().take(3).map(|line| msg(line.unwrap().as_bytes())));
        // It goes away, and the next alerts come before it is back.
        drop(listener);
        std::fs::remove_file(&path).unwrap();
        send(&mut running, 3);
    }
    assert_eq!(said, (0..9).map(|n| format!("alert {n}")).collect::<Vec<_>>());
    let (room, _) = ends_in_time(running);
    assert_eq!(room.read("stats.json"), counters([12, 0, 0, 0], &[("socket", [9, 3, 0])]));
}

/// A reader that doesn't read holds up this handler only, and at the end nobody.
#[test]
fn a_reader_that_sleeps_is_waited_for_until_the_end() {
    let test = Test::new().args(["--data-handler", "socket", "--data-handler", "print"]);
    let test = test.args(["socket.target=unix-stream:eve", "--stats", "stats.json"]);
    let _listener = UnixListener::bind(test.room().at("eve")).unwrap();
    let mut running = test.start();
    for n in 0..1_000 {
        running.send(&saying(format!("alert {n}").as_bytes()));
    }
    running.prints("alert 999");
    let (room, _) = ends_in_time(running);
    some_were_dropped(&room, "socket", 1_000);
}

#[test]
fn what_is_no_target_is_refused() {
    for (target, problem) in [
        ("eve", "expected unix-stream:PATH or unix-dgram:PATH"),
        ("unix-dgram:", "the path is missing"),
    ] {
        let test = Test::new().args(["--data-handler", "socket", &format!("target={target}")]);
        let (_, ended) = test.start().end();
        assert!(ended.stderr.contains(problem), "{}", ended.stderr);
    }
}
