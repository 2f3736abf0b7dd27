//! Snort's own log in unified2, read by the program.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::ops::RangeInclusive;
use std::path::Path;

use flate2::read::GzDecoder;
use nix::sys::signal::Signal;
use pigear_alert::unified2::{self, Record};
use serde_json::Value;

use crate::harness::{Test, counters};
use crate::room::Room;
use crate::running::NO_RULES;
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

/// Events of a log, each with a packet, and with a number and a time of its own.
pub(crate) fn numbered_events(numbers: RangeInclusive<u32>) -> Vec<Vec<u8>> {
    let log = logged("v2919/icmp_ping");
    let (_, event) = unified2::read(&log).unwrap().unwrap();
    let (_, packet) = unified2::read(&log[event..]).unwrap().unwrap();
    let with_number = |number: u32| {
        let mut pair = log[..event + packet].to_vec();
        // The event's number stands behind the record's head and the sensor's number.
        for record in [0, event] {
            pair[record + 12..record + 16].copy_from_slice(&number.to_be_bytes());
        }
        // Its microsecond stands behind its second.
        pair[20..24].copy_from_slice(&number.to_be_bytes());
        pair
    };
    numbers.map(with_number).collect()
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
        .stderr("warning: u2.log: skipped 100 bytes at offset 1040: zeros instead of a record\n")
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
        2,
    );
    named(
        &["--from", "missing/u2"],
        "cannot read the log missing/u2: cannot read the directory missing: No such file or directory \
         (os error 2)\nhint: create it: the log's files may be missing, but their directory must exist",
        1,
    );
    named(
        &["--from", "u2", "--bookmark", "missing/mark"],
        "no such directory: missing for the bookmark of ./u2\nhint: mkdir -p missing creates what is missing",
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
            "warning: ./u2.log has no bookmark yet, so reading starts at its end; --from-start reads \
             all of it\n",
        )
        .success();
    // The second time it is clear.
    reading_in(&room).success();
    Test::bare()
        .args(["--socket-handler", "unified2", "--from", "u3.log", "--from-start", "--once"])
        .stderr("warning: nothing to read at ./u3.log\n")
        .success();
}

fn lines_of(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// Three files, of which the second can't be read.
fn with_an_unreadable_file() -> Test {
    let [first, second, third] = FILES;
    let test = Test::bare()
        .file(first.0, logged(first.1))
        .file(second.0, logged(second.1))
        .file(third.0, logged(third.1))
        .with(|room| {
            room.hand_over("log");
            room.set_mode(second.0, 0o000);
        })
        .args(["--socket-handler", "unified2", "--from", "u2.log", "--bookmark", "log/mark"])
        .args(["--from-start", "--data-handler", "file", "path=log/alerts", "format=json"]);
    test.without_rights()
}

const FILES: [(&str, &str); 3] = [
    ("u2.log.1750000001", "v2919/dns"),
    ("u2.log.1750000002", "v2919/http"),
    ("u2.log.1750000003", "v2919/sip"),
];

const UNREADABLE: &str = "warning: cannot read ./u2.log.1750000002: Permission denied (os error 13); \
     continuing without it and trying again\n";

#[test]
fn a_file_that_cannot_be_read_is_passed_over_and_read_as_soon_as_it_can_be() {
    let test = with_an_unreadable_file();
    let mut running = test.start();
    let alerts = running.room().at("log/alerts");
    let [first, second, third] = FILES.map(|(_, case)| expected(case).len());
    crate::harness::until("the others are read", || lines_of(&alerts) == first + third);
    running.room().set_mode(FILES[1].0, 0o644);
    crate::harness::until("it is read", || lines_of(&alerts) == first + second + third);
    running.warns("u2.log.1750000002 can be read again");
    append(&running.room().at(FILES[2].0), &logged("v2919/tls"));
    let all = first + second + third + expected("v2919/tls").len();
    crate::harness::until("the newest is followed", || lines_of(&alerts) == all);
    running.signal_now(Signal::SIGTERM);
    assert!(running.end().1.stderr.starts_with(UNREADABLE));
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_once_everything_else_was_read() {
    let test = with_an_unreadable_file();
    let error = "error: ./u2.log: cannot read Snort's log: ./u2.log.1750000002: Permission denied (os \
        error 13)\n";
    let room = test.args(["--once"]).stderr(format!("{UNREADABLE}{error}")).status(1);
    let [first, second, third] = FILES.map(|(_, case)| expected(case).len());
    assert_eq!(lines_of(&room.at("log/alerts")), first + third);
    // The bookmark knows what is still to be read, and only that is.
    room.set_mode(FILES[1].0, 0o644);
    let log = room.at("u2.log").display().to_string();
    let mark = room.at("log/mark").display().to_string();
    let again = Test::bare().args(["--socket-handler", "unified2", "--once", "--from", &log]);
    let again = again.args(["--bookmark", &mark]).start();
    let (_, ended) = again.end();
    assert_eq!((ended.stdout.lines().count(), ended.status), (second, Some(0)), "{}", ended.stderr);
}

#[test]
fn all_packets_of_an_alert_are_shown_and_written() {
    let tagged = fs::read(data().join("tagged.u2")).unwrap();
    let room = reading()
        .file("u2.log", tagged)
        .args(["--from-start", "--once", "--stats", "stats.json"])
        .args(["--data-handler", "file", "file.path=alerts", "file.format=json"])
        .args(["--data-handler", "pcap", "pcap.path=alerts.pcapng"])
        .success();
    let alerts = objects(&room.read("alerts"));
    assert_eq!(alerts.len(), 2);
    let packets = alerts[0]["packets"].as_array().unwrap();
    assert_eq!(packets.len(), 3);
    assert_eq!(packets[0]["pkt"], alerts[0]["pkt"]);
    assert_eq!(packets[0]["timestamp"], alerts[0]["timestamp"]);
    assert!(packets[1]["timestamp"].as_str() > packets[0]["timestamp"].as_str());
    assert_eq!(alerts[1]["packets"], Value::Null);
    let bytes = fs::read(room.at("alerts.pcapng")).unwrap();
    assert_eq!(packet_blocks(&bytes), 4);
    assert!(!room.read("stats.json").contains("stray_packets"));
}

/// How many blocks of a pcapng hold a packet.
pub(crate) fn packet_blocks(mut bytes: &[u8]) -> usize {
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut packets = 0;
    while !bytes.is_empty() {
        packets += usize::from(word(bytes, 0) == 6);
        bytes = &bytes[word(bytes, 4) as usize..];
    }
    packets
}

#[test]
fn a_bookmark_that_is_no_file_is_refused_at_once() {
    reading()
        .with(|room| nix::unistd::mkfifo(&room.at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap())
        .args(["--bookmark", "pipe"])
        .stderr(
            "error: cannot read the log u2.log: cannot use the bookmark pipe: a named pipe, not a \
             regular file\nhint: name another file with --bookmark\n",
        )
        .status(1);
}

/// A small log of the tests' own data.
fn small(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/logs").join(name)).unwrap()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn a_file_of_another_kind_is_named_for_what_it_is() {
    let pcap = "a tcpdump capture (pcap), as `log_tcpdump` writes it";
    let unified1 = "a log in unified1, as `alert_unified` and `log_unified` of old Snorts write it";
    let text = b"[**] [1:7:1] a text [**]\n".to_vec();
    let cases = [
        ("snort.log.1408654225", small("snort.log.1408654225"), pcap.to_owned()),
        ("unified1.log", small("unified1.log"), unified1.to_owned()),
        ("alert", text.clone(), "a text file".to_owned()),
        ("alert.1.gz", gzipped(&text), "a text file, compressed with gzip".to_owned()),
        ("a.gz", gzipped(&small("unified1.log")), format!("{unified1}, compressed with gzip")),
        ("b", b"BZh91AY&SY".to_vec(), "a file compressed with bzip2".to_owned()),
    ];
    for (name, bytes, kind) in cases {
        for more in [&["--once", "--from-start"][..], &["--once"], &[]] {
            let room = Test::bare()
                .file(name, &bytes)
                .args(["--socket-handler", "unified2", "--from", name])
                .args(more.iter().copied())
                .stderr(match more {
                    ["--once"] => format!(
                        "warning: ./{name} has no bookmark yet, so reading starts at its end; \
                         --from-start reads all of it\n\
                         error: cannot read the log {name}: ./{name} is {kind}, not a log in unified2\n"
                    ),
                    _ => format!(
                        "error: cannot read the log {name}: ./{name} is {kind}, not a log in unified2\n"
                    ),
                })
                .status(1);
            let files = fs::read_dir(room.path()).unwrap().map(|entry| entry.unwrap().file_name());
            assert!(files.into_iter().all(|file| file == name || file == "log"), "{name}");
        }
    }
}

#[test]
fn a_file_of_another_kind_among_logs_is_skipped_and_said() {
    let mut running = reading()
        .file("u2.log.1408654225", small("snort.log.1408654225"))
        .file("u2.log.1408654226", small("ten.u2"))
        .args(["--from-start", "--once", "--data-handler", "null"])
        .stats(counters([10, 0, 0, 0], &[("null", [10, 0, 0])]))
        .start();
    running.warns("u2.log.1408654225 is a tcpdump capture");
    assert_eq!(running.end().1.status, Some(0));
}

#[test]
fn a_log_without_events_says_so() {
    reading()
        .file("u2.log", small("only-packets.u2"))
        .args(["--from-start", "--once"])
        .stderr(
            "warning: ./u2.log has packets but no events, as `log_unified2` writes it: there are no \
             alerts in it; configure `output unified2` in Snort\n",
        )
        .success();
}

#[test]
fn a_record_that_is_cut_is_said_at_the_end() {
    reading()
        .file("u2.log", small("cut-last-record.u2"))
        .args(["--from-start", "--once", "--data-handler", "null"])
        .stats(counters([1, 0, 0, 0], &[("null", [1, 0, 0])]))
        .stderr("warning: ./u2.log ends with an incomplete record: 40 of 68 bytes\n")
        .success();
}

#[test]
fn compressed_logs_are_read() {
    let ten = small("ten.u2");
    let zstd = zstd::encode_all(&*ten, 0).unwrap();
    for (name, bytes) in [("u2.log.1.gz", gzipped(&ten)), ("u2.log.1.zst", zstd)] {
        for from in ["u2.log", name] {
            Test::bare()
                .file(name, &bytes)
                .args(["--socket-handler", "unified2", "--from-start", "--once", "--from", from])
                .args(["--data-handler", "null"])
                .stats(counters([10, 0, 0, 0], &[("null", [10, 0, 0])]))
                .success();
        }
    }
}

#[test]
fn a_missing_map_is_said_once() {
    let ten = || reading().file("u2.log", small("ten.u2")).args(["--from-start", "--once"]);
    let mut running = ten().start();
    running.warns(NO_RULES);
    let stdout = running.end().1.stdout;
    assert_eq!(stdout.lines().count(), 10);
    let missing =
        "warning: sid-msg.map has no message for 1:1000001; is it that of Snort's rules?\n";
    let (_, ended) = ten().file("map", "7 || x\n").args(["--sid-msg-map", "map"]).start().end();
    assert_eq!(ended.stderr, missing);
    let map =
        (1_000_001..=1_000_010).map(|sid| format!("{sid} || x")).collect::<Vec<_>>().join("\n");
    let (_, ended) = ten().file("map", map).args(["--sid-msg-map", "map"]).start().end();
    assert_eq!(ended.stderr, "");
}

#[test]
fn what_can_not_be_a_log_is_wrong_usage() {
    let test = || {
        Test::new().with(|room| {
            nix::unistd::mkfifo(&room.at("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        })
    };
    let special = "fifo is a named pipe, not a regular file; give the path that Snort logs to, such as \
        /var/log/snort/unified2.log";
    let directory = "log is a directory; give the log's name too, such as log/unified2.log";
    for (path, problem) in [("fifo", special), ("log", directory)] {
        let error = format!("error: cannot read the log {path}: {problem}\n");
        let test = || test().with(|room| fs::create_dir_all(room.at("log")).unwrap());
        test().args(["--complete-from", path]).stderr(&*error).status(2);
        let reads =
            test().args(["--socket-handler", "unified2", "--once", "--from-start", "--from", path]);
        let ended = reads.start().end().1;
        assert_eq!((ended.stderr, ended.status), (error, Some(2)));
    }
}
