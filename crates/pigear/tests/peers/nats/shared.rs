//! Several central Pigears, each with a store of its own, that share a consumer.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::server::{Client, JETSTREAM, Server, generations};
use super::{
    arrive, at_microsecond, central, central_with, messages, numbered, send, sensor, stored,
};
use crate::harness::until;
use crate::room::Room;
use crate::running::Running;

const CONSUMER: &str = "$JS.API.CONSUMER.INFO.PIGEAR.pigear";

/// When a consumer's alerts go to another reader.
const SHORT_WAIT: Duration = Duration::from_secs(2);

/// The same where none may: longer than a condition is waited for.
const LONG_WAIT: Duration = Duration::from_secs(60);

/// More than one is sent before it stores the first.
const MANY: usize = 300;

/// A consumer whose alerts go to another reader after this time.
fn create_consumer(client: &mut Client, ack_wait: Duration) {
    until("the stream is there", || {
        let info = client.ask("$JS.API.STREAM.INFO.PIGEAR", "");
        info.is_some_and(|info| info.contains("\"config\""))
    });
    let config = format!(
        r#"{{"stream_name": "PIGEAR", "config": {{"durable_name": "pigear", "ack_policy": "explicit",
        "ack_wait": {}, "max_ack_pending": 16384, "deliver_policy": "all",
        "filter_subject": "pigear.alerts.*.*"}}}}"#,
        ack_wait.as_nanos()
    );
    let made = client.ask("$JS.API.CONSUMER.DURABLE.CREATE.PIGEAR.pigear", &config).unwrap();
    assert!(made.contains("\"durable_name\""), "{made}");
}

/// A number that the server says about the consumer.
fn number(client: &mut Client, name: &str) -> u64 {
    let info = client.ask(CONSUMER, "").unwrap();
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    info[name].as_u64().unwrap()
}

fn both_ask(client: &mut Client) {
    until("both ask for alerts", || number(client, "num_waiting") == 2);
}

/// The alerts of a store. Each is there once.
fn distinct(room: &Room) -> BTreeSet<String> {
    let all = messages(&stored(room, "central.db"));
    let distinct: BTreeSet<_> = all.iter().cloned().collect();
    assert_eq!(all.len(), distinct.len(), "an alert is twice in one store");
    distinct
}

fn set(numbers: std::ops::Range<usize>) -> BTreeSet<String> {
    numbered(numbers).into_iter().collect()
}

/// Waits until both stores together have all alerts up to this one, and returns those that both have.
fn arrive_in(rooms: [&Room; 2], count: usize) -> BTreeSet<String> {
    let mut found = [BTreeSet::new(), BTreeSet::new()];
    until(&format!("{count} alerts are stored"), || {
        found = rooms.map(distinct);
        found[0].union(&found[1]).count() >= count
    });
    let [one, other] = &found;
    assert_eq!(one.union(other).cloned().collect::<BTreeSet<_>>(), set(0..count));
    one.intersection(other).cloned().collect()
}

/// A sensor, a consumer, and two central Pigears that ask by it.
fn two_centrals(server: &Server, ack_wait: Duration) -> (Client, Running, [Running; 2]) {
    let mut client = server.client();
    let mut here = sensor(&server.url(), &[]).start();
    here.listens();
    create_consumer(&mut client, ack_wait);
    let centrals = [0, 1].map(|_| central(&server.url()).start());
    both_ask(&mut client);
    (client, here, centrals)
}

fn restarted(room: &Room, server: &Server) -> Running {
    central_with(&server.url(), room.at("central.db").to_str().unwrap()).start()
}

#[test]
fn two_central_pigears_share_a_consumer_and_no_alert_is_in_both_stores() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let (mut client, mut here, [one, other]) = two_centrals(&server, LONG_WAIT);
        send(&mut here, 0..300);
        assert_eq!(arrive_in([one.room(), other.room()], 300), BTreeSet::new());
        let shares = [one.room(), other.room()].map(|room| distinct(room).len());
        // How many each gets is the server's choice.
        assert!(shares.iter().all(|share| *share > 0), "{shares:?}");
        // Everything is acknowledged, so nothing comes again from the one that is killed.
        until("all is settled", || number(&mut client, "num_ack_pending") == 0);
        other.signal_now(Signal::SIGKILL);
        let room = other.end().0;
        send(&mut here, 300..500);
        assert_eq!(arrive_in([one.room(), &room], 500), BTreeSet::new());
        let other = restarted(&room, &server);
        both_ask(&mut client);
        send(&mut here, 500..700);
        assert_eq!(arrive_in([one.room(), &room], 700), BTreeSet::new());
        drop(other);
    }
}

/// The server gives an alert that isn't acknowledged to another reader only after the consumer's time.
#[test]
fn no_alert_waits_because_pigears_begin_together_or_one_of_them_ends() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let mut client = server.client();
        let mut here = sensor(&server.url(), &[]).start();
        here.listens();
        create_consumer(&mut client, LONG_WAIT);
        let rooms = [Room::new(), Room::new()];
        let [one, other] = &rooms;
        let mut count = 0;
        let mut send = |more| {
            for n in count..count + more {
                here.send(&at_microsecond(n));
            }
            count += more;
            count
        };
        for _ in 0..2 {
            send(MANY);
            until("all wait", || number(&mut client, "num_pending") == MANY as u64);
            // Each is sent many at once, with numbers left out.
            let [stays, leaves] = [one, other].map(|room| restarted(room, &server));
            let had = distinct(other).len();
            until("the other stores some", || {
                send(20);
                distinct(other).len() > had
            });
            let count = send(MANY);
            leaves.signal_now(Signal::SIGTERM);
            assert_eq!(leaves.end().1.status, Some(0));
            assert_eq!(arrive_in([one, other], count), BTreeSet::new());
            until("all is settled", || number(&mut client, "num_ack_pending") == 0);
            stays.signal_now(Signal::SIGTERM);
            assert_eq!(stays.end().1.status, Some(0));
        }
    }
}

/// What one of them has stored and not acknowledged when it is killed, the other stores, too: nothing else.
#[test]
fn a_killed_pigear_leaves_its_alerts_to_the_one_that_shares_its_consumer() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let (mut client, mut here, [one, other]) = two_centrals(&server, SHORT_WAIT);
        send(&mut here, 0..100);
        assert_eq!(arrive_in([one.room(), other.room()], 100), BTreeSet::new());
        until("all is settled", || number(&mut client, "num_ack_pending") == 0);
        both_ask(&mut client);
        // Stopped, it gets alerts and does nothing about them; one that is stored has to be acknowledged.
        other.signal_now(Signal::SIGSTOP);
        send(&mut here, 100..300);
        until("alerts wait for it", || number(&mut client, "num_ack_pending") > 0);
        other.signal_now(Signal::SIGCONT);
        other.signal_now(Signal::SIGKILL);
        let pending = number(&mut client, "num_ack_pending");
        let room = other.end().0;
        let twice = arrive_in([one.room(), &room], 300);
        assert!(twice.len() as u64 <= pending, "{pending} were open, and {twice:?} are twice");
        assert!(twice.is_subset(&set(100..300)), "{twice:?}");
        // It recognizes in its store what comes again.
        let other = restarted(&room, &server);
        both_ask(&mut client);
        send(&mut here, 300..400);
        assert_eq!(arrive_in([one.room(), &room], 400), twice);
        drop(other);
    }
}

/// One that is stopped asks for nothing and acknowledges nothing, as one whose store has to wait for a disk.
#[test]
fn alerts_of_a_pigear_that_is_held_up_are_left_to_it() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let mut client = server.client();
        let mut here = sensor(&server.url(), &[]).start();
        send(&mut here, 0..10);
        let one = central(&server.url()).start();
        assert_eq!(arrive(&one, 10), numbered(0..10));
        one.signal_now(Signal::SIGSTOP);
        // More than it has asked for: it looks as if nobody reads.
        send(&mut here, 10..2_100);
        until("its requests are used up", || number(&mut client, "num_waiting") == 0);
        let other = central(&server.url()).start();
        until("the other asks for alerts", || number(&mut client, "num_waiting") == 1);
        send(&mut here, 2_100..2_200);
        until("what came later is stored", || {
            distinct(other.room()).is_superset(&set(2_100..2_200))
        });
        assert_eq!(number(&mut client, "num_redelivered"), 0);
        one.signal_now(Signal::SIGCONT);
    }
}

/// A consumer that somebody made may give alerts to another reader sooner than one that Pigear makes.
#[test]
fn alerts_that_wait_for_a_store_are_kept_from_others_however_soon_these_would_get_them() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let (mut client, mut here, [one, other]) = two_centrals(&server, SHORT_WAIT);
        send(&mut here, 0..100);
        assert_eq!(arrive_in([one.room(), other.room()], 100), BTreeSet::new());
        let store = rusqlite::Connection::open(one.room().at("central.db")).unwrap();
        store.execute_batch("BEGIN IMMEDIATE").unwrap();
        send(&mut here, 100..300);
        let held = Instant::now();
        // For as long as the server would wait, and again.
        until("the other has stored its alerts, and these could have come to it", || {
            held.elapsed() > 3 * SHORT_WAIT && number(&mut client, "num_pending") == 0
        });
        store.execute_batch("ROLLBACK").unwrap();
        assert_eq!(arrive_in([one.room(), other.room()], 300), BTreeSet::new());
        assert_eq!(number(&mut client, "num_redelivered"), 0);
    }
}

/// What a store didn't take is given again, as often as needed, and still is one message.
/// A consumer that is made anew delivers all again, as a server that was killed may.
#[test]
fn what_cannot_be_decoded_is_counted_and_kept_once_though_it_comes_again() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let mut client = server.client();
        let mut here = sensor(&server.url(), &[]).start();
        let there = central(&server.url()).args(["--stats", "stats.json"]).start();
        send(&mut here, 0..1);
        assert_eq!(arrive(&there, 1), numbered(0..1));
        client.publish("pigear.alerts.dmz.1", b"not ours");
        send(&mut here, 1..2);
        assert_eq!(arrive(&there, 2), numbered(0..2));
        until("it is settled", || number(&mut client, "num_ack_pending") == 0);
        client.ask("$JS.API.CONSUMER.DELETE.PIGEAR.pigear", "").unwrap();
        send(&mut here, 2..3);
        assert_eq!(arrive(&there, 3), numbered(0..3));
        there.signal_now(Signal::SIGTERM);
        let (room, ..) = there.end();
        let stats: serde_json::Value = serde_json::from_str(&room.read("stats.json")).unwrap();
        assert_eq!(stats["malformed"], 1, "{stats}");
        let store = rusqlite::Connection::open(room.at("central.db")).unwrap();
        let letters = "SELECT count(*) FROM dead_letter";
        assert_eq!(store.query_row(letters, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    }
}

#[test]
fn what_could_not_be_kept_comes_again_and_counts_once() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let mut client = server.client();
        let mut here = sensor(&server.url(), &[]).start();
        here.listens();
        create_consumer(&mut client, SHORT_WAIT);
        let mut there = central(&server.url()).args(["--stats", "stats.json"]).start();
        send(&mut here, 0..1);
        assert_eq!(arrive(&there, 1), numbered(0..1));
        let store = rusqlite::Connection::open(there.room().at("central.db")).unwrap();
        let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON dead_letter
            BEGIN SELECT RAISE(ABORT, 'not now'); END";
        store.execute_batch(refuse).unwrap();
        client.publish("pigear.alerts.dmz.1", b"not ours");
        there.warns("not now; 2 so far");
        store.execute_batch("DROP TRIGGER refuse").unwrap();
        until("it is settled", || number(&mut client, "num_ack_pending") == 0);
        there.signal_now(Signal::SIGTERM);
        let (room, ..) = there.end();
        let stats: serde_json::Value = serde_json::from_str(&room.read("stats.json")).unwrap();
        assert_eq!(stats["malformed"], 1, "{stats}");
    }
}
