//! The packets that real Snorts sent, held against what the same Snorts wrote in their logs.
//!
//! What the fields of `expected.jsonl` mean is told in `tests/data/README.md`.

#![expect(clippy::unwrap_used, reason = "a recording that can't be read fails the test")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use pigear_alert::packet::{Dissection, Dissector, Header, LinkType, Vxlan, frame_length};
use serde_json::{Value, json};

/// How many alerts of each Snort there are, so that none is passed over.
const RECORDED: [(&str, usize); 8] = [
    ("v220", 64),
    ("v2852", 65),
    ("v2919", 237),
    ("v2919noappid", 196),
    ("v2923", 82),
    ("v2973", 135),
    ("v2973appid", 68),
    ("v3122", 251),
];

#[test]
fn every_recorded_packet_gives_what_the_log_of_its_snort_has() {
    let mut checked = BTreeMap::new();
    let mut wrong = Vec::new();
    for (build, recording) in recordings() {
        for (datagram, expected) in alerts(&recording) {
            let packet = packet(&build, &datagram);
            let dissection = dissector(&build).dissect(packet);
            for mismatch in mismatches(&expected, &dissection) {
                wrong.push(format!("{} {}: {mismatch}", recording.display(), expected["n"]));
            }
            *checked.entry(build.clone()).or_insert(0) += 1;
        }
    }
    assert!(wrong.is_empty(), "{} mismatches:\n{}", wrong.len(), wrong.join("\n"));
    let recorded = RECORDED.map(|(build, alerts)| (build.to_owned(), alerts));
    assert_eq!(checked, BTreeMap::from(recorded));
}

#[test]
fn every_packet_that_was_not_cut_is_read_to_its_end() {
    for (build, recording) in recordings() {
        if recording.ends_with("truncated/alerts.dgrams.gz") || is_garbled(&build) {
            continue;
        }
        for (datagram, expected) in alerts(&recording) {
            let packet = packet(&build, &datagram);
            let stopped = dissector(&build).dissect(packet).stopped;
            let is_fine = stopped.is_none() || packet.is_empty();
            assert!(is_fine, "{} {}: {stopped:?}", recording.display(), expected["n"]);
        }
    }
}

#[test]
fn the_link_type_is_told_from_every_recorded_packet() {
    for (build, recording) in recordings() {
        let is_raw = recording.to_string_lossy().contains("rawip");
        let link_type = if is_raw { LinkType::RAW } else { LinkType::ETHERNET };
        for (datagram, expected) in alerts(&recording) {
            let packet = packet(&build, &datagram);
            if packet.len() >= 34 {
                let found = dissector(&build).dissect(packet).link_type;
                assert_eq!(found, Some(link_type), "{} {}", recording.display(), expected["n"]);
            }
        }
    }
}

#[test]
fn the_length_of_every_recorded_frame_is_told_also_from_its_first_headers() {
    for (build, recording) in recordings() {
        for (datagram, expected) in alerts(&recording) {
            let packet = packet(&build, &datagram);
            let Some(length) = frame_length(packet, None) else { continue };
            let name = format!("{} {}: {length}", recording.display(), expected["n"]);
            let was_cut = is_garbled(&build) || packet.len() < length;
            assert!(was_cut || packet.len() == length, "{name}, not {}", packet.len());
            let layers = dissector(&build).dissect(packet).layers;
            let network = layers.iter().find(|layer| {
                matches!(layer.header, Header::Ipv4(_) | Header::Ipv6(_) | Header::Arp(_))
            });
            let end = network.map_or(packet.len(), |layer| layer.range.end);
            assert_eq!(frame_length(&packet[..end], None), Some(length), "{name}");
        }
    }
}

fn dissector(build: &str) -> Dissector {
    let vxlan = if build == "v3122" { Vxlan::Enter } else { Vxlan::Ignore };
    Dissector { vxlan, ..Dissector::default() }
}

fn mismatches(expected: &Value, dissection: &Dissection) -> Vec<String> {
    let found = [
        ("src_ip", json!(dissection.src_ip())),
        ("dst_ip", json!(dissection.dst_ip())),
        ("src_port", json!(dissection.src_port())),
        ("dst_port", json!(dissection.dst_port())),
        ("proto", json!(dissection.protocol().map(|protocol| protocol.0))),
    ];
    let wrong = found.iter().filter(|(field, found)| !agrees(expected, field, found));
    wrong.map(|(field, found)| format!("{field} is {found}, not as in {expected}")).collect()
}

/// Whether a field is what the log has; or, where the log has none, what the capture has.
fn agrees(expected: &Value, field: &str, found: &Value) -> bool {
    let logged = match field {
        "proto" => protocol(expected),
        _ => expected[field].clone(),
    };
    let lost = expected["not_in_datagram"].as_array();
    if lost.is_some_and(|lost| lost.contains(&json!(field))) {
        return found.is_null();
    }
    let captured = &expected[format!("capture_{field}")];
    let log_has_addresses = !expected["src_ip"].is_null();
    let capture_has_addresses = !expected["capture_src_ip"].is_null();
    match (log_has_addresses, field) {
        (true, _) => *found == logged,
        (false, "src_ip" | "dst_ip") => found == captured,
        // Snort gave up on a packet that has at least its IP header: it didn't look for the rest.
        (false, _) => capture_has_addresses || found.is_null(),
    }
}

/// The packet's protocol number, as unified2 has it. Portscans of 2.9 come in made-up packets of
/// protocol 255, which only unified2 calls something else; and 2.2 has no unified2.
fn protocol(expected: &Value) -> Value {
    let word = expected["proto"].as_str();
    let made_up = word.and_then(|word| word.strip_prefix("PROTO:"));
    match (made_up, expected.get("proto_num"), word) {
        (Some(number), _, _) => json!(number.parse::<u8>().unwrap()),
        (None, Some(number), _) => number.clone(),
        (None, None, Some("TCP")) => json!(6),
        (None, None, Some("UDP")) => json!(17),
        (None, None, Some("ICMP")) => json!(1),
        (None, None, other) => panic!("protocol {other:?}"),
    }
}

/// The packet in a datagram: the least that is needed of what the decoder does.
fn packet<'a>(build: &str, datagram: &'a [u8]) -> &'a [u8] {
    let (caplen_at, packet_at, packet_max) = match datagram.len() {
        65864 | 65880 | 65928 => (264, 292, 65535),
        1856 | 1864 => (272, 300, 1514),
        other => panic!("datagram of {other} bytes"),
    };
    let caplen = datagram[caplen_at..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    let caplen = usize::try_from(caplen.unwrap()).unwrap().min(packet_max);
    let packet = &datagram[packet_at..packet_at + caplen];
    if !is_garbled(build) {
        return packet;
    }
    let length = frame_length(packet, None).unwrap_or(packet.len());
    &packet[..length.min(packet.len())]
}

/// Whether the packet's length is lost in this Snort's datagrams: they have the microseconds there.
fn is_garbled(build: &str) -> bool {
    matches!(build, "v2923" | "v2973" | "v2973appid")
}

fn recordings() -> Vec<(String, PathBuf)> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut recordings = Vec::new();
    for (build, _) in RECORDED {
        for case in list(&data.join(build)).into_iter().filter(|case| case.is_dir()) {
            let files = list(&case).into_iter();
            let dgrams = files.filter(|file| file.to_string_lossy().ends_with("alerts.dgrams.gz"));
            recordings.extend(dgrams.map(|file| (build.to_owned(), file)));
        }
    }
    recordings
}

fn list(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn alerts(recording: &Path) -> Vec<(Vec<u8>, Value)> {
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(recording).unwrap()).read_to_end(&mut bytes).unwrap();
    let log = recording.to_string_lossy().replace("alerts.dgrams.gz", "expected.jsonl");
    let log = fs::read_to_string(log).unwrap();
    let datagrams = datagrams(&bytes);
    assert_eq!(datagrams.len(), log.lines().count());
    let expected = log.lines().map(|line| serde_json::from_str(line).unwrap());
    datagrams.into_iter().zip(expected).collect()
}

fn datagrams(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut datagrams = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let (datagram, rest) = rest.split_at(u32::from_le_bytes(*length).try_into().unwrap());
        datagrams.push(datagram.to_vec());
        bytes = rest;
    }
    datagrams
}
