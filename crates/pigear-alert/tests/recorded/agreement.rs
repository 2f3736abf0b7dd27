//! EVE, ECS, OCSF and CEF of every recorded alert, held against Snort's logs.

use jiff::Timestamp;
use pigear_alert::format::FormatName;
use serde_json::{Value, json};

use crate::cef_parser::Cef;
use crate::recordings::{ALL, Recorded};
use crate::written::{line, object};

/// A format, and where it has the fields that `expected.jsonl` names. `#` before a pointer says that
/// the number is given as text.
struct View {
    format: FormatName,
    fields: [(&'static str, &'static str); 14],
}

const VIEWS: [View; 3] = [
    View {
        format: FormatName::Eve,
        fields: [
            ("gid", "/alert/gid"),
            ("sid", "/alert/signature_id"),
            ("rev", "/alert/rev"),
            ("msg", "/alert/signature"),
            ("class_text", "/alert/category"),
            ("priority", "/alert/severity"),
            ("class", "/snort/class"),
            ("event_id", "/snort/event_id"),
            ("app_name_on_wire", "/snort/app_id"),
            ("src_ip", "/src_ip"),
            ("src_port", "/src_port"),
            ("dst_ip", "/dest_ip"),
            ("dst_port", "/dest_port"),
            ("proto", "/proto"),
        ],
    },
    View {
        format: FormatName::Ecs,
        fields: [
            ("gid", "/snort/gid"),
            ("sid", "#/rule/id"),
            ("rev", "#/rule/version"),
            ("msg", "/message"),
            ("class_text", "/rule/category"),
            ("priority", "/event/severity"),
            ("class", ""),
            ("event_id", ""),
            ("app_name_on_wire", "/snort/app_id"),
            ("src_ip", "/source/ip"),
            ("src_port", "/source/port"),
            ("dst_ip", "/destination/ip"),
            ("dst_port", "/destination/port"),
            ("proto", "#/network/iana_number"),
        ],
    },
    View {
        format: FormatName::Ocsf,
        fields: [
            ("gid", "/unmapped/gid"),
            ("sid", "#/finding_info/analytic/uid"),
            ("rev", "#/finding_info/analytic/version"),
            ("msg", "/finding_info/title"),
            ("class_text", "/finding_info/analytic/category"),
            ("priority", "/unmapped/priority"),
            ("class", "/unmapped/class"),
            ("event_id", "#/metadata/original_event_uid"),
            ("app_name_on_wire", "/unmapped/app_id"),
            ("src_ip", "/evidences/0/src_endpoint/ip"),
            ("src_port", "/evidences/0/src_endpoint/port"),
            ("dst_ip", "/evidences/0/dst_endpoint/ip"),
            ("dst_port", "/evidences/0/dst_endpoint/port"),
            ("proto", "/evidences/0/connection_info/protocol_num"),
        ],
    },
];

impl View {
    /// A field under the log's name; null if it isn't there.
    fn get(&self, object: &Value, field: &str) -> Value {
        let (_, pointer) = self.fields.iter().find(|(name, _)| *name == field).unwrap();
        let is_text = pointer.starts_with('#');
        let value = object.pointer(pointer.trim_start_matches('#')).cloned().unwrap_or_default();
        match value.as_str() {
            Some(text) if is_text => json!(text.parse::<u32>().unwrap()),
            Some(keyword) if field == "proto" => number(keyword),
            _ => value,
        }
    }

    /// The message, as far as it can be shown.
    fn msg(&self, recorded: &Recorded) -> Value {
        match (readable(recorded), self.format) {
            (msg, FormatName::Ocsf) if msg.is_empty() => {
                let [gid, sid, rev] = ["gid", "sid", "rev"].map(|field| &recorded.expected[field]);
                json!(format!("{gid}:{sid}:{rev}"))
            }
            (msg, _) => json!(Some(msg).filter(|msg| !msg.is_empty())),
        }
    }

    fn has(&self, field: &str) -> bool {
        self.fields.iter().any(|(name, pointer)| *name == field && !pointer.is_empty())
    }
}

const EVENT: [&str; 8] =
    ["gid", "sid", "rev", "class_text", "priority", "class", "event_id", "app_name_on_wire"];

/// A protocol's number.
fn number(keyword: &str) -> Value {
    let known =
        [("ICMP", 1), ("TCP", 6), ("UDP", 17), ("GRE", 47), ("IPv6-ICMP", 58), ("SCTP", 132)];
    let known = known.into_iter().find(|(known, _)| *known == keyword).map(|(_, number)| number);
    json!(known.unwrap_or_else(|| keyword.parse().unwrap()))
}

/// What a format has for a value of the logs: nothing for no priority.
fn expected(recorded: &Recorded, field: &str) -> Option<Value> {
    let value = recorded.logged(field)?;
    let is_none = field == "priority" && *value == 0;
    Some(if is_none { Value::Null } else { value.clone() })
}

/// The message as it can be shown.
fn readable(recorded: &Recorded) -> String {
    let logged = recorded.logged_msg();
    let cut = &recorded.alert.message.msg;
    let msg = if recorded.is_msg_cut() { cut } else { &logged[..] };
    String::from_utf8_lossy(msg).into_owned()
}

#[test]
fn objects_have_what_is_logged() {
    let mut wrong = Vec::new();
    for view in VIEWS {
        let mut compared = 0;
        for recorded in &*ALL {
            let object = object(view.format, &recorded.alert);
            for field in EVENT.into_iter().filter(|field| view.has(field)) {
                let Some(expected) = expected(recorded, field) else { continue };
                let place = &recorded.place;
                assert_eq!(view.get(&object, field), expected, "{} {place} {field}", view.format);
                compared += 1;
            }
            assert_eq!(view.get(&object, "msg"), view.msg(recorded), "{}", recorded.place);
            wrong.extend(recorded.flow_mismatches(|field| view.get(&object, field)));
        }
        assert!(compared > 5_000, "{} {compared}", view.format);
    }
    assert!(wrong.is_empty(), "{} mismatches:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn times_are_those_of_the_packets() {
    for recorded in &*ALL {
        let expected = recorded.expected["timestamp_us"].as_i64().unwrap();
        let time = |object: &Value, field: &str| {
            object[field].as_str().unwrap().parse::<Timestamp>().unwrap().as_microsecond()
        };
        let eve = object(FormatName::Eve, &recorded.alert);
        assert_eq!(time(&eve, "timestamp"), expected, "{}", recorded.place);
        let ecs = object(FormatName::Ecs, &recorded.alert);
        assert_eq!(time(&ecs, "@timestamp"), expected, "{}", recorded.place);
        let ocsf = object(FormatName::Ocsf, &recorded.alert);
        assert_eq!(ocsf["time"], expected / 1_000, "{}", recorded.place);
        let cef = Cef::parse(&line(FormatName::Cef, &recorded.alert));
        assert_eq!(cef.get("rt"), Some(&*(expected / 1_000).to_string()), "{}", recorded.place);
    }
}

#[test]
fn severities_follow_from_priorities() {
    for recorded in &*ALL {
        let (ocsf, cef) = match recorded.alert.message.priority {
            1 => (4, "9"),
            2 => (3, "6"),
            3 => (2, "4"),
            4 => (1, "2"),
            0 => (0, "Unknown"),
            _ => (1, "1"),
        };
        let object = object(FormatName::Ocsf, &recorded.alert);
        assert_eq!(object["severity_id"], ocsf, "{}", recorded.place);
        let line = Cef::parse(&line(FormatName::Cef, &recorded.alert));
        assert_eq!(line.head[6], cef, "{}", recorded.place);
    }
}

#[test]
fn lines_of_cef_have_what_is_logged() {
    let mut wrong = Vec::new();
    for recorded in &*ALL {
        let place = &recorded.place;
        let cef = Cef::parse(&line(FormatName::Cef, &recorded.alert));
        let numbers = ["gid", "sid", "rev"].map(|field| recorded.logged(field));
        if let [Some(gid), Some(sid), Some(rev)] = numbers {
            assert_eq!(cef.head[4], format!("{gid}:{sid}:{rev}"), "{place}");
        }
        let msg = Some(visible(&readable(recorded))).filter(|msg| !msg.is_empty());
        assert_eq!(cef.head[5], msg.unwrap_or(cef.head[4].clone()), "{place}");
        let fields = [
            ("class_text", cef.get("cat")),
            ("class", cef.labelled("classification")),
            ("event_id", cef.get("externalId")),
            ("app_name_on_wire", cef.get("app")),
        ];
        for (field, value) in fields {
            let Some(expected) = recorded.logged(field) else { continue };
            let text = expected.as_str().map_or(expected.to_string(), str::to_owned);
            assert_eq!(value, Some(&*text), "{place} {field}");
        }
        wrong.extend(recorded.flow_mismatches(|field| flow_of(&cef, field)));
    }
    assert!(wrong.is_empty(), "{} mismatches:\n{}", wrong.len(), wrong.join("\n"));
}

fn flow_of(cef: &Cef, field: &str) -> Value {
    match field {
        "src_ip" => json!(cef.get("src").or(cef.labelled("Source IPv6 Address"))),
        "dst_ip" => json!(cef.get("dst").or(cef.labelled("Destination IPv6 Address"))),
        "src_port" => cef.get("spt").map_or(Value::Null, |port| port.parse().unwrap()),
        "dst_port" => cef.get("dpt").map_or(Value::Null, |port| port.parse().unwrap()),
        _ => cef.get("proto").map_or(Value::Null, number),
    }
}

/// Control characters shown as escapes.
fn visible(text: &str) -> String {
    let letters = text.chars().map(|letter| match letter {
        letter if letter.is_ascii_control() => format!("\\x{:02x}", u32::from(letter)),
        letter => letter.to_string(),
    });
    letters.collect()
}
