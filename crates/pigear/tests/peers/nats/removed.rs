//! Alerts that the stream removes before the central Pigear has read them.

use nix::sys::signal::Signal;
use serde_json::Value;

use super::server::{JETSTREAM, Server, generations};
use super::{arrive, central_with, counted, messages, numbered, send, sensor, stored};
use crate::harness::until;
use crate::room::Room;
use crate::running::Running;

const REMOVED: &str = "removed from the stream before";

/// A central Pigear with this store, or one of its own, that writes its counters.
fn central(server: &Server, room: Option<&Room>) -> Running {
    let store = room.map_or_else(|| "central.db".into(), |room| room.at("central.db"));
    central_with(&server.url(), store.to_str().unwrap()).args(["--stats", "central.json"]).start()
}

/// Ends a central Pigear, and returns what it missed, and what it said.
fn end(central: Running) -> (Room, u64, String) {
    central.signal_now(Signal::SIGTERM);
    let (room, ended) = central.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let stats: Value = serde_json::from_str(&room.read("central.json")).unwrap();
    (room, stats["missed"].as_u64().unwrap(), ended.stderr)
}

fn consumer(server: &Server) -> Value {
    let answer = server.client().ask("$JS.API.CONSUMER.INFO.PIGEAR.pigear", "").unwrap();
    serde_json::from_str(&answer).unwrap()
}

fn published(sensor: &Running, count: u64) {
    until("all are published", || counted(sensor.room(), "handled") == count);
}

/// A central Pigear that has read the first five alerts of a sensor.
fn five_read(server: &Server, sensor: &mut Running) -> Running {
    send(sensor, 0..5);
    let central = central(server, None);
    assert_eq!(arrive(&central, 5), numbered(0..5));
    central
}

#[test]
fn what_a_full_stream_removed_while_nobody_read_is_missed() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let mut here = sensor(&server.url(), &["max_size=8KiB", "compression=none"]).start();
        let there = five_read(&server, &mut here);
        let (first, missed, said) = end(there);
        assert!(missed == 0 && !said.contains(REMOVED), "{said}");
        send(&mut here, 5..300);
        published(&here, 300);
        let mut there = central(&server, Some(&first));
        there.warns(REMOVED);
        until("the last is stored", || {
            messages(&stored(&first, "central.db")).last().is_some_and(|last| last == "alert 299")
        });
        let (_, missed, said) = end(there);
        let count = stored(&first, "central.db").len() as u64;
        assert_eq!(count + missed, 300, "{said}");
        let text = format!("{missed} alerts were removed from the stream before they were read");
        assert!(said.contains(&text) && !said.contains("up to"), "{said}");
    }
}

#[test]
fn what_was_purged_while_it_was_to_be_read_is_missed() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let mut here = sensor(&server.url(), &[]).start();
        let mut there = five_read(&server, &mut here);
        there.signal_now(Signal::SIGSTOP);
        until("its request has ended", || consumer(&server)["num_waiting"] == 0);
        send(&mut here, 5..50);
        published(&here, 50);
        server.client().ask("$JS.API.STREAM.PURGE.PIGEAR", "").unwrap();
        there.signal_now(Signal::SIGCONT);
        send(&mut here, 50..55);
        arrive(&there, 10);
        there.warns("45 alerts were removed from the stream before they were read");
        assert_eq!(end(there).1, 45);
    }
}

/// The server sets a consumer behind what was purged.
#[test]
fn what_was_purged_while_nobody_read_is_missed() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let mut here = sensor(&server.url(), &[]).start();
        let there = five_read(&server, &mut here);
        let (first, missed, _) = end(there);
        assert_eq!(missed, 0);
        send(&mut here, 5..50);
        published(&here, 50);
        server.client().ask("$JS.API.STREAM.PURGE.PIGEAR", "").unwrap();
        send(&mut here, 50..55);
        let mut there = central(&server, Some(&first));
        there.warns("45 alerts were removed from the stream before they were read");
        until("all are stored", || stored(&first, "central.db").len() == 10);
        assert_eq!(end(there).1, 45);
    }
}

#[test]
fn what_a_selection_missed_is_known_as_an_upper_bound() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let mut here = sensor(&server.url(), &["max_size=8KiB", "compression=none"]).start();
        send(&mut here, 0..5);
        let from = format!("{}?sensor=dmz,other", server.url());
        let central =
            |store: &str| central_with(&from, store).args(["--stats", "central.json"]).start();
        let there = central("central.db");
        assert_eq!(arrive(&there, 5), numbered(0..5));
        let (first, ..) = end(there);
        send(&mut here, 5..300);
        published(&here, 300);
        let mut there = central(first.at("central.db").to_str().unwrap());
        there.warns("up to ");
        there.warns(REMOVED);
    }
}

#[test]
fn what_was_acknowledged_or_belongs_to_another_stream_is_not_missed() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let mut here = sensor(&server.url(), &["retention=workqueue"]).start();
        send(&mut here, 0..20);
        let there = central(&server, None);
        assert_eq!(arrive(&there, 20), numbered(0..20));
        let (first, missed, said) = end(there);
        assert!(missed == 0 && !said.contains(REMOVED), "{said}");
        send(&mut here, 20..30);
        published(&here, 30);
        let there = central(&server, Some(&first));
        let all_of = |count: usize| {
            until("all are stored", || stored(&first, "central.db").len() >= count);
        };
        all_of(30);
        until("all is acknowledged", || consumer(&server)["num_ack_pending"] == 0);
        server.client().ask("$JS.API.CONSUMER.DELETE.PIGEAR.pigear", "").unwrap();
        send(&mut here, 30..40);
        all_of(40);
        server.client().ask("$JS.API.STREAM.DELETE.PIGEAR", "").unwrap();
        send(&mut here, 40..50);
        all_of(50);
        let (_, missed, said) = end(there);
        assert!(missed == 0 && !said.contains(REMOVED), "{said}");
        assert_eq!(messages(&stored(&first, "central.db")), numbered(0..50));
    }
}
