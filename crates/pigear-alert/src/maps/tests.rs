//! The lists and maps of the recordings, against what is known of the rules and what Snort logged.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn read(path: &Path) -> String {
    match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

fn etc(name: &str) -> String {
    read(&data().join("etc").join(name))
}

/// The value of a text that has to be understood to its last line.
fn whole<T>(parsed: Parsed<T>) -> T {
    assert_eq!(parsed.problems, []);
    parsed.value
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn number(value: &Value) -> u32 {
    value.as_u64().and_then(|number| number.try_into().ok()).unwrap_or_else(|| panic!("{value}"))
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| {
        u8::from_str_radix(&hex[at..at + 2], 16).unwrap_or_else(|error| panic!("{error}: {hex}"))
    };
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// The rules that have a message, with it.
fn rules() -> Vec<(Value, String)> {
    let Value::Array(rules) = json(&etc("rules.json")) else { panic!("no array") };
    let with_message = |rule: Value| {
        let message = bytes(rule["msg_hex"].as_str()?);
        Some((rule, String::from_utf8_lossy(&message).into_owned()))
    };
    rules.into_iter().filter_map(with_message).collect()
}

/// Every alert that any of the Snorts logged.
fn logged() -> Vec<Value> {
    let folders = |path: &Path| -> Vec<PathBuf> {
        fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let runs: Vec<PathBuf> = folders(&data()).iter().flat_map(|build| folders(build)).collect();
    let logs: Vec<PathBuf> =
        runs.iter().map(|run| run.join("expected.jsonl")).filter(|log| log.exists()).collect();
    assert!(!logs.is_empty());
    logs.iter().flat_map(|log| read(log).lines().map(json).collect::<Vec<_>>()).collect()
}

#[test]
fn both_forms_of_the_lists_say_the_same() {
    let lua = etc("snort.lua");
    let classes = whole(Classes::parse(&etc("classification.config")));
    assert_eq!(classes.len(), 33);
    assert_eq!(classes, whole(Classes::parse(&lua)));
    let systems = whole(ReferenceSystems::parse(&etc("reference.config")));
    assert_eq!(systems.iter().count(), 6);
    assert_eq!(systems, whole(ReferenceSystems::parse(&lua)));
}

#[test]
fn the_stock_lists_agree_with_those_of_the_recordings() {
    let stock: Vec<Class> = Classes::stock().iter().map(|(_, class)| class.clone()).collect();
    let classes = whole(Classes::parse(&etc("classification.config")));
    assert!(classes.iter().all(|(_, class)| stock.contains(class)));
    let systems = whole(ReferenceSystems::parse(&etc("reference.config")));
    assert!(
        systems.iter().all(|(name, prefix)| ReferenceSystems::stock().prefix(name) == Some(prefix))
    );
}

#[test]
fn a_configuration_without_lists_has_none_and_no_problem() {
    let text = etc("snort-2.9.conf");
    assert!(whole(Classes::parse(&text)).is_empty());
    assert!(whole(ReferenceSystems::parse(&text)).is_empty());
}

#[test]
fn class_numbers_have_the_names_that_snort_logged() {
    let classes = whole(Classes::parse(&etc("classification.config")));
    let mut named = 0;
    for alert in logged().iter().filter(|alert| !alert["class"].is_null()) {
        let class = classes.get(number(&alert["class_id"]));
        assert_eq!(class.map(|class| &*class.name), alert["class"].as_str(), "{alert}");
        assert_eq!(class.map(|class| &*class.description), alert["class_text"].as_str(), "{alert}");
        named += 1;
    }
    assert!(named > 500, "only {named}");
}

#[test]
fn a_class_line_that_snort_accepts_keeps_its_position() {
    let parsed = Classes::parse(&read(&data().join("maps/classes-odd2.config")));
    let problems: Vec<String> = parsed.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, ["line 2: class \"ALPHA\" was defined before, this one is ignored"]);
    let classes: Vec<_> = parsed
        .value
        .iter()
        .map(|(number, Class { name, description, priority })| {
            (number, &**name, &**description, *priority)
        })
        .collect();
    assert_eq!(
        classes,
        [
            (1, "alpha", "Alpha text", 1),
            (2, "beta", "Has, a comma", 2),
            (3, "gamma", "No space", 3),
            (4, "delta", "Spaces around", 4),
            (5, "eps", "Hex prio", 2),
        ]
    );
}

#[test]
fn references_of_unknown_systems_are_kept() {
    let rules = whole(SidMsgMap::parse(&read(&data().join("maps/refs-unknown-system.map"))));
    let names = Names { rules, ..Names::default() };
    let shown = |sid| names.references(1, sid).collect::<Vec<_>>();
    assert_eq!(shown(1_000_001), ["md5 0123456789abcdef0123456789abcdef", "http://a.org"]);
    assert_eq!(shown(1_000_002), ["exploitdb 12345"]);
}

#[test]
fn the_version_1_map_agrees_with_the_rules() {
    let map = whole(SidMsgMap::parse(&etc("sid-msg.map")));
    let mut named = 0;
    for (rule, message) in rules().iter().filter(|(rule, _)| rule["gid"] == 1) {
        let found = map.get(1, number(&rule["sid"]));
        assert_eq!(found.map(Rule::message), Some(&**message));
        named += 1;
    }
    assert_eq!(map.len(), named);
}

#[test]
fn the_version_2_map_agrees_with_the_rules() {
    let map = whole(SidMsgMap::parse(&etc("sid-msg-v2.map")));
    for (rule, message) in rules() {
        let Some(found) = map.get(number(&rule["gid"]), number(&rule["sid"])) else {
            panic!("no {rule}")
        };
        assert_eq!(found.message(), message);
        assert_eq!(found.class(), rule["cls"].as_str());
        assert_eq!(found.revision(), Some(number(&rule["rev"])));
        assert_eq!(found.priority().unwrap_or(0), number(&rule["prio"]));
    }
    assert_eq!(map.len(), rules().len());
}

#[test]
fn both_maps_have_the_same_references() {
    let first = whole(SidMsgMap::parse(&etc("sid-msg.map")));
    let second = whole(SidMsgMap::parse(&etc("sid-msg-v2.map")));
    let mut count = 0;
    for (rule, _) in rules().iter().filter(|(rule, _)| rule["gid"] == 1) {
        let sid = number(&rule["sid"]);
        let references = |map: &SidMsgMap| -> Vec<String> {
            let references = map.get(1, sid).into_iter().flat_map(Rule::references);
            references.map(|Reference { system, id }| format!("{system},{id}")).collect()
        };
        assert_eq!(references(&first), references(&second), "{sid}");
        count += references(&first).len();
    }
    let text = etc("sid-msg.map");
    let separators = text.lines().skip(1).map(|line| line.matches(" || ").count());
    assert_eq!(count, separators.map(|fields| fields - 1).sum::<usize>());
}

#[test]
fn messages_that_snort_cut_are_completed_as_it_logged_them() {
    let text = etc("sid-msg-v2.map");
    let names = Names { rules: whole(SidMsgMap::parse(&text)), ..Names::default() };
    let mut completed = 0;
    for build in ["v220", "v2852", "v2923", "v2973", "v2919", "v3122"] {
        let run = data().join(build).join("msgs");
        let logged = read(&run.join("expected.jsonl"));
        for (sent, logged) in sent_messages(&run).iter().zip(logged.lines().map(json)) {
            let found = names.message(number(&logged["gid"]), number(&logged["sid"]), sent);
            if logged["msg_hex"].is_null() && logged["msg_cut_on_wire"] == true {
                assert_eq!(logged["msg"], *String::from_utf8_lossy(&found));
                completed += 1;
            } else {
                assert_eq!(*found, **sent, "{logged}");
            }
        }
    }
    assert!(completed >= 12, "only {completed}");
}

/// The message of each datagram, up to its NUL, and without Snort 3's quotes.
fn sent_messages(run: &Path) -> Vec<Vec<u8>> {
    let mut recording = Vec::new();
    let file = fs::read(run.join("alerts.dgrams.gz")).unwrap_or_default();
    let read = flate2::read::GzDecoder::new(&*file).read_to_end(&mut recording);
    assert!(read.is_ok() && !recording.is_empty(), "{}", run.display());
    let mut rest = &*recording;
    let mut messages = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let (datagram, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        let message = datagram.split(|&byte| byte == 0).next().unwrap_or_default();
        let message = message.strip_prefix(b"\"").unwrap_or(message);
        messages.push(message.strip_suffix(b"\"").unwrap_or(message).to_vec());
        rest = after;
    }
    messages
}

#[test]
fn the_generators_map_is_read_whole() {
    let map = whole(GenMsgMap::parse(&etc("gen-msg.map")));
    assert_eq!(map.len(), etc("gen-msg.map").lines().count() - 1);
    assert_eq!(map.get(122, 1), Some("portscan: TCP, many ports"));
    assert_eq!(map.get(122, 2), None);
}

/// Pieces of all syntaxes, thrown together: plain random text hardly ever gets past the first word.
fn pieces() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "config classification:",
        "config reference:",
        "classifications",
        "references",
        " = ",
        "{",
        "}",
        "{ name = 'a'",
        "text = \"b\"",
        ", priority = 3",
        ",",
        "\n",
        "\r\n",
        "--",
        "--[[",
        "]]",
        "[==[",
        "'",
        "\\",
        " || ",
        "#v2\n",
        "#",
        "1",
        "4294967296",
        "cve,1",
        "é",
        "\u{feff}",
        "a,b,1",
        "url = 'http://'",
    ]);
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_to_its_end(text in prop_oneof![pieces(), any::<String>()]) {
        let lines = text.lines().count();
        let (classes, references) = (Classes::parse(&text), ReferenceSystems::parse(&text));
        let (rules, generators) = (SidMsgMap::parse(&text), GenMsgMap::parse(&text));
        let problems = [&classes.problems, &references.problems, &rules.problems, &generators.problems];
        prop_assert!(problems.iter().flat_map(|problems| problems.iter()).all(|problem| (1..=lines).contains(&problem.line)));
        let names = Names { classes: classes.value, references: references.value, rules: rules.value, generators: generators.value, looked: None };
        let _ = (names.message(1, 1, text.as_bytes()), names.references(1, 1).count(), names.class(1));
    }
}
