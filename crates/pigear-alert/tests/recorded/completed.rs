//! Alerts that were read from Snort's log, and alerts of the socket that were completed from it: they
//! have everything that any log of the same Snort has.

use std::sync::Arc;

use pigear_alert::maps::{Classes, GenMsgMap, Names, ReferenceSystems, SidMsgMap};
use pigear_alert::{Alert, Medium};
use serde_json::{Value, json};

use crate::logs::runs;
use crate::recordings::{Recorded, list};

fn names() -> Arc<Names> {
    Arc::new(Names {
        classes: Classes::parse(&list("classification.config")).value,
        references: ReferenceSystems::parse(&list("reference.config")).value,
        rules: SidMsgMap::parse(&list("sid-msg-v2.map")).value,
        generators: GenMsgMap::parse(&list("gen-msg.map")).value,
        ..Names::default()
    })
}

/// What an alert has not as it is logged.
fn mismatches(alert: &Alert, recorded: &Recorded) -> Vec<String> {
    let mut expected = recorded.expected.clone();
    for lost in ["not_in_datagram", "wire_event_differs", "msg_cut_on_wire"] {
        expected.as_object_mut().unwrap().remove(lost);
    }
    let logged = Recorded {
        build: recorded.build,
        place: recorded.place.clone(),
        decoded: recorded.decoded.clone(),
        alert: alert.clone(),
        expected,
        fast: recorded.fast.clone(),
    };
    let message = &alert.message;
    let app_name = message.app_name.map(|name| name.to_string());
    let class = alert.class();
    let fields = [
        ("gid", json!(message.sig_generator)),
        ("sid", json!(message.sig_id)),
        ("rev", json!(message.sig_rev)),
        ("priority", json!(message.priority)),
        ("class_id", json!(message.classification)),
        ("class", json!(class.map(|class| &class.name))),
        ("class_text", json!(class.map(|class| &class.description))),
        ("event_id", json!(message.event_id)),
        ("timestamp_us", json!(alert.timestamp().as_microsecond())),
        ("app_name", json!(app_name)),
    ];
    let wrong = fields.into_iter().filter(|(field, value)| logged.expected[field] != *value);
    let place = &recorded.place;
    let mut wrong: Vec<_> =
        wrong.map(|(field, value)| format!("{place}: {field} is {value}")).collect();
    if !has_message(alert, &logged) {
        wrong.push(format!("{place}: {:?}", String::from_utf8_lossy(&alert.msg())));
    }
    let flow = |field: &str| match field {
        "src_ip" => json!(alert.src_ip()),
        "dst_ip" => json!(alert.dst_ip()),
        "src_port" => json!(alert.src_port()),
        "dst_port" => json!(alert.dst_port()),
        "proto" => json!(alert.protocol().map(|protocol| protocol.0)),
        _ => Value::Null,
    };
    wrong.extend(logged.flow_mismatches(flow));
    wrong
}

/// Whether the message is as logged. The log in unified2 has none, so an alert from there has the
/// map's, which is text; and the map has words of its own for what comes from no rule.
fn has_message(alert: &Alert, logged: &Recorded) -> bool {
    let (actual, expected) = (alert.msg(), logged.logged_msg());
    // What Snort 3 says of a rule without a message, which stands in no map.
    let none = b"no msg in rule";
    match (alert.medium, alert.message.sig_generator) {
        (Medium::Unified2, 1) if expected == none => actual.is_empty(),
        (Medium::Unified2, 1 | 3) => {
            String::from_utf8_lossy(&actual) == String::from_utf8_lossy(&expected)
        }
        (Medium::Unified2, _) => !actual.is_empty(),
        _ => *actual == *expected,
    }
}

#[test]
fn completed_alerts_lack_nothing() {
    let names = names();
    let mut wrong = Vec::new();
    for (sent, logged) in runs() {
        assert_eq!(sent.len(), logged.len());
        for (recorded, logged) in sent.into_iter().zip(logged) {
            let mut alert = recorded.named(&names);
            alert.complete(logged);
            wrong.extend(mismatches(&alert, recorded));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn alerts_of_the_log_alone_lack_nothing() {
    let names = names();
    let mut wrong = Vec::new();
    for (sent, logged) in runs() {
        for (recorded, logged) in sent.into_iter().zip(logged) {
            let alert = Alert::from_log(logged, Arc::default(), Arc::clone(&names));
            wrong.extend(mismatches(&alert, recorded));
        }
    }
    assert_eq!(wrong, [""; 0]);
}
