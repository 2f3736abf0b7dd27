//! Messages for people: grouped, and not too many.

use std::path::Path;
use std::process::Command;

use pigear::store::Reader;

use crate::harness::{DEADLINE, Pigear, datagram, numbered};
use crate::server::{Reply, Request, Server};

fn server() -> Server {
    Server::start(|_, _| Reply::ok())
}

#[test]
fn alike_alerts_become_one_message_with_a_count() {
    let server = server();
    let pigear = Pigear::start(&[("url", &server.url()), ("group", "500ms")]);
    pigear.send_numbered(0..100);
    let requests = server.gets(1);
    assert_eq!(requests[0].json()["count"], 100);
    assert_eq!(requests[0].json()["event_id"], 0);
    pigear.send_numbered(100..101);
    assert_eq!(server.gets(2)[1].json()["count"], 1);
    assert_eq!(pigear.end(), (101, 0, 0));
}

#[test]
fn a_more_severe_alert_has_a_message_of_its_own_at_once() {
    let server = server();
    let pigear = Pigear::start(&[("url", &server.url()), ("group", "1h")]);
    (0..5).for_each(|_| pigear.send(datagram(b"low", 3)));
    pigear.send(datagram(b"high", 1));
    let requests = server.gets(1);
    assert_eq!(
        (&requests[0].json()["msg"], &requests[0].json()["count"]),
        (&"high".into(), &1.into())
    );
    // The others are told of at the end.
    assert_eq!(pigear.end(), (6, 0, 0));
    let last = server.requests().pop().unwrap().json();
    assert_eq!((&last["msg"], &last["count"]), (&"low".into(), &5.into()));
}

#[test]
fn there_are_only_so_many_messages_a_minute_and_the_worst_go_first() {
    let server = server();
    let pigear = Pigear::start(&[("url", &server.url()), ("per_minute", "2"), ("group", "300ms")]);
    for priority in [4, 3, 1, 2] {
        pigear.send(datagram(b"x", priority));
    }
    let requests = server.gets(2);
    pigear.receives(4);
    // Handled means delivered: what may not be sent before the end is dropped.
    assert_eq!(pigear.end(), (2, 0, 2));
    assert_eq!(server.requests().len(), 2, "the others were not to be sent");
    let worst = requests.iter().filter(|request| request.json()["priority"] == 1).count();
    assert_eq!(worst, 1);
}

#[test]
fn alerts_in_a_message_that_is_refused_have_failed() {
    let server = Server::start(|n, _| Reply::status(if n == 0 { 400 } else { 200 }));
    let pigear = Pigear::start(&[("url", &server.url()), ("group", "100ms")]);
    pigear.send_numbered(0..5);
    server.gets(1);
    pigear.send_numbered(5..10);
    server.gets(2);
    assert_eq!(pigear.end(), (5, 5, 0));
}

/// An alert of a rule of its own.
pub(crate) fn of_rule(signature: u32) -> Vec<u8> {
    let mut message = pigear_alert::AlertMessage::default();
    (message.sig_generator, message.sig_id, message.priority) = (1, signature, 3);
    pigear_alert::wire::encode(&message, pigear_alert::wire::Dialect::Snort27)
}

#[test]
fn however_many_rules_there_are_within_the_window_all_are_told_of() {
    let server = server();
    let keys = [("url", &*server.url()), ("group", "1h")];
    let pigear = Pigear::start_patient(&keys, 10 * DEADLINE);
    (0..2_500).for_each(|signature| pigear.send(of_rule(signature)));
    pigear.receives(2_500);
    assert_eq!(pigear.end(), (2_500, 0, 0));
    assert_eq!(server.requests().len(), 2_500);
}

/// Stores a recording, sends it to a server with these keys, and returns what was logged.
fn from_store(store: &Path, recording: &str, keys: &[&str]) -> String {
    let store = store.to_str().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pigear-alert/tests/data");
    let output = Command::new(env!("CARGO_BIN_EXE_pigear"))
        .args(["--store", store, "--data-handler", "http", "--socket-handler", "play", "--from"])
        .arg(data.join(recording).join("alerts.dgrams.gz"))
        .args(keys)
        .arg("--quiet")
        .output()
        .unwrap();
    let logged = String::from_utf8(output.stderr).unwrap();
    let delivered = !logged.contains("error: ");
    assert_eq!(output.status.code(), Some(i32::from(!delivered)), "{logged}");
    logged
}

#[test]
fn alerts_that_nobody_was_told_of_stay_in_the_store_for_the_next_run() {
    let (dir, server) = (tempfile::tempdir().unwrap(), server());
    let store = dir.path().join("alerts.db");
    let url = format!("url={}", server.url());
    // One message a minute: the second group has to wait.
    let keys = [&*url, "per_minute=1", "group=1h"];
    from_store(&store, "v2919/http", &keys);
    let told = |requests: &[Request]| -> u64 {
        requests.iter().map(|request| request.json()["count"].as_u64().unwrap()).sum()
    };
    let first = told(&server.requests());
    assert!(first > 0 && first < 6, "{first}");
    from_store(&store, "v2919/ssh", &[&*url, "group=1h"]);
    let all = told(&server.requests());
    assert!(all > 6, "{all}");
    let lanes = Reader::open(&store).unwrap().lanes().unwrap();
    assert_eq!((lanes.len(), &*lanes[0].name, lanes[0].lag), (1, "http", 0));
}

#[test]
fn a_restart_sends_nothing_twice_and_no_more_than_the_minute_allows() {
    let (dir, server) = (tempfile::tempdir().unwrap(), server());
    let store = dir.path().join("alerts.db");
    let url = format!("url={}", server.url());
    from_store(&store, "v2919/portscan", &[&*url, "per_minute=2"]);
    assert_eq!(server.requests().len(), 2);
    from_store(&store, "v2919/ssh", &[&*url, "per_minute=2"]);
    assert_eq!(server.requests().len(), 2, "the minute is not over");
    from_store(&store, "v2919/icmp_ping", &[&*url, "per_minute=1000"]);
    let requests = server.requests();
    let keys: std::collections::BTreeSet<_> =
        requests.iter().map(|request| request.header("idempotency-key").to_owned()).collect();
    assert_eq!(keys.len(), requests.len(), "a request came twice");
    let counts = requests.iter().map(|request| request.json()["count"].as_u64().unwrap());
    let reader = Reader::open(&store).unwrap();
    assert_eq!(counts.sum::<u64>(), u64::try_from(reader.last().unwrap()).unwrap());
    let lane = reader.lanes().unwrap().remove(0);
    assert_eq!((lane.lag, lane.account.handled, lane.dead_letters), (0, lane.account.sum(), 0));
}

#[test]
fn a_message_that_is_refused_is_a_dead_letter_that_says_how_many_it_is_about() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("alerts.db");
    let server = Server::start(|_, _| Reply::status(404));
    let logged =
        from_store(&store, "v2919/icmp_ping", &[&format!("url={}", server.url()), "group=1h"]);
    let letters = Reader::open(&store).unwrap().dead_letters(Some("http"), 100).unwrap();
    assert_eq!(letters.len(), server.requests().len());
    let about = |count| format!("http://{}: 404 Not Found (about {count} alerts)", server.address);
    let reasons: Vec<_> = letters.into_iter().map(|letter| letter.reason).collect();
    assert!(reasons.contains(&about(8)), "{reasons:?}");
    assert!(logged.contains("error: handler http: http://"), "{logged}");
}

#[test]
fn a_template_says_how_many() {
    let server = server();
    let keys = [("url", &*server.url()), ("group", "400ms"), ("template", "preset:slack")];
    let pigear = Pigear::start(&keys);
    (0..3).for_each(|n| pigear.send(numbered(n)));
    let text = server.gets(1)[0].json()["text"].clone();
    assert_eq!(text, "[low] alert 0 [1:384:8] (3 times)");
    assert_eq!(pigear.end(), (3, 0, 0));
}
