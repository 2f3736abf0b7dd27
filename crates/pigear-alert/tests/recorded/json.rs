//! The JSON of every recorded alert, held against its schema and against Snort's logs.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use jsonschema::Validator;
use pigear_alert::format::FormatName;
use pigear_alert::packet::IpProtocol;
use pigear_alert::triage::{Mark, Triage};
use pigear_alert::wire::Dialect;
use pigear_alert::{Alert, Origin, Sender};
use serde_json::{Value, json};

use crate::logs;
use crate::recordings::ALL;
use crate::written::{self, assert_valid, names};

const SCHEMA: &str = include_str!("../../../../docs/alert.schema.json");
const MANUAL: &str = include_str!("../../../../docs/alert.md");

/// The fields of the datagram, in Snort's order.
const SENT: [&str; 20] = [
    "msg",
    "ts_sec",
    "ts_usec",
    "caplen",
    "pktlen",
    "dlthdr",
    "nethdr",
    "transhdr",
    "data",
    "val",
    "pkt",
    "sig_generator",
    "sig_id",
    "sig_rev",
    "classification",
    "priority",
    "event_id",
    "event_reference",
    "tv_sec",
    "tv_usec",
];

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn validator() -> Validator {
    written::validator(&schema())
}

fn line(alert: &Alert) -> String {
    written::line(FormatName::Json, alert)
}

fn object(alert: &Alert) -> Value {
    written::object(FormatName::Json, alert)
}

#[test]
fn the_schema_tells_of_every_field_what_it_is() {
    let schema = schema();
    // Packets can be left out.
    let always: Vec<_> = SENT.iter().filter(|name| **name != "pkt").collect();
    assert_eq!(schema["required"], json!(always));
    for (name, property) in schema["properties"].as_object().unwrap() {
        assert!(property["description"].as_str().is_some_and(|text| text.ends_with('.')), "{name}");
    }
}

#[test]
fn the_schema_has_all_dialects() {
    let names = Dialect::ALL.map(Dialect::name);
    assert_eq!(schema()["properties"]["dialect"]["enum"], json!(names));
}

#[test]
fn the_manual_has_every_field_and_a_real_alert() {
    for name in schema()["properties"].as_object().unwrap().keys() {
        assert!(MANUAL.contains(&format!("`{name}`")), "{name}");
    }
    let (_, example) = MANUAL.split_once("```json\n").unwrap();
    let example: Value = serde_json::from_str(example.split_once("```").unwrap().0).unwrap();
    let shown = ALL.iter().find(|recorded| recorded.place.contains("v3122/dns")).unwrap();
    let mut alert = shown.with_origin(&names());
    let socket = example["socket"].as_str().map(PathBuf::from);
    alert.origin = Arc::new(Origin { socket, ..Origin::default() });
    alert.sender = Some(Sender { pid: 4711, uid: 110 });
    alert.received = example["received"].as_str().unwrap().parse().unwrap();
    assert_eq!(object(&alert), example);
}

#[test]
fn every_alert_is_as_the_schema_says() {
    let validator = validator();
    for recorded in &*ALL {
        assert_valid(&validator, &object(&recorded.alert), &recorded.place);
    }
}

#[test]
fn every_field_of_the_schema_is_in_some_alert() {
    let names = names();
    let validator = validator();
    let mut seen = BTreeSet::new();
    for recorded in &*ALL {
        let object = object(&recorded.with_origin(&names));
        assert_valid(&validator, &object, &recorded.place);
        seen.extend(object.as_object().unwrap().keys().cloned());
    }
    for (place, alert) in logs::alerts(&names) {
        let object = object(&alert);
        assert_valid(&validator, &object, &place);
        seen.extend(object.as_object().unwrap().keys().cloned());
    }
    // Only a lane makes groups, and only a store has what people said.
    let mut grouped = ALL[0].alert.clone();
    grouped.count = NonZeroU64::new(7);
    let mut triage = Triage::default();
    triage.starred = Some(Mark { at: grouped.received, by: "ann".to_owned() });
    grouped.triage = Some(Box::new(triage));
    let grouped = object(&grouped);
    assert_valid(&validator, &grouped, "a group");
    seen.extend(grouped.as_object().unwrap().keys().cloned());
    // Only `pigear query` says why a dead letter is one.
    seen.extend(["handler", "reason", "refused"].map(ToOwned::to_owned));
    let properties = schema()["properties"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(seen, properties);
}

#[test]
fn a_spoiled_object_is_refused() {
    let validator = validator();
    let object = object(&ALL[0].with_origin(&Arc::default()));
    assert_valid(&validator, &object, "unspoiled");
    let spoiled = [
        ("ts_usec", json!(1_000_000)),
        ("sig_id", json!(4_294_967_296_u64)),
        ("sig_id", json!(-1)),
        ("priority", json!("3")),
        ("event_id", Value::Null),
        ("timestamp", json!("2025-06-16 07:00")),
        ("src_ip", json!("10.0.0.256")),
        ("dst_port", json!(65536)),
        ("proto", json!("sctp")),
        ("proto", json!(256)),
        ("proto", json!(6)),
        ("vlan", json!([4096])),
        ("references", json!([])),
        ("sender", json!({ "pid": 1 })),
        ("dialect", json!("snort4")),
        ("untrusted", json!(false)),
        ("not_sent", json!(["sig_id"])),
        ("src_mac", json!("02:00:00:00:00:01")),
    ];
    for (field, value) in spoiled {
        let mut spoiled = object.clone();
        spoiled[field] = value;
        assert!(!validator.is_valid(&spoiled), "{field} {}", spoiled[field]);
    }
    for field in SENT.into_iter().filter(|name| *name != "pkt") {
        let mut spoiled = object.clone();
        spoiled.as_object_mut().unwrap().remove(field);
        assert!(!validator.is_valid(&spoiled), "{field}");
    }
}

#[test]
fn the_first_twenty_fields_are_those_of_the_datagram_in_its_order() {
    for recorded in &*ALL {
        let line = line(&recorded.alert);
        let mut rest = line.strip_prefix('{').unwrap();
        for name in SENT {
            let key = format!("\"{name}\":");
            assert!(
                rest.starts_with(&key),
                "{}: {name} is not where it belongs: {rest}",
                recorded.place
            );
            let mut values =
                serde_json::Deserializer::from_str(&rest[key.len()..]).into_iter::<Value>();
            values.next().unwrap().unwrap();
            rest = rest[key.len() + values.byte_offset()..].strip_prefix(',').unwrap();
        }
    }
}

#[test]
fn events_names_and_times_are_as_logged() {
    let mut compared = 0;
    for recorded in &*ALL {
        let object = object(&recorded.alert);
        let pairs = [
            ("sig_generator", "gid"),
            ("sig_id", "sid"),
            ("sig_rev", "rev"),
            ("classification", "class_id"),
            ("priority", "priority"),
            ("event_id", "event_id"),
            ("class", "class"),
            ("class_description", "class_text"),
            ("app_name", "app_name_on_wire"),
        ];
        for (field, logged) in pairs {
            let Some(expected) = recorded.logged(logged) else { continue };
            assert_eq!(&object[field], expected, "{} {field}", recorded.place);
            compared += 1;
        }
        let timestamp: Timestamp = object["timestamp"].as_str().unwrap().parse().unwrap();
        let expected = recorded.expected["timestamp_us"].as_i64();
        assert_eq!(Some(timestamp.as_microsecond()), expected, "{}", recorded.place);
    }
    assert!(compared > 7_000, "{compared}");
}

#[test]
fn messages_and_packets_are_given_whole() {
    for recorded in &*ALL {
        let object = object(&recorded.alert);
        let msg = match object["msg_base64"].as_str() {
            Some(base64) => BASE64.decode(base64).unwrap(),
            None => object["msg"].as_str().unwrap().into(),
        };
        let logged = recorded.logged_msg();
        let is_whole = msg == logged || recorded.is_msg_cut() && logged.starts_with(&msg);
        assert!(is_whole, "{}", recorded.place);
        let packet = BASE64.decode(object["pkt"].as_str().unwrap()).unwrap();
        assert_eq!(packet, *recorded.alert.message.pkt, "{}", recorded.place);
        assert_eq!(object["caplen"], json!(packet.len()), "{}", recorded.place);
    }
}

#[test]
fn addresses_ports_and_protocols_are_as_logged() {
    let named = (0..=u8::MAX).map(IpProtocol).filter(|protocol| protocol.name().is_some());
    let named: Vec<_> = named.collect();
    let mut wrong = Vec::new();
    for recorded in &*ALL {
        let object = object(&recorded.alert);
        wrong.extend(recorded.flow_mismatches(|field| {
            let value = object[field].clone();
            let number = named.iter().find(|protocol| value.as_str() == protocol.name());
            number.filter(|_| field == "proto").map_or(value.clone(), |protocol| json!(protocol.0))
        }));
    }
    assert!(wrong.is_empty(), "{} mismatches:\n{}", wrong.len(), wrong.join("\n"));
}
