//! Batches that a receiver refuses: whether that is an alert's fault, or the request's.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use pigear::store::Reader;
use serde_json::Value;

use crate::harness::Pigear;
use crate::program::run;
use crate::server::{Reply, Request, Server};

/// Sends this many alerts in one batch: how many were handled, failed and dropped.
fn send(server: &Server, alerts: u32, keys: &[(&str, &str)]) -> (u64, u64, u64) {
    let (url, batch) = (server.url(), alerts.to_string());
    let all = [("url", &*url), ("batch", &*batch), ("delay", "1m")];
    let pigear = Pigear::start(&[&all, keys].concat());
    pigear.send_numbered(0..alerts);
    pigear.deals_with(alerts.into());
    pigear.end()
}

const NDJSON: (&str, &str) = ("encoding", "ndjson");
const DELAY: (&str, &str) = ("delay", "10ms");

/// The alerts of all requests that a receiver takes, as they came.
fn taken(server: &Server, takes: impl Fn(&Request) -> bool) -> Vec<u64> {
    server.requests().iter().filter(|request| takes(request)).flat_map(Request::numbers).collect()
}

#[test]
fn one_bad_alert_is_refused_alone_and_the_others_arrive_in_order() {
    for (status, bad) in [(400, 37), (413, 0), (422, 99)] {
        let takes = move |request: &Request| !request.numbers().contains(&bad);
        let server =
            Server::start(
                move |_, request| {
                    if takes(request) { Reply::ok() } else { Reply::status(status) }
                },
            );
        assert_eq!(send(&server, 100, &[NDJSON]), (99, 1, 0), "{status}");
        let others: Vec<_> = (0..100).filter(|&n| n != bad).collect();
        assert_eq!(taken(&server, takes), others, "{status}");
        let requests = server.requests();
        assert!(requests.len() <= 15, "{status}: {} requests", requests.len());
        let keys: BTreeSet<_> = requests.iter().map(Request::key).collect();
        assert_eq!(keys.len(), requests.len(), "no two requests have the same key");
    }
}

#[test]
fn several_bad_alerts_are_refused_and_no_others() {
    let bad = [0, 1, 2, 3, 4, 5, 6, 7, 8, 50, 99];
    let takes = move |request: &Request| request.numbers().iter().all(|n| !bad.contains(n));
    let server = Server::start(
        move |_, request| {
            if takes(request) { Reply::ok() } else { Reply::status(400) }
        },
    );
    assert_eq!(send(&server, 100, &[NDJSON]), (89, 11, 0));
    let mut arrived = taken(&server, takes);
    arrived.sort_unstable();
    assert_eq!(arrived, (0..100).filter(|n| !bad.contains(n)).collect::<Vec<_>>());
}

#[test]
fn batches_that_are_under_way_together_are_halved_each_for_itself() {
    let is_bad = |n: &u64| n % 60 == 7;
    let takes = move |request: &Request| !request.numbers().iter().any(is_bad);
    let server = Server::start(
        move |_, request| {
            if takes(request) { Reply::ok() } else { Reply::status(422) }
        },
    );
    assert_eq!(
        send(&server, 240, &[NDJSON, ("batch", "30"), ("in_flight", "4"), DELAY]),
        (236, 4, 0)
    );
    let mut arrived = taken(&server, takes);
    arrived.sort_unstable();
    assert_eq!(arrived, (0..240).filter(|n| !is_bad(n)).collect::<Vec<_>>());
}

#[test]
fn a_bad_alert_is_the_only_dead_letter_of_its_batch_and_the_only_one_to_come_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("alerts.db");
    let store = store.to_str().unwrap();
    let repaired = Arc::new(AtomicBool::new(false));
    let server = Server::start({
        let repaired = Arc::clone(&repaired);
        move |_, request| {
            let is_bad = String::from_utf8_lossy(&request.body).contains("\"event_id\":5,");
            let refuses = is_bad && !repaired.load(Ordering::SeqCst);
            if refuses { Reply::status(400).body("bad alert") } else { Reply::ok() }
        }
    });
    let url = format!("url={}", server.url());
    let keys = ["--data-handler", "http", &url, "encoding=ndjson", "batch=27", "delay=1m"];
    let all = [&["--serve-forever", "--count", "27", "--store", store], &keys[..]].concat();
    let (stderr, status) = run(&all);
    assert!(stderr.ends_with("error: not delivered: 1 alert of handler http\n"), "{stderr}");
    assert_eq!(status, Some(1), "{stderr}");
    let letters = || Reader::open(Path::new(store)).unwrap().dead_letters(None, 100).unwrap();
    let reasons: Vec<_> = letters().into_iter().map(|letter| letter.reason).collect();
    assert_eq!(reasons, [format!("http://{}: 400 Bad Request: bad alert", server.address)]);
    repaired.store(true, Ordering::SeqCst);
    let before = server.requests().len();
    let redelivered = Command::new(env!("CARGO_BIN_EXE_pigear"))
        .args(["redeliver", "--store", store])
        .status()
        .unwrap();
    assert!(redelivered.success());
    let (stderr, status) = run(&all);
    assert_eq!(status, Some(0), "{stderr}");
    let again: Vec<_> = server.requests()[before..].iter().flat_map(Request::numbers).collect();
    assert_eq!(again.iter().filter(|&&n| n == 5).count(), 2, "{again:?}");
    assert!(letters().is_empty());
    // A receiver that remembers its answers would refuse it again.
    let keys = |requests: &[Request]| {
        let alone = requests.iter().filter(|request| request.numbers() == [5]);
        alone.map(|request| request.header("idempotency-key").to_owned()).collect::<Vec<_>>()
    };
    let (refused, sent): (Vec<_>, Vec<_>) =
        (keys(&server.requests()[..before]), keys(&server.requests()[before..]));
    assert!(!refused.is_empty() && sent.len() == 1, "{refused:?} {sent:?}");
    assert!(!refused.contains(&sent[0]), "{refused:?} {sent:?}");
}

#[test]
fn a_request_that_is_refused_as_such_is_not_halved() {
    for status in [401, 403, 404, 405, 410, 415, 302] {
        let server = Server::start(move |_, _| Reply::status(status));
        assert_eq!(send(&server, 100, &[NDJSON]), (0, 100, 0), "{status}");
        assert_eq!(server.requests().len(), 1, "{status}");
    }
}

#[test]
fn a_token_that_expires_while_a_batch_is_halved_refuses_the_rest() {
    let server = Server::start(|n, request| match (n, request.numbers().contains(&9)) {
        (0..3, true) => Reply::status(400),
        (0..3, false) => Reply::ok(),
        _ => Reply::status(401),
    });
    // 0 to 9, 0 to 4, 5 to 9: the first half was taken.
    assert_eq!(send(&server, 10, &[NDJSON]), (5, 5, 0));
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn a_receiver_that_refuses_everything_is_not_asked_for_each_alert() {
    for status in [400, 413, 422] {
        let server = Server::start(move |_, _| Reply::status(status));
        assert_eq!(send(&server, 500, &[NDJSON]), (0, 500, 0), "{status}");
        assert!(server.requests().len() <= 21, "{} requests", server.requests().len());
    }
}

#[test]
fn a_part_of_a_batch_is_tried_again_with_its_own_key() {
    let server = Server::start(|n, request| match n {
        1 => Reply::status(503),
        _ if request.numbers().contains(&3) => Reply::status(400),
        _ => Reply::ok(),
    });
    assert_eq!(send(&server, 4, &[NDJSON]), (3, 1, 0));
    let requests = server.requests();
    let numbers: Vec<_> = requests.iter().map(Request::numbers).collect();
    assert_eq!(numbers, [vec![0, 1, 2, 3], vec![0, 1], vec![0, 1], vec![2, 3], vec![2], vec![3]]);
    assert_eq!(requests[1].key(), requests[2].key());
    assert_ne!(requests[0].key(), requests[1].key());
}

#[test]
fn a_batch_that_is_too_large_teaches_how_large_the_next_may_be() {
    const LIMIT: usize = 20_000;
    let too_large = |request: &Request| request.body.len() > LIMIT;
    let server = Server::start(
        move |_, request| {
            if too_large(request) { Reply::status(413) } else { Reply::ok() }
        },
    );
    let keys = [("url", &*server.url()), NDJSON, ("batch", "1000"), ("delay", "1m")];
    let pigear = Pigear::start(&keys);
    pigear.send_numbered(0..1000);
    pigear.deals_with(1000);
    let first = server.requests().iter().filter(|request| too_large(request)).count();
    assert!(first > 0, "a batch is larger than that");
    pigear.send_numbered(1000..2000);
    pigear.deals_with(2000);
    assert_eq!(pigear.end(), (2000, 0, 0));
    let requests = server.requests();
    let all = requests.iter().filter(|request| too_large(request)).count();
    assert!(all <= first + 1, "{first} were too large, and then {}", all - first);
    let size = |request: &Request| request.body.len();
    let average = LIMIT / 4;
    let taken: Vec<_> = requests.iter().filter(|request| !too_large(request)).collect();
    assert!(taken.iter().map(|request| size(request)).sum::<usize>() > average * taken.len());
    let numbers: Vec<_> = taken.iter().flat_map(|request| request.numbers()).collect();
    assert_eq!(numbers, (0..2000).collect::<Vec<_>>());
}

#[test]
fn a_single_alert_that_is_too_large_is_refused_alone() {
    let server = Server::start(|_, request| {
        Reply::status(if request.numbers().contains(&7) { 413 } else { 200 })
    });
    assert_eq!(send(&server, 20, &[NDJSON, ("batch_bytes", "1")]), (19, 1, 0));
    assert_eq!(server.requests().len(), 20);
}

/// The number of an event as Splunk gets it, and of an entry as Loki does.
fn number(alert: &Value) -> u64 {
    alert["event_id"].as_u64().unwrap()
}

fn splunk_events(request: &Request) -> Vec<u64> {
    let events = serde_json::Deserializer::from_slice(&request.body).into_iter::<Value>();
    events.map(|event| number(&event.unwrap()["event"])).collect()
}

/// A collector that finds this event invalid, and keeps those before it or not.
fn collector(bad: u64, keeps_before: bool) -> (Server, Arc<Mutex<Vec<u64>>>) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let server = Server::start({
        let kept = Arc::clone(&kept);
        move |_, request| {
            let events = splunk_events(request);
            let invalid = events.iter().position(|&event| event == bad);
            if invalid.is_none() || keeps_before {
                kept.lock().unwrap().extend(&events[..invalid.unwrap_or(events.len())]);
            }
            match invalid {
                None => Reply::ok().body(r#"{"text":"Success","code":0}"#),
                Some(n) => Reply::status(400).body(format!(
                    r#"{{"text":"Invalid data format","code":6,"invalid-event-number":{n}}}"#
                )),
            }
        }
    });
    (server, kept)
}

#[test]
fn splunk_says_which_event_is_invalid_and_gets_all_others() {
    for keeps_before in [true, false] {
        let (server, kept) = collector(70, keeps_before);
        assert_eq!(send(&server, 100, &[("template", "preset:splunk-hec")]), (99, 1, 0));
        assert_eq!(server.requests().len(), 4);
        let kept: BTreeSet<_> = kept.lock().unwrap().iter().copied().collect();
        assert_eq!(kept, (0..100).filter(|&n| n != 70).collect());
    }
}

#[test]
fn loki_keeps_what_it_takes_of_a_batch_and_only_the_rest_fails() {
    // Loki stores the entries that it takes, and says 400 if it ignored any: of which stream it says
    // so is chance. An entry that it has already is no second one.
    let kept = Arc::new(Mutex::new(BTreeSet::new()));
    let old = [10, 11, 64];
    let server = Server::start({
        let kept = Arc::clone(&kept);
        move |_, request| {
            let body = request.json();
            let streams = body["streams"].as_array().unwrap();
            let entries = streams.iter().map(|stream| stream["values"][0][1].as_str().unwrap());
            let entries = entries.map(|line| number(&serde_json::from_str(line).unwrap()));
            let (ignored, taken): (Vec<_>, Vec<_>) = entries.partition(|n| old.contains(n));
            kept.lock().unwrap().extend(taken);
            match ignored.last() {
                None => Reply::status(204),
                Some(_) => Reply::status(400).body(
                    "entry with timestamp 2025-06-15 18:06:40 +0000 UTC ignored, reason: 'entry \
                     too far behind',\nuser 'fake', total ignored: 1 out of 1 for stream: {job=\
                     \"pigear\"}",
                ),
            }
        }
    });
    assert_eq!(send(&server, 100, &[("template", "preset:loki")]), (97, 3, 0));
    assert_eq!(*kept.lock().unwrap(), (0..100).filter(|n| !old.contains(n)).collect());
}
