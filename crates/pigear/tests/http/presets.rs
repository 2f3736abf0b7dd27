//! What the presets send of a recorded alert, as the receivers' documentation asks for it.

use std::path::Path;

use pigear_pipeline::recording::Reader;
use serde_json::{Value, json};

use crate::harness::Pigear;
use crate::server::{Reply, Request, Server};

/// An alert of Snort 2.9.19.
fn ping() -> Vec<u8> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pigear-alert/tests/data");
    let mut reader = Reader::open(&data.join("v2919/icmp_ping/alerts.dgrams.gz")).unwrap();
    let mut datagram = Vec::new();
    assert!(reader.read(&mut datagram).unwrap());
    datagram
}

fn sent(preset: &str, answer: &'static str, keys: &[(&str, &str)]) -> Request {
    let server = Server::start(move |_, _| Reply::ok().body(answer));
    let (url, template) = (server.url(), format!("preset:{preset}"));
    let keys = [&[("url", &*url), ("template", &*template), ("delay", "0")], keys].concat();
    let pigear = Pigear::start(&keys);
    pigear.send(ping());
    pigear.deals_with(1);
    assert_eq!(pigear.end(), (1, 0, 0));
    let mut requests = server.requests();
    assert_eq!(requests.len(), 1);
    requests.pop().unwrap()
}

const LINE: &str = "[low] ICMP Echo Request [1:1000134:1] 192.168.10.21 -> 198.51.100.1";

#[test]
fn slack_gets_a_text() {
    let request = sent("slack", "ok", &[]);
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.json(), json!({"text": LINE}));
}

#[test]
fn discord_gets_a_content_that_mentions_nobody() {
    let request = sent("discord", "", &[]);
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.json(), json!({"content": LINE, "allowed_mentions": {"parse": []}}));
}

#[test]
fn telegram_gets_a_chat_and_a_text() {
    let request = sent("telegram", r#"{"ok":true}"#, &[("param.chat_id", "-1001234")]);
    assert_eq!(request.header("content-type"), "application/json");
    let expected = json!({
        "chat_id": "-1001234", "text": LINE, "link_preview_options": {"is_disabled": true},
    });
    assert_eq!(request.json(), expected);
}

#[test]
fn splunk_gets_an_event_with_its_time() {
    let request = sent("splunk-hec", r#"{"text":"Success","code":0}"#, &[("auth", "splunk:t0ken")]);
    assert_eq!(request.header("authorization"), "Splunk t0ken");
    let body = request.json();
    assert_eq!(body["time"], json!(1_750_010_800.999_998));
    assert_eq!((&body["source"], &body["sourcetype"]), (&json!("pigear"), &json!("snort:alert")));
    assert_eq!(body["event"]["sig_id"], 1_000_134);
    assert_eq!(body.as_object().unwrap().len(), 4);
}

#[test]
fn loki_gets_a_stream_with_nanoseconds_and_a_line() {
    let request = sent("loki", "", &[]);
    assert_eq!(request.header("content-type"), "application/json");
    let body = request.json();
    assert_eq!(body.as_object().unwrap().len(), 1);
    let [stream] = &body["streams"].as_array().unwrap()[..] else { panic!("{body}") };
    assert_eq!(stream["stream"], json!({"job": "pigear", "severity": "low"}));
    let value = &stream["values"][0];
    assert_eq!(value[0], "1750010800999998000");
    let line: Value = serde_json::from_str(value[1].as_str().unwrap()).unwrap();
    assert_eq!(line["sig_id"], 1_000_134);
}

#[test]
fn elasticsearch_gets_an_action_and_a_document() {
    const TAKEN: &str = r#"{"took":1,"errors":false,"items":[]}"#;
    let ecs = bulk(&sent("elasticsearch", TAKEN, &[]));
    assert_eq!(ecs[1]["@timestamp"], "2025-06-15T18:06:40.999998Z");
    assert_eq!(ecs[1]["rule"]["name"], "ICMP Echo Request");
    let request = sent("elasticsearch", TAKEN, &[("format", "json")]);
    assert_eq!(request.header("content-type"), "application/x-ndjson");
    let body = std::str::from_utf8(&request.body).unwrap();
    assert!(body.ends_with('\n'));
    let [action, document] = &bulk(&request)[..] else { panic!("{body}") };
    let id = action["create"]["_id"].as_str().unwrap();
    assert_eq!(id.len(), 32);
    assert_eq!(*action, json!({"create": {"_id": id}}));
    assert_eq!(document["@timestamp"], "2025-06-15T18:06:40.999998Z");
    assert_eq!(document["snort"]["sig_id"], 1_000_134);
}

fn bulk(request: &Request) -> Vec<Value> {
    let body = std::str::from_utf8(&request.body).unwrap();
    body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn elasticsearch_says_of_each_alert_what_became_of_it() {
    let server = Server::start(|n, request| {
        let items = bulk(request).len() / 2;
        let status = |item: usize| match (n, item) {
            (0, 1) => 429,
            (0, 2) => 400,
            (0, 3) => 409,
            _ => 201,
        };
        let items: Vec<_> =
            (0..items).map(|item| json!({"create": {"status": status(item)}})).collect();
        Reply::ok().body(json!({"errors": n == 0, "items": items}).to_string())
    });
    let keys = [
        ("url", &*server.url()),
        ("template", "preset:elasticsearch"),
        ("format", "json"),
        ("batch", "5"),
        ("delay", "1m"),
    ];
    let pigear = Pigear::start(&keys);
    pigear.send_numbered(0..5);
    pigear.deals_with(5);
    assert_eq!(pigear.end(), (4, 1, 0));
    let requests = server.requests();
    let numbers: Vec<Vec<_>> = requests
        .iter()
        .map(|request| {
            let all = bulk(request);
            all.iter().filter_map(|line| line["snort"]["event_id"].as_u64()).collect()
        })
        .collect();
    assert_eq!(numbers, [vec![0, 1, 2, 3, 4], vec![1]]);
    assert_ne!(requests[0].key(), requests[1].key());
}
