//! Wireshark, which reads what `pcap` wrote.

use std::path::Path;
use std::process::Command;

use pigear_alert::plural::count;
use serde_json::Value;

use crate::harness::Test;
use crate::peer::{HOSTILE, all_recordings, has, logged, output, saying};
use crate::room::Room;
use crate::snort::{PING, ping};

/// What Wireshark sees of a packet.
#[derive(Debug)]
struct Frame {
    comment: String,
    /// Microseconds since 1970.
    time: i64,
    len: u64,
    captured: u64,
    addresses: String,
}

fn frames(path: &Path) -> Vec<Frame> {
    let fields = ["frame.comment", "frame.time_epoch", "frame.len", "frame.cap_len"];
    let addresses = ["ip.addr", "ipv6.addr"];
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(path).args(["-Tfields", "-E", "separator=/t"]);
    for field in fields.iter().chain(&addresses) {
        tshark.args(["-e", field]);
    }
    output(&mut tshark).lines().map(frame).collect()
}

fn frame(line: &str) -> Frame {
    let fields: Vec<_> = line.split('\t').collect();
    let (seconds, nanos) = fields[1].split_once('.').unwrap();
    Frame {
        comment: fields[0].to_owned(),
        time: seconds.parse::<i64>().unwrap() * 1_000_000 + nanos[..6].parse::<i64>().unwrap(),
        len: fields[2].parse().unwrap(),
        captured: fields[3].parse().unwrap(),
        addresses: fields[4..].join(","),
    }
}

fn capinfos(path: &Path) -> String {
    output(Command::new("capinfos").arg(path))
}

/// The comments in a file, in order.
fn comments(room: &Room, name: &str) -> Vec<String> {
    frames(&room.at(name)).into_iter().map(|frame| frame.comment).collect()
}

const PING_COMMENT: &str = "[1:1000134:1] ICMP Echo Request";

#[test]
fn every_recorded_packet_is_shown_with_its_comment() {
    if !has("tshark") || !has("capinfos") {
        return;
    }
    let config = all_recordings() + "[[handler]]\ntype = \"pcap\"\npath = \"all.pcapng\"\n";
    let (alerts, expected) = (logged(), logged());
    let expected: Vec<_> = expected.iter().filter(|alert| alert["has_packet"] == true).collect();
    let without = alerts.len() - expected.len();
    let powers = (0..).map(|n| 1 << n).take_while(|&count| count <= without);
    let warnings = powers
        .map(|n| format!("warning: all.pcapng: {} without a packet so far\n", count(n, "alert")));
    let room = Test::bare()
        .file("pigear.toml", config)
        .args(["--config", "pigear.toml", "--stats", "stats.json"])
        .stderr(warnings.collect::<String>())
        .success();
    let stats: Value = serde_json::from_str(&room.read("stats.json")).unwrap();
    assert_eq!(stats["handlers"]["pcap"]["handled"], alerts.len());

    let path = room.at("all.pcapng");
    let info = capinfos(&path);
    assert!(info.contains(&format!("Number of packets:   {}", expected.len())), "{info}");
    assert!(
        info.contains("Encapsulation = Ethernet") && info.contains("Encapsulation = Raw IP"),
        "{info}"
    );
    let mut frames = frames(&path);
    assert_eq!(frames.len(), expected.len());
    let mut expected = expected;
    // What is garbled on the wire could take the frame of what is not.
    expected.sort_by_key(|alert| (has_other_ids(alert), is_garbled(alert)));
    for alert in expected {
        let found = frames.iter().position(|frame| is_of(frame, alert));
        let found = found.unwrap_or_else(|| panic!("no frame for {alert}"));
        let frame = frames.swap_remove(found);
        assert!(frame.captured <= frame.len, "{frame:?}");
    }
}

/// Whether a frame is that of an alert, as far as Snort's log tells it.
fn is_of(frame: &Frame, alert: &Value) -> bool {
    let ids = format!("[{}:{}:{}]", alert["gid"], alert["sid"], alert["rev"]);
    // Messages that don't fit are cut on the wire, and lack what isn't UTF-8.
    let whole = !alert["msg_cut_on_wire"].is_boolean() && !alert["msg_hex"].is_string();
    let msg = alert["msg"].as_str().unwrap();
    let said = !whole || frame.comment == format!("{ids} {msg}").trim_end();
    let place = alert["src_ip"].as_str().is_none_or(|ip| frame.addresses.contains(ip));
    let time = alert["timestamp_us"] == frame.time;
    let ids = frame.comment.starts_with(&ids) || has_other_ids(alert);
    ids && (said && place && time || is_garbled(alert))
}

/// Whether Snort sent something else than it logged.
fn is_garbled(alert: &Value) -> bool {
    !alert["wire_defect"].is_null() || !alert["wire_event_differs"].is_null()
}

/// Whether a long packet ran over the alert's ids.
fn has_other_ids(alert: &Value) -> bool {
    alert["not_in_datagram"].as_array().is_some_and(|fields| fields.contains(&"gid".into()))
}

#[test]
fn comments_are_one_line_whatever_they_say() {
    if !has("tshark") {
        return;
    }
    let count = HOSTILE.len().to_string();
    let room = Test::new()
        .args(["--data-handler", "pcap", "path=alerts.pcapng", "--count", &count])
        .send_all(HOSTILE.map(saying))
        .success();
    let said = comments(&room, "alerts.pcapng");
    assert_eq!(said.len(), HOSTILE.len(), "{said:?}");
    assert_eq!(said[1], r"[1:1000134:1] two\x0alines\x0d\x0a<0>Nov 24 00:00:00 forged line");
    assert_eq!(said[3], r"[1:1000134:1] \x1b[31mred\x1b]0;title\x07 \x7f\x08");
    assert_eq!(said[4], "[1:1000134:1] <script>alert(1)</script> ] [fake sid=\"1\"]");
}

#[test]
fn each_rotated_file_is_whole() {
    if !has("tshark") || !has("capinfos") {
        return;
    }
    let room = Test::new()
        .args(["--data-handler", "pcap", "path=alerts.pcapng", "rotate=1000", "compress=gzip"])
        .args(["--count", "20"])
        .send_all((0..20).map(|_| ping()))
        .success();
    let files: Vec<_> =
        room.list(".").into_iter().filter(|name| name.starts_with("alerts.pcapng")).collect();
    assert!(files.len() > 2, "{files:?}");
    let all: Vec<_> = files.iter().flat_map(|name| comments(&room, name)).collect();
    assert_eq!(all, [PING_COMMENT; 20]);
    for name in &files {
        let info = capinfos(&room.at(name));
        assert!(info.contains("Encapsulation = Ethernet"), "{info}");
    }
}

#[test]
fn a_second_start_goes_on_with_the_file() {
    if !has("tshark") {
        return;
    }
    let record = |test: Test| {
        test.args(["--data-handler", "pcap", "path=alerts.pcapng", "--count", "2"])
            .send_all([ping(), ping()])
            .success()
    };
    let room = record(Test::new());
    let first = room.at("alerts.pcapng");
    let room = record(Test::new().with(|room| {
        std::fs::copy(&first, room.at("alerts.pcapng")).unwrap();
    }));
    assert_eq!(comments(&room, "alerts.pcapng"), [PING_COMMENT; 4]);
}

#[test]
fn a_file_of_somebody_else_is_left_alone() {
    let problem = "cannot write to alerts: it exists and is not a pcapng file that pigear wrote \
        on this system; nothing is appended to it";
    let room = Test::new()
        .file("alerts", PING)
        .args(["--data-handler", "pcap", "path=alerts"])
        .stderr(format!("error: handler pcap: {problem}\n"))
        .status(1);
    assert_eq!(room.read("alerts"), PING);
}

/// What a full disk takes of a block is taken back: the file can be read, and gone on with.
#[test]
fn a_full_disk_leaves_whole_blocks() {
    if !has("tshark") {
        return;
    }
    let test = Test::new()
        .args(["--data-handler", "pcap", "path=alerts.pcapng", "--serve-forever", "--count", "20"])
        .limited_to(1_000);
    let mut running = test.start();
    (0..20).for_each(|_| running.send(&ping()));
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("cannot write alerts.pcapng: File too large"),
        "{}",
        ended.stderr
    );
    let said = comments(&room, "alerts.pcapng");
    assert!(said.len() > 2 && said.iter().all(|comment| comment == PING_COMMENT), "{said:?}");
    let len = room.at("alerts.pcapng").metadata().unwrap().len();
    assert!(len <= 1_000, "{len}");
}
