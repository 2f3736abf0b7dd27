//! Snort's own log in unified2, read by the program.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use flate2::read::GzDecoder;
use nix::sys::signal::Signal;
use pigear_alert::unified2::{self, Record};
use serde_json::Value;

use crate::harness::{Test, counters};
use crate::room::Room;
use crate::snort::{data, expected, objects};

/// The log of a recorded case.
pub(crate) fn logged(case: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = File::open(data().join(case).join("unified2.log.gz")).unwrap();
    GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    bytes
}

pub(crate) fn append(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

/// Reads `u2.log`.
fn reading() -> Test {
    Test::bare().args(["--socket-handler", "unified2", "--from", "u2.log"])
}

/// The same in the room of an earlier run.
fn reading_in(room: &Room) -> Test {
    let dir = room.path().to_owned();
    let log = dir.join("u2.log").into_os_string();
    Test::bare().args(["--socket-handler", "unified2", "--once", "--from"]).args([log])
}

fn sids(objects: &[Value], name: &str) -> Vec<u64> {
    objects.iter().map(|object| object[name].as_u64().unwrap()).collect()
}

pub(crate) fn etc(name: &str) -> String {
    data().join("etc").join(name).display().to_string()
}

#[test]
fn a_whole_log_is_read() {
    for case in ["v2852/http", "v2973/sip", "v2919/http_appid", "v3122/http", "v3122/ipv6"] {
        let expected = expected(case);
        let n = expected.len() as u64;
        let room = reading()
            .file("u2.log", logged(case))
            .args(["--from-start", "--once"])
            .args(["--sid-msg-map", &etc("sid-msg-v2.map"), "--gen-msg-map", &etc("gen-msg.map")])
            .args(["--data-handler", "file", "path=alerts", "format=json"])
            .stats(counters([n, 0, 0, 0], &[("file", [n, 0, 0])]))
            .success();
        let alerts = objects(&room.read("alerts"));
        assert_eq!(sids(&alerts, "sig_id"), sids(&expected, "sid"), "{case}");
        for (alert, expected) in alerts.iter().zip(&expected) {
            assert_eq!(
                (&alert["source"], &alert["action"]),
                (&"unified2".into(), &"allowed".into())
            );
            assert_eq!(alert["src_ip"], expected["src_ip"], "{case}");
        }
    }
}

#[test]
fn a_log_is_followed_from_now_on_and_again_from_where_that_stopped() {
    const LINE: &str = "2025-06-15T18:06:40.999998Z [**] [1:1000134:1] [**] [Priority: 3] {ICMP} \
        192.168.10.21 -> 198.51.100.1\n";
    let first = logged("v2919/icmp_ping");
    let event = &first[..60];
    let mut running = reading().file("u2.log", &first).start();
    // It follows once it has a bookmark.
    let bookmark = running.room().at(".u2.log.bookmark");
    crate::harness::until("there is a bookmark", || bookmark.exists());
    append(&running.room().at("u2.log"), event);
    running.prints(LINE);
    running.signal_now(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!((&*ended.stdout, ended.status), (LINE, Some(0)));
    append(&room.at("u2.log"), event);
    reading_in(&room).stdout(LINE).success();
    reading_in(&room).success();
}

#[test]
fn what_is_stored_is_not_stored_again() {
    let case = "v3122/http";
    let log = logged(case);
    let n = expected(case).len();
    let first = log_of(&log, 3);
    let room = reading()
        .file("u2.log", first)
        .args(["--from-start", "--once", "--store", "alerts.db", "--data-handler", "null"])
        .success();
    // As after a crash that left the bookmark behind.
    fs::write(room.at("u2.log"), &log).unwrap();
    let store = room.at("alerts.db").display().to_string();
    reading_in(&room).args(["--from-start", "--store", &store, "--data-handler", "null"]).success();
    let query = Test::bare().args(["query", "--store", &store, "--format", "json"]);
    let (_, ended) = query.start().end();
    let mut ids = sids(&objects(&ended.stdout), "event_id");
    ids.reverse();
    assert_eq!(ids, (1..=n as u64).collect::<Vec<_>>());
}

#[test]
fn a_log_can_be_recorded_and_played() {
    let case = "v2919/dns";
    let room = reading()
        .file("u2.log", logged(case))
        .args(["--from-start", "--once", "--data-handler", "record", "path=recording"])
        .success();
    let recording = room.at("recording");
    let test = Test::bare().args(["--socket-handler", "play", "format=json", "--from"]);
    let (_, ended) = test.args([&recording]).start().end();
    let alerts = objects(&ended.stdout);
    let expected = expected(case);
    assert_eq!(sids(&alerts, "sig_id"), sids(&expected, "sid"));
    assert_eq!(alerts[0]["src_ip"], expected[0]["src_ip"]);
}

/// The first so many events of a log, with what belongs to them.
fn log_of(log: &[u8], events: usize) -> &[u8] {
    let mut rest = log;
    let mut seen = 0;
    while let Some((record, length)) = unified2::read(rest).unwrap() {
        seen += usize::from(matches!(record, Record::Event(_)));
        if seen > events {
            break;
        }
        rest = &rest[length..];
    }
    &log[..log.len() - rest.len()]
}

#[test]
fn damage_is_said() {
    let log = logged("v3122/dns");
    let damaged = [&log[..1040], &[0; 100], &log].concat();
    let n = expected("v3122/dns").len() as u64 + 1;
    reading()
        .file("u2.log", damaged)
        .args(["--from-start", "--once", "--data-handler", "null"])
        .stderr(
            "warning: u2.log: passed by 100 bytes from byte 1040 on: there are zeros where a record \
             should begin\n",
        )
        .stats(counters([n, 1, 0, 0], &[("null", [n, 0, 0])]))
        .success();
}

#[test]
fn mistakes_are_named() {
    let named = |from: &[&str], stderr: &str, status| {
        let test = Test::bare().args(["--socket-handler", "unified2"]).file("snort.u2.17", "");
        test.args(from).stderr(format!("error: {stderr}\n")).status(status);
    };
    named(&[], "the socket handler `unified2` needs Snort's log; give it with --from DIR/NAME", 2);
    named(
        &["--from", "."],
        "cannot read the log .: . is a directory; give the log's name too, such as ./snort.u2",
        1,
    );
    named(
        &["--from", "missing/u2"],
        "cannot read the log missing/u2: cannot read the directory missing: No such file or directory \
         (os error 2)\nhint: create it: the log's files need not be there yet, but their directory must",
        1,
    );
    named(
        &["--from", "u2", "--bookmark", "missing/mark"],
        "cannot read the log u2: cannot keep the bookmark missing/mark: No such file or directory (os \
         error 2)\nhint: keep it elsewhere with --bookmark FILE",
        1,
    );
}

#[test]
fn it_is_said_why_there_is_nothing_to_read() {
    let case = "v2919/icmp_ping";
    let room = reading()
        .file("u2.log", logged(case))
        .args(["--once"])
        .stderr(
            "warning: ./u2.log is read for the first time, which begins at its end; --from-start reads \
             all of it\n",
        )
        .success();
    // The second time it is clear.
    reading_in(&room).success();
    Test::bare()
        .args(["--socket-handler", "unified2", "--from", "u3.log", "--from-start", "--once"])
        .stderr("warning: there is nothing to read at ./u3.log\n")
        .success();
}
