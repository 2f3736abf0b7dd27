//! ECS of every recorded alert, held against Elastic's own list of fields.

use std::net::IpAddr;

use jiff::Timestamp;
use pigear_alert::format::FormatName;
use serde_json::Value;

use crate::recordings::ALL;
use crate::written::{names, object};

/// What Elasticsearch takes a field for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Type {
    Date,
    Ip,
    /// Text that is searched for as a whole.
    Keyword,
    Long,
    /// Text that is searched in.
    Text,
}

use Type::{Date, Ip, Keyword, Long, Text};

/// One value, or a list of them.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Values {
    One,
    List,
}

use Values::{List, One};

/// The fields that alerts have, their types, and whether they are to be lists: `generated/csv/fields.csv`
/// of <https://github.com/elastic/ecs> (columns Field, Type and Normalization), version 8.11.
const FIELDS: [(&str, Type, Values); 36] = [
    ("@timestamp", Date, One),
    ("destination.address", Keyword, One),
    ("destination.ip", Ip, One),
    ("destination.mac", Keyword, One),
    ("destination.port", Long, One),
    ("ecs.version", Keyword, One),
    ("event.category", Keyword, List),
    ("event.created", Date, One),
    ("event.dataset", Keyword, One),
    ("event.id", Keyword, One),
    ("event.kind", Keyword, One),
    ("event.module", Keyword, One),
    ("event.severity", Long, One),
    ("event.type", Keyword, List),
    ("message", Text, One),
    ("network.community_id", Keyword, One),
    ("network.iana_number", Keyword, One),
    ("network.inner.vlan.id", Keyword, One),
    ("network.transport", Keyword, One),
    ("network.type", Keyword, One),
    ("network.vlan.id", Keyword, One),
    ("observer.name", Keyword, One),
    ("observer.product", Keyword, One),
    ("observer.type", Keyword, One),
    ("observer.vendor", Keyword, One),
    ("related.ip", Ip, List),
    ("rule.category", Keyword, One),
    ("rule.description", Keyword, One),
    ("rule.id", Keyword, One),
    ("rule.name", Keyword, One),
    // The list says one; but a rule has several, and Elasticsearch takes several of anything.
    ("rule.reference", Keyword, List),
    ("rule.version", Keyword, One),
    ("source.address", Keyword, One),
    ("source.ip", Ip, One),
    ("source.mac", Keyword, One),
    ("source.port", Long, One),
];

/// What stands under this isn't of the schema, which leaves other names at the top to others.
const OURS: &str = "snort";

impl Type {
    fn has(self, value: &Value) -> bool {
        match self {
            Date => value.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok()),
            Ip => value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok()),
            Keyword | Text => value.is_string(),
            Long => value.is_i64(),
        }
    }
}

/// All values by their fields' names: `source.ip`.
fn fields(value: &Value, name: &str) -> Vec<(String, Value)> {
    let Some(below) = value.as_object() else { return vec![(name.to_owned(), value.clone())] };
    let dot = if name.is_empty() { "" } else { "." };
    below.iter().flat_map(|(below, value)| fields(value, &format!("{name}{dot}{below}"))).collect()
}

fn problem(name: &str, value: &Value) -> Option<String> {
    let found = FIELDS.iter().find(|(known, ..)| *known == name);
    let Some((_, kind, values)) = found else { return Some("is no field of ECS".to_owned()) };
    let is_well = match (values, value.as_array()) {
        (List, Some(list)) => list.iter().all(|value| kind.has(value)),
        (One, None) => kind.has(value),
        _ => false,
    };
    (!is_well).then(|| format!("is not {values:?} {kind:?}"))
}

#[test]
fn every_alert_has_only_fields_of_ecs_with_their_types() {
    let names = names();
    for recorded in &*ALL {
        let mut object = object(FormatName::Ecs, &recorded.with_origin(&names));
        assert!(object.as_object_mut().unwrap().remove(OURS).is_some());
        for (name, value) in fields(&object, "") {
            let problem = problem(&name, &value);
            assert_eq!(problem, None, "{}: {name}: {value}", recorded.place);
        }
    }
}

#[test]
fn every_field_listed_is_in_some_alert() {
    let names = names();
    let all = ALL.iter().map(|it| object(FormatName::Ecs, &it.with_origin(&names)));
    let all: Vec<_> = all.flat_map(|object| fields(&object, "")).map(|(name, _)| name).collect();
    for (name, ..) in FIELDS {
        assert!(all.iter().any(|found| found == name), "{name}");
    }
}

#[test]
fn what_is_no_ecs_is_noticed() {
    for (name, value) in [
        ("event.category", "network".into()),
        ("rule.id", 1.into()),
        ("source.ip", "10.0.0.256".into()),
        ("source.port", "80".into()),
        ("event.created", "yesterday".into()),
        ("network.iana_number", 17.into()),
        ("rule.uuid.more", "x".into()),
    ] {
        assert!(problem(name, &value).is_some(), "{name}");
    }
}
