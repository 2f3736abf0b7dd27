//! The rules that raised the recorded alerts, looked for in the packets that Snort sent.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pigear_alert::Alert;
use pigear_alert::wire::Decoder;
use pigear_pipeline::recording::Reader;
use serde_json::Value;

use crate::rules::RuleSet;
use crate::rules::reading::Reading;

/// The builds of Snort and the rules that each had.
const BUILDS: [(&str, &str); 8] = [
    ("v220", "old.rules"),
    ("v2852", "old.rules"),
    ("v2923", "snort2.rules"),
    ("v2973", "snort2.rules"),
    ("v2973appid", "snort2.rules"),
    ("v2919noappid", "snort2.rules"),
    ("v2919", "snort2.rules"),
    ("v3122", "snort3.rules"),
];

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../pigear-alert/tests/data")
}

fn rules(name: &str) -> RuleSet {
    let set = Reading::of(&[data().join("etc").join(name)]).unwrap().set;
    assert_eq!(set.problems(), []);
    set
}

/// The recordings of a build, each with the rules that Snort had.
fn recordings(build: &str, rules: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for case in fs::read_dir(data().join(build)).unwrap() {
        let case = case.unwrap().path();
        if !case.is_dir() {
            continue;
        }
        let no_messages = case.ends_with("nomsg");
        let rules = match rules {
            "snort3.rules" if no_messages => "nomsg3.rules",
            _ if no_messages => "nomsg.rules",
            rules => rules,
        };
        let files = fs::read_dir(case).unwrap().map(|file| file.unwrap().path());
        let files = files.filter(|file| file.to_string_lossy().ends_with("alerts.dgrams.gz"));
        found.extend(files.map(|file| (file, rules.to_owned())));
    }
    found.sort();
    found
}

fn alerts(recording: &Path) -> Vec<Alert> {
    let mut reader = Reader::open(recording).unwrap();
    let (mut datagram, mut alerts) = (Vec::new(), Vec::new());
    while reader.read(&mut datagram).unwrap() {
        let decoded = Decoder::default().decode(&datagram).unwrap();
        alerts.push(Alert::new(decoded, Arc::default(), Arc::default()));
    }
    alerts
}

/// Whether Snort sent less of the packet than it inspected: nothing of a stream, only as many bytes as the
/// time has microseconds, or no more than 1,514 bytes of a datagram put together from fragments.
fn is_cut(alert: &Alert) -> bool {
    const SNAPLEN: usize = 1_514;
    let packet = &alert.message.pkt;
    let rest = packet.get(SNAPLEN..).unwrap_or_default();
    packet.len() <= 42 || (packet.len() >= SNAPLEN && rest.iter().all(|byte| *byte == 0))
}

/// How many alerts there are, of how many the rule has contents, and of how many of these all are found in
/// the packet. Where one isn't found, the packet must be cut.
fn counts(build: &str, rules_name: &str) -> [usize; 3] {
    let [mut all, mut with_contents, mut with_all_found] = [0; 3];
    for (path, rules_name) in recordings(build, rules_name) {
        let rules = rules(&rules_name);
        for alert in alerts(&path) {
            all += 1;
            let Some(found) = rules.of(&alert) else { continue };
            let place = format!("{} of {}", found.rule.sid, path.display());
            assert_eq!(found.other_rev(&alert), None, "{place}");
            assert_eq!(found.others, [], "{place}");
            let matches = found.rule.find_in(&alert);
            let is_found = matches.iter().all(|found| !found.ranges.is_empty());
            assert!(is_found || is_cut(&alert), "{place}");
            with_contents += usize::from(!matches.is_empty());
            with_all_found += usize::from(!matches.is_empty() && is_found);
        }
    }
    [all, with_contents, with_all_found]
}

#[test]
fn the_contents_of_a_rule_are_in_the_packets_that_it_fired_for() {
    let found = BUILDS.map(|(build, rules)| (build, counts(build, rules)));
    let expected = [
        ("v220", [64, 40, 38]),
        ("v2852", [65, 40, 38]),
        ("v2923", [82, 45, 40]),
        ("v2973", [135, 54, 48]),
        ("v2973appid", [68, 35, 34]),
        ("v2919noappid", [196, 75, 73]),
        ("v2919", [237, 110, 108]),
        ("v3122", [251, 101, 77]),
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_rules_that_configurations_of_snort_include_are_read() {
    for name in ["snort-2.9.conf", "snort.lua"] {
        assert_eq!(rules(name).len(), 62, "{name}");
    }
}

#[test]
fn another_revision_than_the_alert_has_is_said() {
    let rules = rules("snort2.rules");
    let mut alert = alerts(&data().join("v2919/http/alerts.dgrams.gz")).remove(0);
    let rev = rules.of(&alert).unwrap().rule.rev.unwrap();
    alert.message.sig_rev = rev + 1;
    assert_eq!(rules.of(&alert).unwrap().other_rev(&alert), Some(rev));
    alert.message.sig_id = 99;
    assert!(rules.of(&alert).is_none());
}

#[test]
fn ids_and_messages_are_those_that_snort_read() {
    let table = fs::read(data().join("etc/rules.json")).unwrap();
    let table: Vec<Value> = serde_json::from_slice(&table).unwrap();
    for (name, len) in [("snort2.rules", 62), ("snort3.rules", 62), ("old.rules", 57)] {
        let set = rules(name);
        assert_eq!(set.len(), len, "{name}");
        let number = |line: &Value, key: &str| u32::try_from(line[key].as_u64().unwrap()).unwrap();
        let mut known = 0;
        for line in &table {
            let Some(found) = set.get(number(line, "gid"), number(line, "sid")) else { continue };
            known += 1;
            let hex =
                |text: &[u8]| text.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
            let hex = found.rule.msg.map(|msg| hex(&msg).concat());
            assert_eq!(line["msg_hex"].as_str(), hex.as_deref());
            assert_eq!(found.rule.rev, Some(number(line, "rev")));
            let class = found.rule.classtype.map(|class| String::from_utf8(class).unwrap());
            assert_eq!(line["cls"].as_str(), class.as_deref());
        }
        assert_eq!(known, len, "{name}");
    }
}
