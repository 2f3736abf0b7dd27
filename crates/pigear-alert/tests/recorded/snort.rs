//! Snort's own formats, held against what the same Snorts wrote with `alert_fast`, `alert_csv` and `alert_json`.

use std::collections::BTreeMap;
use std::path::Path;

use pigear_alert::Alert;
use pigear_alert::format::{FormatName, FormatOptions};
use pigear_alert::visible::Visible;

use crate::logs;
use crate::recordings::{ALL, Recorded, unpacked};
use crate::written::{line, names};

/// Why a line can't be Snort's.
fn difference(recorded: &Recorded, alert: &Alert) -> Option<&'static str> {
    let expected = &recorded.expected;
    let app = expected["app"].as_str();
    let sent_app = alert.message.app_name.map(|name| name.to_string());
    if !expected["capture_src_ip"].is_null() {
        Some("Snort gave up on the packet, whose addresses are shown")
    } else if alert.untrusted {
        Some("the event is overwritten")
    } else if !expected["src_ip"].is_null() && alert.src_ip().is_none() {
        Some("no packet is sent")
    } else if !alert.has_whole_event() {
        Some("the priority is not sent")
    } else if app != sent_app.as_deref() {
        Some("the application's name is cut")
    } else {
        None
    }
}

/// Compares lines; control characters and bytes that aren't UTF-8 are shown as everywhere.
fn assert_same(ours: &str, theirs: &str, recorded: &Recorded) {
    assert_eq!(ours, format!("{}\n", Visible(theirs.as_bytes())), "{}", recorded.place);
}

#[test]
fn lines_are_those_of_alert_fast_to_the_byte() {
    let names = names();
    let mut counts = BTreeMap::new();
    for recorded in &*ALL {
        let alert = recorded.named(&names);
        let difference = difference(recorded, &alert);
        *counts.entry(difference.unwrap_or("same")).or_insert(0) += 1;
        if difference.is_none() {
            assert_same(&line(FormatName::Snort, &alert), &recorded.fast, recorded);
        }
    }
    let expected = [
        ("Snort gave up on the packet, whose addresses are shown", 39),
        ("no packet is sent", 34),
        ("same", 948),
        ("the application's name is cut", 4),
        ("the event is overwritten", 6),
        ("the priority is not sent", 67),
    ];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn with_snorts_log_lines_are_those_of_alert_fast_except_of_packets_that_snort_gave_up_on() {
    let names = names();
    let mut counts = BTreeMap::new();
    for (recorded, logged) in
        logs::runs().into_iter().flat_map(|(sent, logged)| sent.into_iter().zip(logged))
    {
        let mut alert = recorded.named(&names);
        alert.complete(logged);
        let difference = difference(recorded, &alert);
        *counts.entry(difference.unwrap_or("same")).or_insert(0) += 1;
        if difference.is_none() {
            assert_same(&line(FormatName::Snort, &alert), &recorded.fast, recorded);
        }
    }
    let expected = [("Snort gave up on the packet, whose addresses are shown", 39), ("same", 945)];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
}

/// The line of another log of the same run.
fn logged_line(recorded: &Recorded, name: &str) -> Option<String> {
    let (path, n) = recorded.place.split_once(" alert ").unwrap();
    let path = path.replace("alerts.dgrams.gz", name);
    let log = Path::new(&path).exists().then(|| unpacked(Path::new(&path)))?;
    let mut lines = log.split(|byte| *byte == b'\n');
    Some(String::from_utf8_lossy(lines.nth(n.parse().unwrap()).unwrap()).into_owned())
}

#[test]
fn csv_is_that_of_snort_2() {
    let names = names();
    let mut counts = BTreeMap::new();
    for recorded in &*ALL {
        let Some(theirs) = logged_line(recorded, "alert.csv.gz") else { continue };
        let alert = recorded.named(&names);
        let difference = difference(recorded, &alert);
        // The priority and the application are no fields.
        let same = ["the priority is not sent", "the application's name is cut"];
        let difference = difference.filter(|difference| !same.contains(difference));
        *counts.entry(difference.unwrap_or("same")).or_insert(0) += 1;
        if difference.is_none() {
            assert_same(&line(FormatName::Csv, &alert), &theirs, recorded);
        }
    }
    let expected = [
        ("Snort gave up on the packet, whose addresses are shown", 28),
        ("no packet is sent", 3),
        ("same", 798),
    ];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
}

/// What the recorded Snort 3 was told to write.
const FIELDS: &str = "timestamp seconds pkt_num pkt_gen pkt_len proto src_addr src_port dst_addr dst_port \
    service gid sid rev priority class msg action dir vlan mpls eth_type";

/// What neither the socket nor the log has, of these.
const NOT_SENT: [&str; 4] = ["pkt_num", "pkt_gen", "service", "dir"];

#[test]
fn json_is_that_of_snort_3() {
    let names = names();
    let options =
        FormatOptions { fields: Some(FIELDS.parse().unwrap()), ..FormatOptions::default() };
    let format = FormatName::AlertJson.with(&options).unwrap();
    let mut counts = BTreeMap::new();
    for recorded in &*ALL {
        let Some(theirs) = logged_line(recorded, "alert.json.gz") else { continue };
        let alert = recorded.named(&names);
        let mut ours = Vec::new();
        format.write(&alert, &mut ours);
        let ours = String::from_utf8(ours).unwrap();
        let object: serde_json::Value = serde_json::from_str(&ours).unwrap();
        assert_eq!(object["sid"], alert.message.sig_id, "{}", recorded.place);
        let difference = difference(recorded, &alert).or_else(|| json_difference(&theirs));
        *counts.entry(difference.unwrap_or("same")).or_insert(0) += 1;
        if difference.is_none() {
            assert_same(&ours, &without(&theirs, &NOT_SENT), recorded);
        }
    }
    let expected = [
        ("Snort gave up on the packet, whose addresses are shown", 11),
        ("Snort has no flow, and so no MPLS label", 17),
        ("no packet is sent", 30),
        ("same", 187),
        ("the event is overwritten", 6),
    ];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
}

fn json_difference(theirs: &str) -> Option<&'static str> {
    if serde_json::from_str::<serde_json::Value>(theirs).is_err() {
        Some("Snort writes no valid JSON")
    } else if theirs.contains("src_addr") && !theirs.contains("mpls") {
        Some("Snort has no flow, and so no MPLS label")
    } else {
        None
    }
}

/// A line of `alert_json` without some fields.
fn without(line: &str, fields: &[&str]) -> String {
    let inner = line.trim_start_matches("{ ").trim_end_matches(" }");
    let kept = inner.split(", \"").enumerate().filter_map(|(n, part)| {
        let part = if n == 0 { part.to_owned() } else { format!("\"{part}") };
        let name = part.split('"').nth(1).unwrap();
        (!fields.contains(&name)).then_some(part)
    });
    format!("{{ {} }}", kept.collect::<Vec<_>>().join(", "))
}
