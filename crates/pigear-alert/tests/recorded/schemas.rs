//! EVE, ECS and OCSF of every recorded alert, held against their schemas.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::{Arc, LazyLock};

use pigear_alert::format::FormatName;
use pigear_alert::packet::IpProtocol;
use pigear_alert::wire::Dialect;
use serde_json::{Value, json};

use crate::logs;
use crate::recordings::{ALL, Recorded};
use crate::written::{assert_valid, names, object, validator};

static SCHEMAS: LazyLock<[(FormatName, Value); 3]> = LazyLock::new(|| {
    let read = |text| serde_json::from_str(text).unwrap();
    [
        (FormatName::Eve, read(include_str!("../../../../docs/eve.schema.json"))),
        (FormatName::Ecs, read(include_str!("../../../../docs/ecs.schema.json"))),
        (FormatName::Ocsf, read(include_str!("../../../../docs/ocsf.schema.json"))),
    ]
});

/// All properties, with their schemas, by their paths: `/snort/class`.
fn properties(schema: &Value, path: &str) -> Vec<(String, Value)> {
    let schema = if schema["type"] == "array" { &schema["items"] } else { schema };
    let Some(own) = schema["properties"].as_object() else { return Vec::new() };
    assert_eq!(schema["additionalProperties"], false, "{path}");
    let all = own.iter().flat_map(|(name, property)| {
        let path = format!("{path}/{name}");
        let below = properties(property, &path);
        [(path, property.clone())].into_iter().chain(below)
    });
    all.collect()
}

/// The paths of all values.
fn paths(value: &Value, path: &str) -> BTreeSet<String> {
    match value {
        Value::Object(fields) => {
            let each = fields.iter().flat_map(|(name, value)| {
                let path = format!("{path}/{name}");
                let below = paths(value, &path);
                below.into_iter().chain([path])
            });
            each.collect()
        }
        Value::Array(values) => values.iter().flat_map(|value| paths(value, path)).collect(),
        _ => BTreeSet::new(),
    }
}

#[test]
fn schemas_have_every_protocol_under_its_name() {
    let schema = |name: FormatName| &SCHEMAS.iter().find(|(known, _)| *known == name).unwrap().1;
    let json: Value =
        serde_json::from_str(include_str!("../../../../docs/alert.schema.json")).unwrap();
    let all = || (0..=u8::MAX).map(IpProtocol);
    let named: Vec<_> = all().filter_map(IpProtocol::name).collect();
    assert_eq!(json["properties"]["proto"]["anyOf"][0]["enum"], json!(named));
    let keywords: Vec<_> = all().filter_map(IpProtocol::keyword).collect();
    assert_eq!(schema(FormatName::Eve)["properties"]["proto"]["anyOf"][0]["enum"], json!(keywords));
    let lower: Vec<_> = keywords.iter().map(|keyword| keyword.to_ascii_lowercase()).collect();
    let network = &schema(FormatName::Ecs)["properties"]["network"]["properties"];
    assert_eq!(network["transport"]["enum"], json!(lower));
    let evidence = &schema(FormatName::Ocsf)["properties"]["evidences"]["items"]["properties"];
    let connection = &evidence["connection_info"]["properties"];
    assert_eq!(connection["protocol_name"]["enum"], json!(lower));
}

#[test]
fn schemas_tell_of_every_field_what_it_is() {
    for (format, schema) in &*SCHEMAS {
        for (path, property) in properties(schema, "") {
            let description = property["description"].as_str();
            assert!(description.is_some_and(|text| text.ends_with('.')), "{format} {path}");
        }
    }
}

#[test]
fn schemas_have_all_dialects() {
    let dialects = json!(Dialect::ALL.map(Dialect::name));
    for (format, schema) in &*SCHEMAS {
        let properties = properties(schema, "");
        let mut found = properties.iter().filter(|(path, _)| path.ends_with("/dialect"));
        assert!(found.all(|(_, property)| property["enum"] == dialects), "{format}");
    }
}

#[test]
fn every_alert_is_as_the_schemas_say() {
    for (format, schema) in &*SCHEMAS {
        let validator = validator(schema);
        for recorded in &*ALL {
            assert_valid(&validator, &object(*format, &recorded.alert), &recorded.place);
        }
    }
}

#[test]
fn every_field_of_the_schemas_is_in_some_alert() {
    let names = names();
    for (format, schema) in &*SCHEMAS {
        let validator = validator(schema);
        let mut seen = BTreeSet::new();
        for recorded in &*ALL {
            let object = object(*format, &recorded.with_origin(&names));
            assert_valid(&validator, &object, &recorded.place);
            seen.extend(paths(&object, ""));
        }
        for (place, alert) in logs::alerts(&names) {
            let object = object(*format, &alert);
            assert_valid(&validator, &object, &place);
            seen.extend(paths(&object, ""));
        }
        // Only a lane makes groups.
        let mut grouped = ALL[0].alert.clone();
        grouped.count = NonZeroU64::new(7);
        let grouped = object(*format, &grouped);
        assert_valid(&validator, &grouped, "a group");
        seen.extend(paths(&grouped, ""));
        let properties = properties(schema, "").into_iter().map(|(path, _)| path);
        assert_eq!(seen, properties.collect(), "{format}");
    }
}

#[test]
fn nothing_is_null_or_empty() {
    fn assert_not_empty(value: &Value, place: &str) {
        assert!(![json!(null), json!(""), json!([]), json!({})].contains(value), "{place}");
        match value {
            Value::Object(fields) => {
                fields.values().for_each(|value| assert_not_empty(value, place));
            }
            Value::Array(values) => values.iter().for_each(|value| assert_not_empty(value, place)),
            _ => {}
        }
    }
    for (format, _) in &*SCHEMAS {
        for recorded in &*ALL {
            assert_not_empty(&object(*format, &recorded.alert), &recorded.place);
        }
    }
}

#[test]
fn spoiled_objects_are_refused() {
    let spoiled = [
        (FormatName::Eve, "/timestamp", json!("2025-06-15T16:06:40.500001Z")),
        (FormatName::Eve, "/flow_id", json!(1_u64 << 51)),
        (FormatName::Eve, "/src_ip", json!("10.0.0.256")),
        (FormatName::Eve, "/dest_port", json!(65536)),
        (FormatName::Eve, "/proto", json!("ICMPv6")),
        (FormatName::Eve, "/community_id", json!("2:LQU9qZlK+B5F3KDmev6m5PMibrg=")),
        (FormatName::Eve, "/ether/src_mac", json!("02-00-5E-10-00-14")),
        (FormatName::Eve, "/alert/signature_id", json!("1")),
        (FormatName::Eve, "/alert/severity", json!(0)),
        (FormatName::Eve, "/snort/dialect", json!("snort4")),
        (FormatName::Eve, "/snort/other", json!(1)),
        (FormatName::Eve, "/other", json!(1)),
        (FormatName::Ecs, "/@timestamp", json!("2025-06-15T16:06:40Z")),
        (FormatName::Ecs, "/event/id", json!("1")),
        (FormatName::Ecs, "/event/kind", json!("event")),
        (FormatName::Ecs, "/rule/id", json!(1)),
        (FormatName::Ecs, "/source/mac", json!("02:00:5e:10:00:14")),
        (FormatName::Ecs, "/source/port", json!(null)),
        (FormatName::Ecs, "/network/transport", json!("UDP")),
        (FormatName::Ecs, "/network/iana_number", json!(17)),
        (FormatName::Ecs, "/network/packets", json!(1)),
        (FormatName::Ecs, "/snort/ip/ttl", json!(256)),
        (FormatName::Ocsf, "/class_uid", json!(2001)),
        (FormatName::Ocsf, "/time", json!("2025-06-15T16:06:40Z")),
        (FormatName::Ocsf, "/severity_id", json!(5)),
        (FormatName::Ocsf, "/finding_info/uid", json!(1)),
        (FormatName::Ocsf, "/finding_info/analytic/uid", json!(1)),
        (FormatName::Ocsf, "/evidences/0/src_endpoint/ip", json!("10.0.0.256")),
        (FormatName::Ocsf, "/evidences/0/connection_info/uid", json!(1)),
        (FormatName::Ocsf, "/evidences", json!([])),
        (FormatName::Ocsf, "/metadata/product/name", json!("Suricata")),
        (FormatName::Ocsf, "/unmapped/untrusted", json!(false)),
    ];
    let recorded = dns();
    for (format, pointer, value) in spoiled {
        let (_, schema) = SCHEMAS.iter().find(|(name, _)| *name == format).unwrap();
        let mut object = object(format, &recorded.with_origin(&Arc::default()));
        assert_valid(&validator(schema), &object, "unspoiled");
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[name] = value;
        assert!(!validator(schema).is_valid(&object), "{format} {pointer}");
    }
}

/// An alert that has an address of everything.
fn dns() -> &'static Recorded {
    ALL.iter().find(|recorded| recorded.place.contains("v3122/dns")).unwrap()
}
