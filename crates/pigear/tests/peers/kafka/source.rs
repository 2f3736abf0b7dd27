//! The source: what comes out of a topic, and what a central Pigear stores.

use nix::sys::signal::Signal;
use serde_json::Value;

use super::cluster::{Cluster, FETCH};
use super::{NOT_LEADER, numbered, send, stored};
use crate::harness::{Test, program, until};
use crate::peer::{all_recordings, ends_in_time, output};
use crate::room::Room;
use crate::running::Running;
use crate::snort::objects;

/// A sensor that publishes in the binary form.
fn sensor(url: &str, name: &str) -> Test {
    let url = format!("url={url}");
    let args = ["--serve-forever", "--sensor", name, "--store", "sensor.db"];
    Test::new().args(args).args(["--data-handler", "kafka", "timeout=2s", &url])
}

/// A central Pigear with a store.
fn central(from: &str, store: &str) -> Test {
    let args = ["--serve-forever", "--socket-handler", "kafka", "--from", from, "--store", store];
    Test::bare().args(args).args(["--data-handler", "null", "--stats", "stats.json"])
}

/// Waits until a store has this many alerts, and returns their messages.
fn arrive(room: &Room, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    until(&format!("{count} alerts are stored"), || {
        found = stored(room, "central.db");
        found.len() >= count
    });
    found
}

fn stop(running: Running) -> Room {
    ends(running).0
}

/// Stops it, and returns what it said.
fn ends(running: Running) -> (Room, String) {
    running.signal_now(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    (room, ended.stderr)
}

#[test]
fn every_recorded_alert_comes_out_of_the_topic_as_it_went_in() {
    let Some(cluster) = Cluster::start(3) else { return };
    let config = format!(
        "{}[[handler]]\ntype = \"kafka\"\nurl = \"{}\"\n[[handler]]\ntype = \"file\"\npath = \"sent\"\n\
         format = \"json\"\n",
        all_recordings(),
        cluster.url()
    );
    let room = Test::bare().file("c.toml", config).args(["--config", "c.toml"]).start().end().0;
    let sent = objects(&room.read("sent"));
    assert!(sent.len() > 500, "{}", sent.len());
    let (count, from) = (sent.len().to_string(), format!("{}?begin=start", cluster.from()));
    let received = Test::bare()
        .args(["--socket-handler", "kafka", "--from", &from, "--count", &count])
        .args(["--data-handler", "file", "path=got", "format=json"])
        .start()
        .end();
    assert_eq!(received.1.status, Some(0), "{}", received.1.stderr);
    let lines = |alerts: Vec<Value>| {
        let mut lines: Vec<_> = alerts.iter().map(Value::to_string).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(objects(&received.0.read("got"))), lines(sent));
}

#[test]
fn each_alert_is_stored_once_and_in_order_though_brokers_and_pigears_are_killed() {
    let Some(mut cluster) = Cluster::start(2) else { return };
    let mut here = sensor(&cluster.url(), "dmz").start();
    cluster.lead(1);
    let room = Room::new();
    let path = room.at("central.db").to_str().unwrap().to_owned();
    let mut there = central(&cluster.from(), &path).start();
    for round in 0..4 {
        let begin = round * 50;
        send(&mut here, begin..begin + 25);
        arrive(&room, begin + 1);
        // It may have been stored, and not saved how far was read.
        there.signal_now(Signal::SIGKILL);
        let _ = there.end();
        let broker = u32::try_from(round % 3).unwrap() + 1;
        cluster.down(broker);
        send(&mut here, begin + 25..begin + 50);
        there = central(&cluster.from(), &path).start();
        cluster.lead(broker % 3 + 1);
        cluster.up(broker);
        assert_eq!(arrive(&room, begin + 50), numbered(0..begin + 50));
    }
    stop(there);
    ends_in_time(here);
    assert_eq!(stored(&room, "central.db"), numbered(0..200));
}

#[test]
fn reading_continues_where_it_ended_and_each_pigear_reads_its_partitions() {
    let Some(cluster) = Cluster::start(4) else { return };
    let names = ["dmz", "db"];
    let partitions = names.map(|name| cluster.partition_of(name));
    assert_ne!(partitions[0], partitions[1]);
    let from = format!("{}?partitions={}", cluster.from(), partitions[0]);
    let room = Room::new();
    let path = room.at("central.db").to_str().unwrap().to_owned();
    for round in 0..2 {
        for name in names {
            let mut here = sensor(&cluster.url(), name).start();
            send(&mut here, round..round + 1);
            let count = names.len() * round + 1 + usize::from(name == names[1]);
            until("it is published", || cluster.messages().len() == count);
            ends_in_time(here);
        }
        let there = central(&from, &path).start();
        assert_eq!(arrive(&room, round + 1), numbered(0..round + 1));
        let room = stop(there);
        let stats: Value = serde_json::from_str(&room.read("stats.json")).unwrap();
        assert_eq!(stats["received"], 1, "{stats}");
    }
}

#[test]
fn without_a_store_only_new_alerts_are_read() {
    let Some(cluster) = Cluster::start(1) else { return };
    let mut here = sensor(&cluster.url(), "dmz").start();
    send(&mut here, 0..1);
    until("it is published", || cluster.messages().len() == 1);
    let args = ["--socket-handler", "kafka", "--from", &cluster.from(), "--count", "1"];
    let mut there =
        Test::bare().args(args).args(["--data-handler", "print", "format=json"]).start();
    there.warns("without a store, reading begins with the next message");
    send(&mut here, 1..2);
    until("the alert came", || there.has_ended());
    let ended = there.end().1;
    assert_eq!(objects(&ended.stdout)[0]["msg"], "alert 1", "{}", ended.stderr);
}

#[test]
fn what_cannot_be_decoded_is_a_dead_letter_and_the_rest_is_stored() {
    let Some(cluster) = Cluster::start(1) else { return };
    let mut here = sensor(&cluster.url(), "dmz").start();
    send(&mut here, 0..1);
    until("it is published", || cluster.messages().len() == 1);
    cluster.write(
        0,
        &[b"{\"msg\":\"not ours\"}", b"\xa7\x93\x00 of a later version", b"\xa7\x10\x7f"],
    );
    send(&mut here, 1..2);
    let there = central(&cluster.from(), "central.db").start();
    assert_eq!(arrive(there.room(), 2), numbered(0..2));
    let room = stop(there);
    let mut query = program();
    query.args(["query", "--dead-letters", "--lane", "kafka", "--store"]);
    let letters = output(query.arg(room.at("central.db")));
    for reason in [
        "message 1 of partition 0 of topic pigear.alerts: not an alert in Pigear's binary form",
        "version 9.3 of the binary form is newer than 1.x",
        "the head of the alert can't be decoded",
    ] {
        assert!(letters.contains(reason), "{reason}: {letters}");
    }
    let stats: Value = serde_json::from_str(&room.read("stats.json")).unwrap();
    assert_eq!((&stats["malformed"], &stats["received"]), (&3.into(), &2.into()), "{stats}");
}

#[test]
fn messages_that_cannot_be_read_are_left_out_and_those_between_are_not() {
    let Some(cluster) = Cluster::start(4) else { return };
    let names = ["dmz", "db"];
    let partitions = names.map(|name| cluster.partition_of(name));
    assert_ne!(partitions[0], partitions[1]);
    let [bad, other] = partitions;
    let mut here = names.map(|name| sensor(&cluster.url(), name).start());
    let mut published = 0;
    let mut publish = |sensor: usize, unreadable: usize| {
        send(&mut here[sensor], published..published + 1);
        published += 1;
        until("it is published", || {
            let is_alert = |value: &[u8]| !value.starts_with(b"not ours");
            cluster.messages().iter().filter(|message| is_alert(&message.value)).count()
                == published
        });
        cluster.write_unreadable(bad, &vec![&b"not ours"[..]; unreadable]);
    };
    publish(0, 3);
    publish(0, 1);
    publish(0, 400);
    let mut there = central(&cluster.from(), "central.db").start();
    there.warns(&format!("partition {bad}: messages 1 to 3 can't be read: "));
    assert_eq!(arrive(there.room(), 3), numbered(0..3));
    // The last ones are at the end, and then behind them is an alert; the other partition is read in any case.
    publish(1, 0);
    assert_eq!(arrive(there.room(), 4).len(), 4, "{other}");
    there.warns(&format!("partition {bad}: messages 7 to 406 can't be read: "));
    there.warns("left out once a message behind can be read\n");
    publish(0, 1);
    assert_eq!(arrive(there.room(), 5).len(), 5);
    let room = stop(there);
    let stats: Value = serde_json::from_str(&room.read("stats.json")).unwrap();
    assert_eq!(stats["received"], 5, "{stats}");
    // The last one is not left out: there is none behind it.
    assert_eq!(stats["malformed"], 404, "{stats}");
    let mut query = program();
    query.args(["query", "--dead-letters", "--lane", "kafka", "--store"]);
    let letters = output(query.arg(room.at("central.db")));
    for which in ["messages 1 to 3", "message 5"] {
        let reason = format!("{which} of partition {bad} of topic pigear.alerts: ");
        assert!(letters.contains(&reason), "{reason}: {letters}");
    }
    // They are not read again.
    let there = central(&cluster.from(), room.at("central.db").to_str().unwrap()).start();
    publish(0, 0);
    assert_eq!(arrive(&room, 6).len(), 6);
    let again = stop(there);
    let _ = here.map(ends_in_time);
    let stats: Value = serde_json::from_str(&again.read("stats.json")).unwrap();
    assert_eq!(stats["malformed"], 1, "{stats}");
}

/// A central Pigear reads the first message and ends, and others come until some are removed: the mock cluster keeps
/// 5 MB of a partition.
fn removed_before_it_reads(cluster: &Cluster, store: &str) {
    cluster.write(0, &[b"first"]);
    let mut there = central(&cluster.from(), store).start();
    there.warns("1 undecoded so far");
    stop(there);
    let large = vec![b'x'; 400_000];
    cluster.write(0, &[&*large; 20]);
}

/// How many messages were removed, each time that it was said.
fn said_as_removed(stderr: &str) -> Vec<u64> {
    let said = stderr.split(" messages were removed before they were read");
    let mut counts: Vec<_> = said.map(|it| it.rsplit(' ').next().unwrap().parse()).collect();
    counts.pop();
    counts.into_iter().map(Result::unwrap).collect()
}

fn missed(ended: &Room) -> u64 {
    let stats: Value = serde_json::from_str(&ended.read("stats.json")).unwrap();
    stats["missed"].as_u64().unwrap()
}

#[test]
fn messages_that_were_removed_before_they_were_read_are_reported() {
    let Some(cluster) = Cluster::start(1) else { return };
    let room = Room::new();
    let path = room.at("central.db").to_str().unwrap().to_owned();
    removed_before_it_reads(&cluster, &path);
    let mut here = sensor(&cluster.url(), "dmz").start();
    send(&mut here, 0..1);
    let mut there = central(&cluster.from(), &path).start();
    there.warns("messages were removed before they were read (retention)");
    assert_eq!(arrive(&room, 1), numbered(0..1));
    let (end, ended) = ends(there);
    assert_eq!(said_as_removed(&ended), [missed(&end)]);
    // Another topic with the same name ends before that.
    let Some(cluster) = Cluster::start(1) else { return };
    cluster.write(0, &[b"first"]);
    let mut there = central(&cluster.from(), &path).start();
    there.warns("the topic was created anew, or lost messages; reading begins with its oldest");
    there.warns("1 undecoded so far");
    stop(there);
}

#[test]
fn removed_messages_are_counted_once_though_where_to_begin_cannot_be_saved_at_first() {
    let Some(cluster) = Cluster::start(1) else { return };
    let room = Room::new();
    let path = room.at("central.db").to_str().unwrap().to_owned();
    removed_before_it_reads(&cluster, &path);
    let store = rusqlite::Connection::open(room.at("central.db")).unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON meta WHEN new.key LIKE 'kafka %'
        BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
    store.execute_batch(refuse).unwrap();
    let mut there = central(&cluster.from(), &path).start();
    there.warns("cannot save where to begin");
    there.warns("the disk is full; 4 so far");
    store.execute_batch("DROP TRIGGER refuse").unwrap();
    there.warns("messages were removed before they were read (retention)");
    there.warns("undecoded so far");
    let (end, ended) = ends(there);
    assert_eq!(said_as_removed(&ended), [missed(&end)]);
}

#[test]
fn what_is_wrong_with_the_brokers_is_said_and_waited_for() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let mut here = sensor(&cluster.url(), "dmz").start();
    send(&mut here, 0..1);
    let mut there = central(&cluster.from(), "central.db").start();
    arrive(there.room(), 1);
    cluster.fail(FETCH, NOT_LEADER, 1);
    there.warns("partition 0: the partition's leader has moved, or there is none");
    send(&mut here, 1..2);
    assert_eq!(arrive(there.room(), 2), numbered(0..2));
    for broker in 1..=3 {
        cluster.down(broker);
    }
    there.warns("Connection refused");
    for broker in 1..=3 {
        cluster.up(broker);
    }
    send(&mut here, 2..3);
    assert_eq!(arrive(there.room(), 3), numbered(0..3));
    stop(there);
    for (from, problem) in [
        (format!("{}/other", cluster.url()), "there is no topic other, or the user may not see it"),
        (
            format!("{}?partitions=0-2", cluster.from()),
            "the topic pigear.alerts has no partition 1",
        ),
    ] {
        let mut there = central(&from, "central.db").start();
        there.warns(problem);
        stop(there);
    }
}
