//! The logs in unified2, held against the text that the same Snorts wrote, and against the packets
//! that they sent.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use pigear_alert::unified2::{Event, Record, Verdict, read};
use serde_json::{Value, json};

use crate::recordings::{ALL, BUILDS, Recorded, recordings, unpacked};

/// One recording: its log, and what was sent meanwhile.
struct Run {
    log: Vec<u8>,
    alerts: Vec<&'static Recorded>,
}

/// All recordings with a log; not those of which Snort has started the log anew in between.
fn runs() -> Vec<Run> {
    let paths = BUILDS.iter().flat_map(|(build, _, _)| recordings(build));
    let runs = paths.filter_map(|path| {
        let path = path.to_str().unwrap().to_owned();
        let log = path.replace("alerts.dgrams.gz", "unified2.log.gz");
        let usable = Path::new(&log).exists() && !path.contains("/z2/");
        let alerts = ALL.iter().filter(|recorded| recorded.place.starts_with(&path)).collect();
        usable.then(|| Run { log: unpacked(Path::new(&log)), alerts })
    });
    runs.collect()
}

impl Run {
    fn records(&self) -> Vec<Record<'_>> {
        let mut rest = &self.log[..];
        let mut records = Vec::new();
        while let Some((record, length)) = read(rest).unwrap() {
            records.push(record);
            rest = &rest[length..];
        }
        assert_eq!(rest.len(), 0);
        records
    }

    fn events(&self) -> Vec<Event> {
        let events = self.records().into_iter().filter_map(|record| match record {
            Record::Event(event) => Some(*event),
            _ => None,
        });
        events.collect()
    }
}

#[test]
fn every_alert_has_its_event() {
    let mut compared = 0;
    for run in runs() {
        let events = run.events();
        assert_eq!(events.len(), run.alerts.len());
        for (event, recorded) in events.iter().zip(&run.alerts) {
            let expected = |field: &str| &recorded.expected[field];
            let place = &recorded.place;
            let microsecond =
                u64::from(event.key.second) * 1_000_000 + u64::from(event.microsecond);
            for (field, actual) in [
                ("gid", json!(event.generator)),
                ("sid", json!(event.signature)),
                ("rev", json!(event.revision)),
                ("priority", json!(event.priority)),
                ("class_id", json!(event.classification)),
                ("event_id", json!(event.key.event_id)),
                ("timestamp_us", json!(microsecond)),
            ] {
                assert_eq!(&actual, expected(field), "{place}: {field}");
            }
            let app_name = event.app_name.map(|name| name.to_string());
            assert_eq!(app_name.as_deref(), expected("app_name").as_str(), "{place}");
            assert_eq!(event.verdict, Verdict::Allowed, "{place}");
            compared += 1;
        }
    }
    assert_eq!(compared, 984);
}

#[test]
fn addresses_ports_and_protocols_are_those_of_the_other_log() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for run in runs() {
        for (event, recorded) in run.events().iter().zip(&run.alerts) {
            let expected = &recorded.expected;
            let Some((source, destination)) = event.addresses else {
                assert_eq!(expected["src_ip"], Value::Null, "{}", recorded.place);
                continue;
            };
            for (field, actual) in [
                ("src_ip", json!(source)),
                ("dst_ip", json!(destination)),
                ("src_port", json!(event.source_port)),
                ("dst_port", json!(event.destination_port)),
                ("proto_num", json!(event.protocol.map(|protocol| protocol.0))),
            ] {
                let differs = format!("unified2_{field}");
                let logged = [&differs[..], field].map(|field| &expected[field]);
                let logged = logged.into_iter().find(|value| !value.is_null());
                // Where there is no port, events have the type of ICMP, or anything.
                let Some(logged) = logged else { continue };
                compared += 1;
                if &actual != logged {
                    wrong.push(format!("{}: {field} {actual} {logged}", recorded.place));
                }
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
    assert_eq!(compared, 3_997);
}

#[test]
fn every_packet_belongs_to_an_event_before_it() {
    let mut packets = 0;
    for run in runs() {
        let mut seen = HashSet::new();
        for record in run.records() {
            let key = record.key().unwrap();
            if matches!(record, Record::Event(_)) {
                seen.insert(key);
            }
            assert!(seen.contains(&key), "{}: {key:?}", run.alerts[0].place);
            packets += usize::from(matches!(record, Record::Packet(_) | Record::Buffer(_)));
        }
    }
    assert_eq!(packets, 984);
}

/// Snort 3 cuts what it put together from fragments: it counts the payload's bytes from the first
/// header on. Snort 2 logs it with other headers than it sends.
#[test]
fn packets_are_those_that_were_sent() {
    let (mut same, mut cut, mut others) = (0, 0, 0);
    for run in runs() {
        let records = run.records();
        let packet = |event: &Event| {
            records.iter().find_map(|record| match record {
                Record::Packet(packet) if packet.key == event.key => Some(packet.data),
                _ => None,
            })
        };
        for (event, recorded) in run.events().iter().zip(&run.alerts) {
            let Some(logged) = packet(event) else { continue };
            let sent = &*recorded.alert.message.pkt;
            let count = if !sent.is_empty() && logged.starts_with(sent) {
                &mut same
            } else if sent.starts_with(logged) {
                &mut cut
            } else {
                assert!(recorded.build.starts_with("v2"), "{}", recorded.place);
                &mut others
            };
            *count += 1;
        }
    }
    assert_eq!((same, cut, others), (936, 8, 19));
}

#[test]
fn extra_data_is_what_was_asked_for() {
    let mut found = BTreeMap::new();
    for run in runs() {
        for record in run.records() {
            let Record::ExtraData(extra) = record else { continue };
            let text = String::from_utf8_lossy(extra.data).into_owned();
            *found.entry((extra.info.to_string(), text)).or_insert(0) += 1;
        }
    }
    let found: Vec<_> =
        found.iter().map(|((info, text), count)| format!("{count} {info} {text}")).collect();
    let expected = [
        "2 http_host 198.51.100.20",
        "3 http_host [2001:db8:2::80]",
        "1 http_host vlan.example",
        "8 http_host www.example.com",
        "6 http_uri /cgi-bin/view?file=../../../../etc/passwd",
        "1 http_uri /etc/passwd",
        "3 http_uri /files/etc/passwd",
        "2 http_uri /login.php",
        "1 http_uri /scripts/..%c0%af../winnt/system32/cmd.exe?/c+dir",
        "4 http_uri /winnt/system32/cmd.exe?/c dir",
    ];
    assert_eq!(found, expected);
}
