//! A JSON Schema of configuration files.

mod values;

use std::path::Path;

use serde_json::{Map, Value as Json, json};
use toml::{Table, Value};

use self::values::{Verdict, in_toml};
use super::described::{DescribedKey, Section, sections};
use super::samples::sample;
use crate::command::help::about;
use crate::config::{Config, HANDLER_KEYS, SourceKind};
use crate::registry::Registry;

pub(super) fn text(registry: &Registry) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(&schema(registry))? + "\n")
}

fn schema(registry: &Registry) -> Json {
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

fn properties_of(section: &Section) -> Map<String, Json> {
    let property = |key: &DescribedKey| property(section.header, key);
    section.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect()
}

fn property(header: &str, key: &DescribedKey) -> Json {
    match (header, key.name) {
        // Those of a program that embeds Pigear have dots.
        ("[[source]]", "type") => return one_of(&SourceKind::names(), &key.about),
        // A filter is a script, which only the program understands.
        (_, "filter") => return json!({"type": "string", "description": key.about}),
        _ => {}
    }
    let verdict = |value| in_file(header, key.name, &value);
    let mut property = described(&key.about, value_of(key.sample).as_ref(), &verdict);
    if key.name == "metrics" {
        property.insert("type".to_owned(), json!(["string", "object"]));
    }
    property.into()
}

/// Handlers of a kind that comes with Pigear have its keys; others may have any.
fn handler(registry: &Registry) -> Json {
    let kinds: Vec<_> = registry.about().map(|(kind, _)| kind).collect();
    let of_kind = |kind: &&str| {
        let by_type = json!({"properties": {"type": {"const": kind}}, "required": ["type"]});
        let by_name = json!({
            "properties": {"name": {"const": kind}},
            "required": ["name"],
            "not": {"required": ["type"]},
        });
        let is_it = json!({"anyOf": [by_type, by_name]});
        json!({"if": is_it, "then": closed(&handler_properties(kind, registry))})
    };
    let of_kinds: Vec<_> = kinds.iter().map(of_kind).collect();
    let named = one_of(&kinds, &about_key("", "name"));
    json!({
        "type": "object",
        "properties": {"type": one_of(&kinds, &about_key("", "type"))},
        "anyOf": [
            {"required": ["type"]},
            {"required": ["name"], "properties": {"name": named}},
        ],
        "allOf": of_kinds,
    })
}

/// One of these kinds, or one of a program that embeds Pigear, whose name has a dot.
fn one_of(kinds: &[&str], about: &str) -> Json {
    let known = json!({"enum": kinds});
    json!({"type": "string", "description": about, "anyOf": [known, {"pattern": "\\."}]})
}

/// What the program says to a key of a file, below this header.
fn in_file(header: &str, key: &str, value: &Value) -> Result<(), String> {
    let text = format!("{header}\n{key} = {}\n", in_toml(value));
    Config::parse(&text, Path::new("")).map(drop).map_err(|error| error.to_string())
}

fn described(about: &str, sample: Option<&Value>, verdict: Verdict<'_>) -> Map<String, Json> {
    let mut property = Map::from_iter([("description".to_owned(), about.into())]);
    values::describe(&mut property, about, sample, verdict);
    property
}

/// The value that is written so.
fn value_of(toml: &str) -> Option<Value> {
    toml::from_str::<Table>(&format!("value = {toml}")).ok()?.remove("value")
}

/// The keys without which a handler doesn't start, with values.
fn least_keys(kind: &str, registry: &Registry) -> Table {
    let mut keys = Table::new();
    for key in registry.keys(kind) {
        let Err(problem) = registry.check_keys(kind, keys.clone().into()) else { break };
        let problem = problem.to_string();
        let mut words =
            problem.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let is_missing = words.any(|word| word == *key);
        if let Some(value) = sample(kind, key).filter(|_| is_missing).and_then(|it| value_of(&it)) {
            keys.insert((*key).to_owned(), value);
        }
    }
    keys
}

fn about_key(kind: &str, key: &str) -> String {
    about(kind, key).unwrap_or_default()
}

fn closed(properties: &Map<String, Json>) -> Json {
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn handler_properties(kind: &str, registry: &Registry) -> Map<String, Json> {
    let header = format!("[[handler]]\ntype = \"{kind}\"");
    let least = least_keys(kind, registry);
    let with = |key: &str, value: Value| {
        let mut keys = least.clone();
        keys.insert(key.to_owned(), value);
        registry.check_keys(kind, keys.into()).map_err(|problem| problem.to_string())
    };
    let own = |key: &str, value: Value| {
        let keys = Table::from_iter([(key.to_owned(), value.clone())]);
        match registry.check(kind, keys.into()).map_err(|problem| problem.to_string()) {
            Err(problem) if problem.starts_with(&format!("{key}: ")) => return Err(problem),
            // Others may be missing.
            _ => {}
        }
        // One that needs others, too, may have any value as far as this goes.
        let sample = sample(kind, key).and_then(|sample| value_of(&sample));
        if sample.is_some_and(|sample| with(key, sample).is_ok()) {
            return with(key, value);
        }
        Ok(())
    };
    let of_key = |key: &&'static str| {
        let about = about_key(kind, key);
        let of_sample = sample(kind, key).and_then(|sample| value_of(&sample));
        let property = match *key {
            "filter" => json!({"type": "string", "description": about}),
            "type" => json!({"type": "string", "description": about, "const": kind}),
            key if HANDLER_KEYS.contains(&key) => {
                described(&about, of_sample.as_ref(), &|value| in_file(&header, key, &value)).into()
            }
            key => described(&about, of_sample.as_ref(), &|value| own(key, value)).into(),
        };
        ((*key).to_owned(), property)
    };
    registry.keys(kind).iter().chain(&HANDLER_KEYS).map(of_key).collect()
}

#[cfg(test)]
mod tests {
    use jsonschema::Validator;

    use super::*;

    fn validator(registry: &Registry) -> Validator {
        jsonschema::validator_for(&schema(registry)).unwrap()
    }

    fn allows(validator: &Validator, text: &str) -> bool {
        let table: Table = toml::from_str(text).unwrap();
        validator.is_valid(&serde_json::to_value(table).unwrap())
    }

    /// Values that the program refuses, in words that a schema has: types, least and largest numbers, lists of words.
    const REFUSED: [&str; 40] = [
        "count = 0",
        "count = 'x'",
        "serve_forever = 'yes'",
        "sandbox = 'maybe'",
        "sandbox_write = 1",
        "rules = 1",
        "stats = true",
        "metrics = 'x'",
        "user = 1",
        "nothing = 1",
        "[store]\nkeep_days = 0",
        "[store]\nkeep_bytes = 'x'",
        "[store]\ntrust_clock = 'x'",
        "[names]\nsid_msg_map = 1",
        "[[source]]\ntype = 'nul'",
        "[[source]]\nallow_uid = 'snort'",
        "[[source]]\ncomplete = 'some'",
        "[[source]]\ncomplete_wait = 'x'",
        "[[source]]\ndialect = 'snort4'",
        "[[source]]\nid_offset = -1",
        "[[source]]\nid_offset = 4294967296",
        "[[source]]\ninstances = 0",
        "[[source]]\ninstances = 'some'",
        "[[source]]\nlinktype = 65536",
        "[[source]]\nonce = 'x'",
        "[[source]]\nsocket_mode = 'rw'",
        "[[source]]\nsocket_mode = 512",
        "[[handler]]\ntype = 'nul'",
        "[[handler]]\nname = 'nul'",
        "[[handler]]\ntype = 'print'\nformat = 'nul'",
        "[[handler]]\ntype = 'print'\nqueue = 0",
        "[[handler]]\ntype = 'print'\nwhen_full = 'x'",
        "[[handler]]\ntype = 'print'\ndurable = 'x'",
        "[[handler]]\ntype = 'print'\nfrom = 'x'",
        "[[handler]]\ntype = 'print'\nlimit = 0",
        "[[handler]]\ntype = 'print'\npacket = 'x'",
        "[[handler]]\nname = 'print'\nmax_bytes = 0",
        "[[handler]]\ntype = 'file'\npath = 'x'\ncompress = 'x'",
        "[[handler]]\ntype = 'file'\npath = 'x'\nkeep = -1",
        "[[handler]]\ntype = 'file'\npath = 'x'\nmode = 'x'",
    ];

    #[cfg(all(feature = "exec", feature = "http", feature = "syslog", feature = "web"))]
    const REFUSED_BY_OTHERS: [&str; 8] = [
        "[[handler]]\ntype = 'exec'\ncommand = 'x'\nmode = 'x'",
        "[[handler]]\ntype = 'exec'\ncommand = 'x'\nconcurrency = 0",
        "[[handler]]\ntype = 'http'\nurl = 'http://x/'\ntimeout = 0",
        "[[handler]]\ntype = 'http'\nurl = 'http://x/'\nin_flight = 0",
        "[[handler]]\ntype = 'http'\nurl = 'http://x/'\nencoding = 'x'",
        "[[handler]]\ntype = 'syslog'\nfacility = 'x'",
        "[[handler]]\ntype = 'syslog'\nrfc = 1",
        "[web]\nlisten = 'x'",
    ];

    #[test]
    fn what_the_program_refuses_is_refused_by_the_schema() {
        let registry = Registry::builtin();
        let validator = validator(&registry);
        let all = REFUSED.iter();
        #[cfg(all(feature = "exec", feature = "http", feature = "syslog", feature = "web"))]
        let all = all.chain(&REFUSED_BY_OTHERS);
        let (mut by_program, mut by_schema) = (Vec::new(), Vec::new());
        for text in all {
            if Config::mistakes(text, Path::new(""), &registry).is_empty() {
                by_program.push(text);
            }
            if allows(&validator, text) {
                by_schema.push(text);
            }
        }
        assert_eq!((by_program, by_schema), (Vec::new(), Vec::new()), "allowed by one of them");
    }

    #[test]
    fn what_the_program_takes_is_taken_by_the_schema() {
        let registry = Registry::builtin();
        let validator = validator(&registry);
        let mut keys = 0;
        for section in super::sections(&registry) {
            for key in section.keys {
                let text = format!("{}\n{} = {}\n", section.header, key.name, key.sample);
                assert!(allows(&validator, &text), "{text}");
                keys += 1;
            }
        }
        for (kind, _) in registry.about() {
            for key in registry.keys(kind).iter().chain(&HANDLER_KEYS) {
                let Some(value) = sample(kind, key).filter(|_| *key != "type") else { continue };
                let text = format!("[[handler]]\ntype = '{kind}'\n{key} = {value}\n");
                assert!(allows(&validator, &text), "{text}");
                keys += 1;
            }
        }
        assert!(keys > 100, "{keys}");
        for text in [
            "[[handler]]\ntype = 'my.own.Handler'\nkey = 'x'",
            "[[handler]]\nname = 'file'\npath = 'x'\nrotate = 'daily'\nkeep = '7'",
            "[[source]]\ntype = 'my.own.Source'",
            "[[source]]\ninstances = 'auto'\nsocket_mode = '0640'\nlinktype = 'raw'",
            "[metrics]\nlisten = '127.0.0.1:9187'",
        ] {
            assert!(allows(&validator, text), "{text}");
        }
    }
}
