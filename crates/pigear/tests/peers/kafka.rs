//! Kafka, as librdkafka's mock cluster plays it: what a sensor publishes, and a central Pigear reads.

mod access;
mod brokers;
mod cluster;
mod source;

use std::collections::HashSet;
use std::io::Read;
use std::net::TcpListener;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Test, program, until};
use crate::peer::{all_recordings, ends_in_time, output, saying};
use crate::ports::free_address;
use crate::room::Room;
use crate::running::Running;
use crate::snort::objects;
use cluster::{Cluster, Message, PRODUCE};

// Errors of brokers, by their numbers in the protocol.
const NOT_LEADER: i32 = 6;
const TOO_LARGE: i32 = 10;
const NOT_ENOUGH_REPLICAS: i32 = 19;
const NOT_AUTHORIZED: i32 = 29;
const INVALID_RECORD: i32 = 87;

/// A sensor that listens on a socket, and publishes JSON from its store.
fn sensor(url: &str, keys: &[&str]) -> Test {
    sensor_with(url, "sensor.db", keys)
}

fn sensor_with(url: &str, store: &str, keys: &[&str]) -> Test {
    let url = format!("url={url}");
    let args = ["--serve-forever", "--sensor", "dmz", "--stats", "stats.json", "--store", store];
    let handler = ["--data-handler", "kafka", "format=json", "timeout=2s", &url];
    Test::new().args(args).args(handler).args(keys)
}

fn numbered(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|n| format!("alert {n}")).collect()
}

fn send(sensor: &mut Running, numbers: std::ops::Range<usize>) {
    for message in numbered(numbers) {
        sensor.send(&saying(message.as_bytes()));
    }
}

/// The alerts that a consumer has which drops those whose id it has seen: their messages, in order.
fn distinct(messages: &[Message]) -> Vec<String> {
    let mut seen = HashSet::new();
    let new = messages.iter().filter(|message| seen.insert(&message.id));
    new.map(|message| objects(message.text())[0]["msg"].as_str().unwrap().to_owned()).collect()
}

/// The messages of a store's alerts, oldest first; none, if there is no store yet.
fn stored(room: &Room, store: &str) -> Vec<String> {
    let mut query = program();
    query.args(["query", "--format", "json", "--limit", "100000", "--store"]).arg(room.at(store));
    let output = query.output().unwrap();
    let alerts = objects(&String::from_utf8(output.stdout).unwrap());
    alerts.iter().rev().map(|alert| alert["msg"].as_str().unwrap().to_owned()).collect()
}

/// Waits until the topic has this many alerts.
fn arrive(cluster: &Cluster, count: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    until(&format!("{count} alerts are in the topic"), || {
        messages = cluster.messages();
        distinct(&messages).len() >= count
    });
    messages
}

/// What `--stats` of the handler counts.
fn counted(room: &Room, name: &str) -> u64 {
    let stats: Value = serde_json::from_str(&room.read("stats.json")).unwrap();
    stats["handlers"]["kafka"][name].as_u64().unwrap()
}

#[test]
fn every_recorded_alert_is_in_the_topic_with_each_compression() {
    let Some(cluster) = Cluster::start(4) else { return };
    let mut published = 0;
    for compression in ["zstd", "lz4", "snappy", "gzip", "none"] {
        let url = cluster.url();
        let config = format!(
            "{}[[handler]]\ntype = \"kafka\"\nurl = \"{url}\"\nformat = \"json\"\nbatch_bytes = 20000\n\
             compression = \"{compression}\"\n[[handler]]\ntype = \"file\"\npath = \"sent\"\nformat = \"json\"\n",
            all_recordings(),
        );
        let room = Test::bare().file("c.toml", config).args(["--config", "c.toml"]).start().end().0;
        let sorted = |mut lines: Vec<String>| {
            lines.sort();
            lines
        };
        let sent = sorted(room.read("sent").lines().map(str::to_owned).collect());
        assert!(sent.len() > 500, "{}", sent.len());
        let all = cluster.messages();
        let ids: HashSet<_> = all.iter().map(|message| &*message.id).collect();
        let got: Vec<_> = all.iter().map(|message| message.text().to_owned()).collect();
        published += sent.len();
        assert_eq!((got.len(), ids.len()), (published, published));
        let expected: HashSet<_> = sent.iter().collect();
        let of_now = got.into_iter().filter(|line| expected.contains(line)).collect();
        assert_eq!(sorted(of_now), sent, "{compression}");
    }
}

#[test]
fn alerts_of_a_sensor_are_in_one_partition_that_its_name_chooses() {
    let Some(cluster) = Cluster::start(4) else { return };
    for name in ["dmz", "web.1", "db", "dmz"] {
        let url = format!("url={}", cluster.url());
        let args = ["--count", "1", "--sensor", name, "--data-handler", "kafka", "format=ecs"];
        Test::new().args(args).args([&*url]).send(saying(b"alert")).success();
    }
    let mut found: Vec<_> =
        cluster.messages().into_iter().map(|message| (message.key, message.partition)).collect();
    found.sort();
    let expected = ["db", "dmz", "dmz", "web.1"];
    assert_eq!(found, expected.map(|name| (name.to_owned(), cluster.partition_of(name))));
}

#[test]
fn no_alert_is_lost_though_leaders_and_pigears_are_killed() {
    let Some(mut cluster) = Cluster::start(2) else { return };
    let mut here = sensor(&cluster.url(), &[]).start();
    cluster.lead(1);
    send(&mut here, 0..50);
    assert_eq!(distinct(&arrive(&cluster, 50)), numbered(0..50));
    cluster.down(1);
    send(&mut here, 50..100);
    here.warns("trying again");
    until("all are stored", || stored(here.room(), "sensor.db").len() == 100);
    here.signal(Signal::SIGKILL);
    let store = here.end().0;
    cluster.lead(2);
    let path = store.at("sensor.db").to_str().unwrap().to_owned();
    let mut here = sensor_with(&cluster.url(), &path, &[]).start();
    send(&mut here, 100..150);
    assert_eq!(distinct(&arrive(&cluster, 150)), numbered(0..150));
    cluster.up(1);
    cluster.lead(1);
    send(&mut here, 150..200);
    let messages = arrive(&cluster, 200);
    assert_eq!(distinct(&messages), numbered(0..200));
    // What may have come before says so.
    let ids: Vec<_> = messages.iter().map(|message| &message.id).collect();
    for (index, message) in messages.iter().enumerate() {
        assert!(!ids[..index].contains(&&message.id) || message.retry == "1", "{message:?}");
    }
    let (room, ended) = ends_in_time(here);
    assert_eq!((counted(&room, "failed"), counted(&room, "handled")), (0, 150), "{}", ended.stderr);
}

/// Brokers close connections that nobody uses, and move leaders.
#[test]
fn a_connection_that_is_lost_once_is_no_reason_to_warn() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let mut here = sensor(&cluster.url(), &[]).start();
    cluster.lead(1);
    send(&mut here, 0..1);
    arrive(&cluster, 1);
    cluster.down(1);
    cluster.up(1);
    send(&mut here, 1..2);
    arrive(&cluster, 2);
    cluster.lead(2);
    send(&mut here, 2..3);
    arrive(&cluster, 3);
    cluster.fail(PRODUCE, NOT_LEADER, 1);
    send(&mut here, 3..4);
    assert_eq!(distinct(&arrive(&cluster, 4)), numbered(0..4));
    let (_, ended) = ends_in_time(here);
    assert!(!ended.stderr.contains("trying again"), "{}", ended.stderr);
}

#[test]
fn what_a_broker_does_not_accept_now_is_tried_again() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let mut here = sensor(&cluster.url(), &[]).start();
    send(&mut here, 0..1);
    arrive(&cluster, 1);
    for (number, (error, said)) in [
        (
            NOT_ENOUGH_REPLICAS,
            "fewer brokers have the partition than it demands (min.insync.replicas)",
        ),
        (NOT_AUTHORIZED, "the user may not do this"),
    ]
    .into_iter()
    .enumerate()
    {
        cluster.fail(PRODUCE, error, 2);
        send(&mut here, number + 1..number + 2);
        here.warns(said);
        assert_eq!(distinct(&arrive(&cluster, number + 2)), numbered(0..number + 2));
    }
    let (room, _) = ends_in_time(here);
    assert_eq!((counted(&room, "handled"), counted(&room, "failed")), (3, 0));
}

#[test]
fn an_acknowledgement_that_does_not_come_is_not_waited_for() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let mut here = sensor(&cluster.url(), &[]).start();
    send(&mut here, 0..1);
    arrive(&cluster, 1);
    cluster.delay(5_000);
    send(&mut here, 1..2);
    here.warns("the broker doesn't acknowledge; trying again");
    cluster.delay(0);
    let messages = arrive(&cluster, 2);
    assert_eq!(distinct(&messages), numbered(0..2));
    // The broker had the alert: what comes again says so.
    let again = messages.iter().filter(|message| message.id == messages[1].id).skip(1);
    assert!(again.clone().count() <= 1 && again.clone().all(|message| message.retry == "1"));
    ends_in_time(here);
}

#[test]
fn a_batch_that_is_refused_is_published_in_parts_and_one_alert_becomes_a_dead_letter() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let reasons =
        [(TOO_LARGE, "longer than the broker accepts"), (INVALID_RECORD, "the broker refuses it")];
    for (round, (error, reason)) in reasons.into_iter().enumerate() {
        // Of two alerts that wait together, the batch is refused, and then the first of them.
        let test = sensor(&cluster.url(), &["from=start"]);
        let mut stored = Test::new();
        let args = ["--count", "2", "--data-handler", "null", "--store"];
        stored = stored.args(args).args([test.room().at("sensor.db")]);
        stored
            .send(saying(b"alert 0"))
            .send(saying(format!("alert {}", round + 1).as_bytes()))
            .success();
        cluster.fail(PRODUCE, error, 2);
        let here = test.start();
        arrive(&cluster, round + 1);
        let (room, ended) = ends_in_time(here);
        let said = (counted(&room, "handled"), counted(&room, "failed"));
        assert_eq!(said, (1, 1), "{}", ended.stderr);
        let mut query = program();
        query.args(["query", "--dead-letters", "--lane", "kafka", "--store"]);
        let letters = output(query.arg(room.at("sensor.db")));
        assert!(letters.contains(reason) && letters.contains("alert 0"), "{letters}");
    }
    assert_eq!(distinct(&cluster.messages()), numbered(1..3));
}

#[test]
fn what_is_wrong_with_the_broker_is_said_without_secrets() {
    let said = |url: &str, keys: &[&str], text: &str| {
        let url = format!("url={url}");
        let test = Test::new().args(["--data-handler", "kafka", "timeout=500ms", &url]).args(keys);
        let mut running = test.start();
        running.warns(text);
        running.listens();
        let (_, ended) = ends_in_time(running);
        assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("rskafka"), "{}", ended.stderr);
    };
    let free = free_address();
    said(&format!("kafka://{free}"), &[], "Connection refused");
    if let Some(cluster) = Cluster::start(0) {
        said(
            &cluster.url(),
            &[],
            "there is no topic pigear.alerts, or the user may not see it; create=yes creates it",
        );
        let user = ["user=me", "password=s3cret"];
        said(&cluster.url(), &user, "the broker has no users on this port");
        let plain = ["user=me", "password=s3cret", "mechanism=plain"];
        said(&cluster.url(), &plain, "shows the password on the network; use tls=yes");
        said(&cluster.url(), &["tls=yes"], "cannot connect: ");
    }
}

/// One that accepts connections and never answers, and one that speaks another protocol.
#[test]
fn a_broker_that_does_not_answer_is_noticed_and_holds_nobody_up() {
    for answer in [&b""[..], b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("url=kafka://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let mut socket = socket.unwrap();
                std::thread::spawn(move || {
                    let _ = std::io::Write::write_all(&mut socket, answer);
                    let _ = socket.read_to_end(&mut Vec::new());
                });
            }
        });
        let args = ["--serve-forever", "--data-handler", "kafka", "timeout=500ms", &url];
        let mut running = Test::new().args(args).start();
        running.send(&saying(b"alert"));
        running.warns("trying again in");
        ends_in_time(running);
    }
}
