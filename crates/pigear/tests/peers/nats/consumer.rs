//! Consumers that someone else made or changed.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::server::{JETSTREAM, Server, generations};
use super::{arrive, central, numbered, send, sensor};
use crate::harness::{program, until};
use crate::peer::output;
use crate::running::Running;

/// Creates or changes the consumer.
fn set(server: &Server, change: &Value) {
    let mut config = json!({
        "durable_name": "pigear", "ack_policy": "explicit", "deliver_policy": "all", "replay_policy": "instant",
        "ack_wait": 30_000_000_000_u64, "max_ack_pending": 16_384, "filter_subject": "pigear.alerts.*.*",
    });
    for (name, value) in change.as_object().unwrap() {
        config[name] = value.clone();
    }
    let request = json!({"stream_name": "PIGEAR", "config": config}).to_string();
    let subject = "$JS.API.CONSUMER.DURABLE.CREATE.PIGEAR.pigear";
    let answer = server.client().ask(subject, &request).unwrap();
    assert!(answer.contains("\"config\""), "{answer}");
}

/// A stream with these alerts.
fn published(server: &Server, keys: &[&str], count: usize) -> Running {
    let mut here = sensor(&server.url(), keys).start();
    send(&mut here, 0..count);
    until("all are published", || {
        let info = server.client().ask("$JS.API.STREAM.INFO.PIGEAR", "");
        info.is_some_and(|info| info.contains(&format!("\"messages\":{count},")))
    });
    here
}

#[test]
fn a_consumer_without_bodies_is_refused_and_loses_no_alert() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let mut here = published(&server, &["retention=workqueue"], 10);
        set(&server, &json!({"headers_only": true}));
        let mut there = central(&server.url()).start();
        there.warns(
            "consumer pigear has headers_only=true, and delivers no alert, only its headers",
        );
        set(&server, &json!({"headers_only": false}));
        assert_eq!(arrive(&there, 10), numbered(0..10));
        // The same while it is read.
        set(&server, &json!({"headers_only": true}));
        send(&mut here, 10..20);
        there.warns("consumer pigear delivers headers only");
        set(&server, &json!({"headers_only": false}));
        assert_eq!(arrive(&there, 20), numbered(0..20));
        let mut query = program();
        let path = there.room().at("central.db");
        query.args(["query", "--dead-letters", "--store"]).arg(path);
        let letters = output(&mut query);
        assert!(!letters.contains("not an alert"), "{letters}");
    }
}

#[test]
fn a_consumer_that_leaves_out_older_alerts_or_gives_them_up_is_said() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let mut here = published(&server, &[], 10);
        set(&server, &json!({"deliver_policy": "new", "max_deliver": 3}));
        let mut there = central(&server.url()).start();
        there.warns("consumer pigear was not created with deliver_policy=all");
        there.warns("consumer pigear has max_deliver=3");
        send(&mut here, 10..20);
        assert_eq!(arrive(&there, 10), numbered(10..20));
    }
}

#[test]
fn a_filter_that_is_changed_while_the_consumer_is_read_is_said() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let mut here = published(&server, &[], 10);
        let mut there = central(&server.url()).start();
        assert_eq!(arrive(&there, 10), numbered(0..10));
        set(&server, &json!({"filter_subject": "pigear.alerts.nobody.*"}));
        send(&mut here, 10..20);
        there.warns("is for pigear.alerts.nobody.*, and not for pigear.alerts.*.*");
        set(&server, &json!({}));
        send(&mut here, 20..30);
        until("reading goes on", || arrive(&there, 20).ends_with(&numbered(20..30)));
    }
}

/// Servers before 2.11 can't pause.
#[test]
fn a_consumer_that_is_paused_is_said() {
    for generation in generations().into_iter().filter(|program| !super::server::is_old(program)) {
        let server = Server::start(&generation, JETSTREAM);
        let mut here = published(&server, &[], 10);
        let mut there = central(&server.url()).start();
        assert_eq!(arrive(&there, 10), numbered(0..10));
        let pause = |until: &str| {
            let request = json!({ "pause_until": until }).to_string();
            server.client().ask("$JS.API.CONSUMER.PAUSE.PIGEAR.pigear", &request).unwrap();
        };
        pause("2099-01-02T03:04:05Z");
        send(&mut here, 10..20);
        there.warns("consumer pigear is paused until 2099-01-02T03:04:05Z");
        let mut other = central(&server.url()).start();
        other.warns("consumer pigear is paused until 2099-01-02T03:04:05Z");
        other.signal_now(Signal::SIGTERM);
        assert_eq!(other.end().1.status, Some(0));
        pause("2001-01-02T03:04:05Z");
        assert_eq!(arrive(&there, 20), numbered(0..20));
    }
}
