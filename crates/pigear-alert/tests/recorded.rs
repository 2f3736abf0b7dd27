//! What eight real Snorts sent, held against what the same Snorts wrote in their own logs.
//!
//! `tests/data/README.md` says what the files are and where datagram and log part.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::GzDecoder;
use pigear_alert::Alert;
use pigear_alert::format::{Fast, Format};
use pigear_alert::maps::{Classes, GenMsgMap, Names, ReferenceSystems, SidMsgMap};
use pigear_alert::wire::{Decoder, Dialect};
use serde_json::Value;

/// Datagrams of each build, and the dialect that each is.
const BUILDS: [(&str, Dialect, usize); 8] = [
    ("v220", Dialect::Snort22, 64),
    ("v2852", Dialect::Snort27, 65),
    ("v2923", Dialect::Snort29, 82),
    ("v2973", Dialect::Snort29, 135),
    ("v2973appid", Dialect::Snort297AppId, 68),
    ("v2919noappid", Dialect::Snort29, 196),
    ("v2919", Dialect::Snort29AppId, 237),
    ("v3122", Dialect::Snort3, 251),
];

/// One alert with what Snort's logs say of it.
struct Recorded {
    place: String,
    alert: Alert,
    expected: Value,
    fast: String,
}

impl Recorded {
    /// What the logs say; `None` where they say nothing, or where the datagram can't have it.
    fn expected(&self, field: &str) -> Option<&Value> {
        let absent = |list: &str| {
            self.expected[list]
                .as_array()
                .is_some_and(|names| names.iter().any(|name| name == field))
        };
        let differs = self.expected["wire_event_differs"].get(field).is_some();
        Some(&self.expected[field])
            .filter(|value| !value.is_null())
            .filter(|_| !absent("not_in_datagram") && !absent("wire_event_differs") && !differs)
    }

    fn same(&self, field: &str, actual: impl Into<Value>) -> usize {
        let Some(expected) = self.expected(field) else { return 0 };
        assert_eq!(&actual.into(), expected, "{} {field}", self.place);
        1
    }
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn names() -> Arc<Names> {
    let read = |name: &str| fs::read_to_string(data().join("etc").join(name)).unwrap();
    Arc::new(Names {
        classes: Classes::parse(&read("classification.config")).value,
        references: ReferenceSystems::parse(&read("reference.config")).value,
        ..Names::default()
    })
}

fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

fn datagrams(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk() {
        let (datagram, rest) = rest.split_at(u32::from_le_bytes(*len) as usize);
        all.push(datagram);
        bytes = rest;
    }
    all
}

fn recordings(build: &str) -> Vec<PathBuf> {
    let cases = fs::read_dir(data().join(build)).unwrap().map(|entry| entry.unwrap().path());
    let files = cases.filter(|case| case.is_dir()).flat_map(|case| fs::read_dir(case).unwrap());
    let mut files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_str().unwrap().ends_with("alerts.dgrams.gz"));
    files.sort();
    files
}

fn alerts_of(build: &str, names: &Arc<Names>) -> Vec<Recorded> {
    let mut all = Vec::new();
    for path in recordings(build) {
        let beside = |name: &str| path.to_str().unwrap().replace("alerts.dgrams.gz", name);
        let expected = fs::read_to_string(beside("expected.jsonl")).unwrap();
        let fast = String::from_utf8_lossy(&fs::read(beside("alert.fast")).unwrap()).into_owned();
        let bytes = unpacked(&path);
        let datagrams = datagrams(&bytes);
        assert_eq!(datagrams.len(), expected.lines().count(), "{}", path.display());
        let lines = expected.lines().zip(fast.lines());
        for (n, (datagram, (expected, fast))) in datagrams.into_iter().zip(lines).enumerate() {
            let decoded = Decoder::default().decode(datagram).unwrap();
            all.push(Recorded {
                place: format!("{} alert {n}", path.display()),
                alert: Alert::new(decoded, Arc::default(), Arc::clone(names)),
                expected: serde_json::from_str(expected).unwrap(),
                fast: fast.to_owned(),
            });
        }
    }
    all
}

fn for_each_alert(mut check: impl FnMut(&Recorded)) {
    let names = names();
    for (build, _, count) in BUILDS {
        let alerts = alerts_of(build, &names);
        assert_eq!(alerts.len(), count, "{build}");
        alerts.iter().for_each(&mut check);
    }
}

#[test]
fn every_recording_is_of_the_dialect_that_its_snort_sends() {
    for (build, dialect, _) in BUILDS {
        for recorded in alerts_of(build, &Arc::default()) {
            assert_eq!(recorded.alert.dialect, dialect, "{}", recorded.place);
        }
    }
}

#[test]
fn events_are_as_logged() {
    let mut compared = 0;
    for_each_alert(|recorded| {
        let message = &recorded.alert.message;
        compared += recorded.same("gid", message.sig_generator)
            + recorded.same("sid", message.sig_id)
            + recorded.same("rev", message.sig_rev)
            + recorded.same("priority", message.priority)
            + recorded.same("class_id", message.classification)
            + recorded.same("event_id", message.event_id);
    });
    assert_eq!(compared, 6_310);
}

#[test]
fn times_are_as_logged_also_where_the_datagram_has_them_wrong() {
    for_each_alert(|recorded| {
        // What the list calls the event's time is lost in some; the packet's isn't.
        let expected = recorded.expected["timestamp_us"].as_i64();
        let actual = recorded.alert.timestamp().as_microsecond();
        assert_eq!(Some(actual), expected, "{}", recorded.place);
    });
}

#[test]
fn messages_are_as_logged_as_far_as_they_were_sent() {
    for_each_alert(|recorded| {
        let logged = message_logged(&recorded.expected);
        let sent = &*recorded.alert.message.msg;
        if recorded.expected["msg_cut_on_wire"] == true {
            assert!(logged.starts_with(sent) && sent.len() >= 254, "{}", recorded.place);
        } else {
            assert_eq!(sent, logged, "{}", recorded.place);
        }
    });
}

fn message_logged(expected: &Value) -> Vec<u8> {
    let Some(hex) = expected["msg_hex"].as_str() else {
        return expected["msg"].as_str().unwrap_or_default().as_bytes().to_vec();
    };
    let digits: Vec<char> = hex.chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[test]
fn maps_give_back_what_was_cut_from_messages() {
    let read = |name: &str| {
        String::from_utf8_lossy(&fs::read(data().join("etc").join(name)).unwrap()).into_owned()
    };
    let names = Arc::new(Names {
        rules: SidMsgMap::parse(&read("sid-msg.map")).value,
        generators: GenMsgMap::parse(&read("gen-msg.map")).value,
        ..Names::default()
    });
    let cut = |recorded: &&Recorded| recorded.expected["msg_cut_on_wire"] == true;
    let alerts = alerts_of("v3122", &names);
    let whole: Vec<_> = alerts.iter().filter(cut).collect();
    assert_eq!(whole.len(), 5);
    for recorded in whole {
        let logged = message_logged(&recorded.expected);
        assert_eq!(*recorded.alert.msg(), *logged, "{}", recorded.place);
    }
}

#[test]
fn classes_are_as_logged() {
    for_each_alert(|recorded| {
        if recorded.alert.untrusted {
            return;
        }
        let class = recorded.alert.class();
        let name = class.map(|class| &*class.name);
        let description = class.map(|class| &*class.description);
        assert_eq!(name, recorded.expected["class"].as_str(), "{}", recorded.place);
        assert_eq!(description, recorded.expected["class_text"].as_str(), "{}", recorded.place);
    });
}

#[test]
fn app_names_are_as_sent() {
    let mut named = 0;
    for_each_alert(|recorded| {
        let actual = recorded.alert.message.app_name.map(|name| name.to_string());
        named += usize::from(actual.is_some());
        let expected = recorded.expected["app_name_on_wire"].as_str();
        assert_eq!(actual.as_deref(), expected, "{}", recorded.place);
    });
    assert_eq!(named, 18);
}

#[test]
fn an_alert_has_its_packet_where_snort_sent_one() {
    for_each_alert(|recorded| {
        let has_packet = recorded.alert.message.has_packet();
        assert_eq!(
            Some(has_packet),
            recorded.expected["has_packet"].as_bool(),
            "{}",
            recorded.place
        );
    });
}

#[test]
fn addresses_ports_and_protocols_are_as_logged() {
    let mut compared = 0;
    for_each_alert(|recorded| {
        let alert = &recorded.alert;
        let text = |ip: Option<std::net::IpAddr>| ip.map(|ip| ip.to_string());
        compared += recorded.same("src_ip", text(alert.src_ip()))
            + recorded.same("dst_ip", text(alert.dst_ip()))
            + recorded.same("src_port", alert.src_port())
            + recorded.same("dst_port", alert.dst_port())
            + recorded.same("capture_src_ip", text(alert.src_ip()))
            + recorded.same("capture_dst_ip", text(alert.dst_ip()));
    });
    assert_eq!(compared, 3_378);
}

#[test]
fn only_overrun_events_are_untrusted() {
    let mut untrusted = BTreeMap::new();
    for_each_alert(|recorded| {
        if recorded.alert.untrusted {
            assert!(!recorded.expected["wire_event_differs"].is_null(), "{}", recorded.place);
            *untrusted.entry(recorded.alert.dialect.name()).or_insert(0) += 1;
        }
    });
    assert_eq!(untrusted, BTreeMap::from([("snort3", 6)]));
}

/// Snort's own line without its time, without quotes around the message, and with what the two say
/// differently made the same.
fn comparable(fast: &str) -> Option<String> {
    let (_, line) = fast.split_once(" [**] ")?;
    let line = line.replace("] \"", "] ").replace("\" [**]", " [**]");
    let (line, addresses) = line.rsplit_once(" {")?;
    let (protocol, addresses) = addresses.split_once("} ")?;
    ["TCP", "UDP", "ICMP"]
        .contains(&protocol)
        .then(|| format!("{line} {{{protocol}}} {}", addresses.trim_end().replace(['[', ']'], "")))
}

#[test]
fn lines_are_those_of_alert_fast() {
    let mut compared = 0;
    for_each_alert(|recorded| {
        let partial = ["not_in_datagram", "msg_cut_on_wire", "app", "msg_hex", "capture_src_ip"];
        if partial.iter().any(|field| !recorded.expected[field].is_null()) {
            return;
        }
        let Some(expected) = comparable(&recorded.fast) else { return };
        let mut line = Vec::new();
        Fast::default().write(&recorded.alert, &mut line);
        let line = String::from_utf8(line).unwrap();
        if expected.contains(['\t', '\r', '\u{7f}']) {
            assert!(!line.trim_end().contains(char::is_control), "{}", recorded.place);
            return;
        }
        // Snort 3 calls both ICMPs the same.
        let line = line.replace("{ICMPv6}", "{ICMP}");
        let actual = comparable(&line).unwrap_or(line);
        assert_eq!(actual, expected, "{}", recorded.place);
        compared += 1;
    });
    assert!(compared > 500, "{compared}");
}
