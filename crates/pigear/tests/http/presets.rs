//! What the presets send of a recorded alert, as the receivers' documentation asks for it.

use std::path::Path;
use std::time::{Duration, Instant};

use pigear_pipeline::recording::Reader;
use serde_json::{Value, json};

use crate::harness::{Pigear, datagram};
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

fn body(request: &Request) -> &str {
    std::str::from_utf8(&request.body).unwrap()
}

/// What stands between the two, which are there byte for byte, as JSON.
fn between(body: &str, before: &str, after: &str) -> Value {
    let inner = body.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    let inner = inner.unwrap_or_else(|| panic!("{body}"));
    serde_json::from_str(inner).unwrap()
}

#[test]
fn slack_gets_a_text() {
    let request = sent("slack", "ok", &[]);
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(body(&request), format!(r#"{{"text": "{LINE}"}}"#));
}

#[test]
fn discord_gets_a_content_that_mentions_nobody_and_says_whether_it_is_kept() {
    let request = sent("discord", "", &[]);
    assert_eq!(request.target, "/alerts?wait=true");
    assert_eq!(request.header("content-type"), "application/json");
    let line = r"[low] ICMP Echo Request [1:1000134:1] 192.168.10.21 -> 198.51.100.1";
    let expected = format!(r#"{{"content": "{line}", "allowed_mentions": {{"parse": []}}}}"#);
    assert_eq!(body(&request), expected);
}

#[test]
fn telegram_gets_a_chat_and_a_text() {
    let request = sent("telegram", r#"{"ok":true}"#, &[("param.chat_id", "-1001234")]);
    assert_eq!(request.header("content-type"), "application/json");
    let expected = format!(
        r#"{{"chat_id": "-1001234", "text": "{LINE}", "link_preview_options": {{"is_disabled": true}}}}"#
    );
    assert_eq!(body(&request), expected);
}

#[test]
fn splunk_gets_an_event_with_its_time() {
    let request = sent("splunk-hec", r#"{"text":"Success","code":0}"#, &[("auth", "splunk:t0ken")]);
    assert_eq!(request.header("authorization"), "Splunk t0ken");
    assert_eq!(request.header("content-type"), "application/json");
    let before =
        r#"{"time": 1750010800.999998, "source": "pigear", "sourcetype": "snort:alert", "event": "#;
    let event = between(body(&request), before, "}\n");
    assert_eq!((&event["sig_id"], &event["msg"]), (&json!(1_000_134), &json!("ICMP Echo Request")));
}

#[test]
fn loki_gets_a_stream_with_nanoseconds_and_a_line() {
    let request = sent("loki", "", &[]);
    assert_eq!(request.header("content-type"), "application/json");
    let before = concat!(
        r#"{"streams":[{"stream": {"job": "pigear", "severity": "low"}, "#,
        r#""values": [["1750010800999998000", "#
    );
    let line = between(body(&request), before, "]]}]}");
    let line: Value = serde_json::from_str(line.as_str().unwrap()).unwrap();
    assert_eq!((&line["sig_id"], &line["msg"]), (&json!(1_000_134), &json!("ICMP Echo Request")));
}

#[test]
fn elasticsearch_gets_an_action_and_a_document() {
    let request = sent("elasticsearch", TAKEN, &[]);
    assert_eq!(request.header("content-type"), "application/x-ndjson");
    let (action, rest) = body(&request).split_once('\n').unwrap();
    let id =
        action.strip_prefix(r#"{"create": {"_id": ""#).and_then(|id| id.strip_suffix(r#""}}"#));
    assert!(id.is_some_and(|id| id.len() == 32), "{action}");
    let document = between(rest, "", "\n");
    assert_eq!(document["@timestamp"], "2025-06-15T18:06:40.999998Z");
    assert_eq!(document["rule"]["name"], "ICMP Echo Request");
}

#[test]
fn elasticsearch_gets_a_time_with_every_format() {
    let request = sent("elasticsearch", TAKEN, &[("format", "json")]);
    let (_, document) = body(&request).split_once('\n').unwrap();
    let before = concat!(
        r#"{"@timestamp": "2025-06-15T18:06:40.999998Z", "#,
        r#""message": "2025-06-15T18:06:40.999998Z [**] [1:1000134:1] ICMP Echo Request [**] "#,
        r#"[Priority: 3] {ICMP} 192.168.10.21 -> 198.51.100.1", "#,
        r#""event": {"kind": "alert"}, "snort": "#
    );
    assert_eq!(between(document, before, "}\n")["sig_id"], 1_000_134);
}

const TAKEN: &str = r#"{"took":1,"errors":false,"items":[]}"#;

/// Sends two alerts in one request.
fn two(preset: &str) -> Request {
    let server = Server::start(|_, _| Reply::ok().body(TAKEN));
    let (url, template) = (server.url(), format!("preset:{preset}"));
    let keys = [("url", &*url), ("template", &template), ("batch", "2"), ("delay", "1m")];
    let pigear = Pigear::start(&keys);
    pigear.send_numbered(1..3);
    pigear.deals_with(2);
    assert_eq!(pigear.end(), (2, 0, 0));
    server.requests().remove(0)
}

#[test]
fn collectors_get_several_alerts_in_a_request() {
    let splunk: Vec<Value> = serde_json::Deserializer::from_slice(&two("splunk-hec").body)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    let numbers = splunk.iter().map(|event| event["event"]["event_id"].as_u64().unwrap());
    assert_eq!(numbers.collect::<Vec<_>>(), [1, 2]);

    let loki = two("loki").json();
    let [one, other] = &loki["streams"].as_array().unwrap()[..] else { panic!("{loki}") };
    let message = |stream: &Value| {
        let line = stream["values"][0][1].as_str().unwrap();
        serde_json::from_str::<Value>(line).unwrap()["msg"].clone()
    };
    assert_eq!((message(one), message(other)), (json!("alert 1"), json!("alert 2")));

    let elasticsearch = bulk(&two("elasticsearch"));
    let [first, one, second, other] = &elasticsearch[..] else { panic!("{elasticsearch:?}") };
    assert_ne!(first["create"]["_id"], second["create"]["_id"]);
    assert_eq!(
        (&one["rule"]["name"], &other["rule"]["name"]),
        (&json!("alert 1"), &json!("alert 2"))
    );
}

/// A preset's message about an alert with this message.
fn said(preset: &str, field: &str, msg: &[u8]) -> String {
    let server = Server::start(|_, _| Reply::ok());
    let (url, template) = (server.url(), format!("preset:{preset}"));
    let keys = [("url", &*url), ("template", &template), ("param.chat_id", "1")];
    let pigear = Pigear::start(&keys);
    pigear.send(datagram(msg, 1));
    let request = server.gets(1).remove(0);
    pigear.end();
    request.json()[field].as_str().unwrap().to_owned()
}

#[test]
fn the_longest_message_is_no_longer_than_people_s_channels_take() {
    // As long as Snort's field, and everything in it becomes more.
    let longest = [b'&'; 255];
    assert!((1276..4_000).contains(&said("slack", "text", &longest).chars().count()));
    assert!((256..4_096).contains(&said("telegram", "text", &longest).chars().count()));
    let longest = [b'*'; 255];
    assert!((511..2_000).contains(&said("discord", "content", &longest).chars().count()));
}

/// What becomes of an alert if this is the first answer, and a good one comes after it: handled, failed
/// and dropped, and how many requests there were.
fn after(preset: &'static str, first: Reply) -> ((u64, u64, u64), usize) {
    let server = Server::start(move |n, _| match (n, preset) {
        (0, _) => first.clone(),
        (_, "loki") => Reply::status(204),
        (_, "elasticsearch") => Reply::ok().body(TAKEN),
        _ => Reply::ok(),
    });
    let (url, template) = (server.url(), format!("preset:{preset}"));
    let keys = [("url", &*url), ("template", &*template), ("param.chat_id", "1")];
    let pigear = Pigear::start(&keys);
    pigear.send_numbered(0..1);
    pigear.deals_with(1);
    server.gets(1);
    let counted = pigear.end();
    (counted, server.requests().len())
}

#[test]
fn what_the_receivers_say_is_understood_as_they_document_it() {
    let busy = |code: u8, text: &str| {
        Reply::status(503).body(format!(r#"{{"text":"{text}","code":{code}}}"#))
    };
    assert_eq!(after("splunk-hec", busy(9, "Server is busy")), ((1, 0, 0), 2));
    let token = Reply::status(403).body(r#"{"text":"Invalid token","code":4}"#);
    assert_eq!(after("splunk-hec", token), ((0, 1, 0), 1));
    assert_eq!(after("loki", Reply::status(204)), ((1, 0, 0), 1));
    // It takes nothing for now, which looks like a success.
    assert_eq!(after("loki", Reply::status(260).body("ingestion blocked")), ((1, 0, 0), 2));
    assert_eq!(after("loki", Reply::status(400).body("entry too far behind")), ((0, 1, 0), 1));
    assert_eq!(after("elasticsearch", Reply::status(429)), ((1, 0, 0), 2));
    // An alert in a message for people is handled once that is taken.
    assert_eq!(after("slack", Reply::status(404).body("channel_not_found")), ((0, 1, 0), 1));
}

#[test]
fn telegram_says_in_its_answer_when_to_come_again() {
    let answer = r#"{"ok":false,"error_code":429,"parameters":{"retry_after":1}}"#;
    let server = Server::start(move |n, _| match n {
        0 => Reply::status(429).body(answer),
        _ => Reply::ok(),
    });
    let (url, begin) = (server.url(), Instant::now());
    let keys = [("url", &*url), ("template", "preset:telegram"), ("param.chat_id", "1")];
    let pigear = Pigear::start(&keys);
    pigear.send_numbered(0..1);
    server.gets(2);
    assert!(begin.elapsed() >= Duration::from_secs(1));
    assert_eq!(pigear.end(), (1, 0, 0));
}

#[test]
fn what_is_no_answer_of_elasticsearch_is_refused_and_not_asked_for_again() {
    for body in ["<html>Log in, please</html>", "", r#"{"acknowledged":true}"#] {
        assert_eq!(after("elasticsearch", Reply::ok().body(body)), ((0, 1, 0), 1), "{body}");
    }
    // An answer that broke off may well have been right.
    assert_eq!(after("elasticsearch", Reply::HalfOfSuccess), ((1, 0, 0), 2));
}

fn bulk(request: &Request) -> Vec<Value> {
    body(request).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
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
