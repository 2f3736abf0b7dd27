//! A JSON Schema of configuration files.

use serde_json::{Map, Value, json};

use super::described::{DescribedKey, KeyKind, Section, sections};
use crate::command::help::about;
use crate::config::HANDLER_KEYS;
use crate::registry::Registry;

pub(super) fn text(registry: &Registry) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(&schema(registry))? + "\n")
}

fn schema(registry: &Registry) -> Value {
    let mut properties = Map::new();
    for section in sections(registry) {
        let keys = properties_of(&section);
        let table =
            |keys| json!({"type": "object", "properties": keys, "additionalProperties": false});
        match section.header.trim_matches(['[', ']']) {
            "" => properties.extend(keys),
            name if section.header.starts_with("[[") => {
                properties.insert(name.to_owned(), json!({"type": "array", "items": table(keys)}));
            }
            name => {
                properties.insert(name.to_owned(), table(keys));
            }
        }
    }
    let items = handler(registry);
    properties.insert("handler".to_owned(), json!({"type": "array", "items": items}));
    if registry.resolve("web").is_ok() {
        properties.insert("web".to_owned(), closed(&handler_properties("web", registry)));
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Pigear's configuration",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

fn properties_of(section: &Section) -> Map<String, Value> {
    section.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect()
}

fn property(key: &DescribedKey) -> Value {
    let kinds = match key.kind {
        _ if key.name == "metrics" => json!(["string", "object"]),
        KeyKind::YesNo => json!("boolean"),
        KeyKind::Text => json!("string"),
        KeyKind::Texts => json!(["string", "array"]),
        KeyKind::Number => json!("integer"),
        KeyKind::Any => json!(["string", "number"]),
    };
    json!({"type": kinds, "description": key.about})
}

/// Handlers of a kind that comes with Pigear have its keys; others may have any.
fn handler(registry: &Registry) -> Value {
    let kinds: Vec<_> = registry.about().map(|(kind, _)| kind).collect();
    let of_kind = |kind: &&str| {
        let is_it = json!({"properties": {"type": {"const": kind}}, "required": ["type"]});
        json!({"if": is_it, "then": closed(&handler_properties(kind, registry))})
    };
    let of_kinds: Vec<_> = kinds.iter().map(of_kind).collect();
    let kind = json!({"type": "string", "description": about("", "type"), "examples": kinds});
    json!({
        "type": "object",
        "properties": {"type": kind},
        "anyOf": [{"required": ["type"]}, {"required": ["name"]}],
        "allOf": of_kinds,
    })
}

fn closed(properties: &Map<String, Value>) -> Value {
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn handler_properties(kind: &str, registry: &Registry) -> Map<String, Value> {
    let keys = registry.keys(kind).iter().chain(&HANDLER_KEYS);
    keys.map(|key| ((*key).to_owned(), json!({"description": about(kind, key)}))).collect()
}
