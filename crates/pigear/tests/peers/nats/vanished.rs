//! A stream that is deleted, or lost with its server's directory, while Pigears run.

use std::fs;

use serde_json::Value;

use super::server::{JETSTREAM, Server, generations};
use super::{arrive, central, messages, numbered, send, sensor, stored};
use crate::harness::{Test, program, until};
use crate::running::Running;
use crate::snort::objects;

/// How streams vanish.
#[derive(Clone, Copy, Debug)]
enum How {
    Deleted,
    Wiped,
}

fn delete(server: &Server, stream: &str) {
    let answer = server.client().ask(&format!("$JS.API.STREAM.DELETE.{stream}"), "").unwrap();
    assert!(answer.contains("\"success\":true"), "{answer}");
}

fn vanish(server: &mut Server, how: How) {
    match how {
        How::Deleted => ["PIGEAR", "KV_PIGEAR_SENSORS"].iter().for_each(|one| delete(server, one)),
        How::Wiped => {
            server.kill();
            fs::remove_dir_all(server.dir().join("js")).unwrap();
            server.up();
        }
    }
}

/// What the server knows of a stream.
fn info(server: &Server, stream: &str) -> Value {
    let answer = server.client().ask(&format!("$JS.API.STREAM.INFO.{stream}"), "").unwrap();
    serde_json::from_str(&answer).unwrap()
}

/// What `pigear sensors` prints of the sensors.
fn states(server: &Server) -> Vec<String> {
    let output =
        program().args(["sensors", "--json", "--from", &server.url()]).output().unwrap().stdout;
    let all = objects(&String::from_utf8(output).unwrap());
    all.iter().map(|one| format!("{} {}", one["sensor"], one["state"])).collect()
}

/// When the page of a central Pigear last heard of its sensor.
fn last_heard(central: &mut Running) -> String {
    let page = super::sensors::page_of(central);
    let sensors = super::sensors::api(&page, "/api/v1/sensors");
    sensors["sensors"][0]["last_seen"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_stream_that_vanishes_is_created_again_with_its_settings() {
    for (generation, how) in generations()
        .into_iter()
        .flat_map(|program| [How::Deleted, How::Wiped].map(|how| (program.clone(), how)))
    {
        let mut server = Server::start(&generation, JETSTREAM);
        let keys = ["max_age=1d", "retention=workqueue", "heartbeat=250ms"];
        let mut here = sensor(&server.url(), &keys).start();
        let mut there = central(&server.url()).start();
        send(&mut here, 0..10);
        assert_eq!(arrive(&there, 10), numbered(0..10));
        until("there is a heartbeat", || states(&server) == ["\"dmz\" \"ok\""]);
        vanish(&mut server, how);
        send(&mut here, 10..20);
        here.warns(
            "the stream PIGEAR didn't exist any more, and was created again: of the 10 alerts that were \
             published to it since the start, those that weren't read are gone",
        );
        assert_eq!(arrive(&there, 20), numbered(0..20), "{how:?}");
        there.warns(
            "the stream PIGEAR was created anew; what it had before and was not read here is gone",
        );
        let config = &info(&server, "PIGEAR")["config"];
        assert_eq!(config["max_age"], 86_400_000_000_000_u64, "{config}");
        assert_eq!(config["retention"], "workqueue");
        until("there are heartbeats again", || states(&server) == ["\"dmz\" \"ok\""]);
        assert_eq!(info(&server, "KV_PIGEAR_SENSORS")["config"]["max_msgs_per_subject"], 8);
    }
}

#[test]
fn a_stream_is_created_again_only_where_that_is_asked_for() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let config = r#"{"name":"PIGEAR","subjects":["pigear.>"],"storage":"file"}"#;
        let create = || server.client().ask("$JS.API.STREAM.CREATE.PIGEAR", config).unwrap();
        create();
        let mut here = Test::new()
            .args(["--serve-forever", "--sensor", "dmz", "--store", "sensor.db"])
            .args(["--data-handler", "nats", "timeout=2s", &format!("url={}", server.url())])
            .start();
        let there = central(&server.url()).start();
        send(&mut here, 0..10);
        assert_eq!(arrive(&there, 10), numbered(0..10));
        delete(&server, "PIGEAR");
        send(&mut here, 10..20);
        here.warns("the stream PIGEAR doesn't exist any more; create=yes creates it");
        create();
        assert_eq!(arrive(&there, 20), numbered(0..20));
        assert_eq!(messages(&stored(there.room(), "central.db")), numbered(0..20));
    }
}

/// The numbers of the new bucket begin at 1, where those of the old one were higher.
#[test]
fn a_bucket_of_heartbeats_that_is_created_again_is_watched() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let _here = sensor(&server.url(), &["heartbeat=250ms"]).start();
        let mut there = central(&server.url())
            .args(["--data-handler", "web", "web.listen=127.0.0.1:0"])
            .loud()
            .start();
        let last = || info(&server, "KV_PIGEAR_SENSORS")["state"]["last_seq"].as_u64();
        until("there are heartbeats", || last() > Some(8));
        until("the central one has heard of the sensor", || !last_heard(&mut there).is_empty());
        delete(&server, "KV_PIGEAR_SENSORS");
        until("the bucket is there again", || last().is_some());
        let before = last_heard(&mut there);
        until("the central one hears of the sensor again", || last_heard(&mut there) > before);
    }
}
