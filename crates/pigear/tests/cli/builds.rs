//! What each of eight Snorts sent, played to the program and printed by it.

use std::path::PathBuf;

use serde_json::Value;

use crate::harness::{Test, counters, program};
use crate::snort::{data, datagrams, expected, objects};

fn printed(case: &str) {
    let expected = expected(case);
    let count = expected.len();
    let test = Test::new().args(["--count", &count.to_string(), "--stats", "stats.json"]);
    let mut running = test.args(["format=json"]).start();
    running.listens();
    let log_dir: PathBuf = running.room().at("log");
    let recording = data().join(case).join("alerts.dgrams.gz");
    assert_eq!(datagrams(&recording).len(), count, "{case}");
    let mut player = program();
    player.arg("play").arg(recording).arg("--json").arg("--logdir").arg(log_dir);
    let played = player.output().unwrap();
    let report: Value = serde_json::from_slice(&played.stdout).unwrap();
    assert_eq!((&report["sent"], &report["refused"]), (&count.into(), &0.into()), "{case}");

    let (room, ended) = running.end();
    assert_eq!((&*ended.stderr, ended.status), ("", Some(0)), "{case}");
    let sids = |alerts: &[Value], name| {
        alerts.iter().map(|alert| alert[name].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let alerts = objects(&ended.stdout);
    assert_eq!(sids(&alerts, "sig_id"), sids(&expected, "sid"), "{case}");
    let stats: Value = serde_json::from_str(&room.read("stats.json")).unwrap();
    let n = count.try_into().unwrap();
    let missed = stats["missed"].as_u64().unwrap();
    let all = counters([n, 0, 0, missed], &[("print", [n, 0, 0])]);
    assert_eq!(room.read("stats.json"), all, "{case}");
}

#[test]
fn every_alert_of_eight_snorts_is_printed_in_order() {
    for build in ["v220", "v2852", "v2923", "v2973", "v2973appid", "v2919noappid", "v2919", "v3122"]
    {
        printed(&format!("{build}/http"));
        printed(&format!("{build}/icmp_ping"));
    }
}
