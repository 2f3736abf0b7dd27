//! nats-server, of two generations: what a sensor publishes, and a central Pigear stores.

mod access;
mod connected;
mod consumer;
mod removed;
mod sensors;
mod server;
mod shared;
mod silent_server;
mod vanished;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Test, program, until};
use crate::peer::{all_recordings, ends_in_time, output, saying};
use crate::room::Room;
use crate::running::Running;
use crate::snort::objects;
use server::{Cluster, JETSTREAM, Server, generations};

/// A sensor that listens on a socket, and publishes from its store.
fn sensor(url: &str, keys: &[&str]) -> Test {
    let url = format!("url={url}");
    Test::new()
        .args([
            "--serve-forever",
            "--sensor",
            "dmz",
            "--store",
            "sensor.db",
            "--stats",
            "stats.json",
        ])
        .args(["--data-handler", "nats", "create=yes", "timeout=2s", &url])
        .args(keys)
}

/// A central Pigear with a store.
fn central(from: &str) -> Test {
    central_with(from, "central.db")
}

fn central_with(from: &str, store: &str) -> Test {
    let args = ["--serve-forever", "--socket-handler", "nats", "--from", from, "--store", store];
    Test::bare().args(args).args(["--data-handler", "null"])
}

/// The alerts of a store, oldest first.
fn stored(room: &Room, store: &str) -> Vec<Value> {
    let path = room.at(store);
    let mut query = program();
    query.args(["query", "--format", "json", "--store"]).arg(path).args(["--limit", "100000"]);
    let output = query.output().unwrap();
    let mut alerts = objects(&String::from_utf8(output.stdout).unwrap());
    // The newest comes first.
    alerts.reverse();
    alerts
}

fn messages(alerts: &[Value]) -> Vec<String> {
    alerts.iter().map(|alert| alert["msg"].as_str().unwrap().to_owned()).collect()
}

fn numbered(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|n| format!("alert {n}")).collect()
}

/// An alert with a time of its own, so that it is quickly looked for in a store.
fn at_microsecond(n: usize) -> Vec<u8> {
    let mut datagram = saying(format!("alert {n}").as_bytes());
    // The packet's time, as in Snort's `Alertpkt`.
    datagram[260..264].copy_from_slice(&u32::try_from(n).unwrap().to_ne_bytes());
    datagram
}

fn send(sensor: &mut Running, numbers: std::ops::Range<usize>) {
    for n in numbers {
        sensor.send(&at_microsecond(n));
    }
}

/// Waits until a store has so many alerts, and returns their messages.
fn arrive(central: &Running, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    until(&format!("{count} alerts are stored"), || {
        let before = found.len();
        found = messages(&stored(central.room(), "central.db"));
        if found.len() > before {
            eprintln!("{} of {count} alerts are stored", found.len());
        }
        found.len() >= count
    });
    found
}

/// What `--stats` of a durable handler counts.
fn counted(room: &Room, name: &str) -> u64 {
    let stats: Value = serde_json::from_str(&room.read("stats.json")).unwrap();
    stats["handlers"]["nats"][name].as_u64().unwrap()
}

#[test]
fn every_recorded_alert_comes_out_of_the_stream_as_it_went_in() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let config = format!(
            "{}[[handler]]\ntype = \"nats\"\nurl = \"{}\"\ncreate = true\n[[handler]]\ntype = \"file\"\n\
             path = \"sent\"\nformat = \"json\"\n",
            all_recordings(),
            server.url()
        );
        let room = Test::bare().file("c.toml", config).args(["--config", "c.toml"]).start().end().0;
        let sent = objects(&room.read("sent"));
        assert!(sent.len() > 500, "{}", sent.len());
        let count = sent.len().to_string();
        let received = Test::bare()
            .args(["--socket-handler", "nats", "--from", &server.url(), "--count", &count])
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
}

#[test]
fn each_alert_is_stored_once_and_in_order_though_servers_and_pigears_are_killed() {
    for generation in generations() {
        let mut server = Server::start(&generation, JETSTREAM);
        let mut here = sensor(&server.url(), &[]).start();
        let there = central(&server.url()).start();
        send(&mut here, 0..100);
        assert_eq!(arrive(&there, 100), numbered(0..100));
        server.kill();
        send(&mut here, 100..150);
        there.signal_now(Signal::SIGKILL);
        let room = there.end().0;
        server.up();
        let there = central_with(&server.url(), room.at("central.db").to_str().unwrap()).start();
        send(&mut here, 150..200);
        until("all are stored", || stored(&room, "central.db").len() >= 200);
        here.signal(Signal::SIGKILL);
        let _ = here.end();
        assert_eq!(messages(&stored(&room, "central.db")), numbered(0..200));
        there.signal_now(Signal::SIGTERM);
        assert_eq!(there.end().1.status, Some(0));
    }
}

/// The server delivers again what a Pigear that was killed had got, but only after half a minute.
#[test]
fn what_a_killed_pigear_had_comes_before_newer_alerts() {
    for (generation, retention) in generations()
        .into_iter()
        .flat_map(|program| ["limits", "workqueue"].map(|retention| (program.clone(), retention)))
    {
        let server = Server::start(&generation, JETSTREAM);
        let retention = format!("retention={retention}");
        let mut here = sensor(&server.url(), &[&retention]).start();
        send(&mut here, 0..10);
        let there = central(&server.url()).start();
        assert_eq!(arrive(&there, 10), numbered(0..10));
        there.signal_now(Signal::SIGTERM);
        let room = there.end().0;
        // Another with the same consumer takes the next ones, and is gone.
        let mut killed = server.client();
        killed.pull("PIGEAR", "pigear", 20);
        send(&mut here, 10..30);
        killed.delivered(20);
        // As if the server had noticed by itself that the last one didn't arrive.
        killed.ask("$JS.ACK.PIGEAR.pigear.1.30.30.0.0", "-NAK");
        drop(killed);
        send(&mut here, 30..40);
        let path = room.at("central.db");
        let there = central_with(&server.url(), path.to_str().unwrap()).start();
        until("all are stored", || stored(&room, "central.db").len() >= 40);
        assert_eq!(messages(&stored(&room, "central.db")), numbered(0..40));
        there.signal_now(Signal::SIGTERM);
        assert_eq!(there.end().1.status, Some(0));
    }
}

/// What was on its way when a connection or a leader was lost is missing in the deliveries.
#[test]
fn what_was_delivered_and_did_not_arrive_comes_before_newer_alerts() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let mut here = sensor(&server.url(), &[]).start();
        send(&mut here, 0..10);
        let there = central(&server.url()).start();
        assert_eq!(arrive(&there, 10), numbered(0..10));
        let mut other = server.client();
        other.pull("PIGEAR", "pigear", 1);
        send(&mut here, 10..20);
        other.delivered(1);
        assert_eq!(arrive(&there, 20), numbered(0..20));
    }
}

/// A request for alerts ends with the server, and is made again with the connection.
#[test]
fn reading_goes_on_as_soon_as_the_server_is_back() {
    for generation in generations() {
        let mut server = Server::start(&generation, JETSTREAM);
        let mut here = sensor(&server.url(), &[]).start();
        send(&mut here, 0..10);
        let there = central(&server.url()).start();
        assert_eq!(arrive(&there, 10), numbered(0..10));
        server.kill();
        server.up();
        let said = there.stderr_so_far().len();
        send(&mut here, 10..20);
        assert_eq!(arrive(&there, 20), numbered(0..20));
        // The request of before was not waited for.
        let said = there.stderr_so_far().split_off(said);
        assert!(!said.contains("the server doesn't answer requests for alerts"), "{said}");
    }
}

#[test]
fn a_cluster_that_loses_its_leader_loses_no_alert() {
    for generation in generations() {
        let mut cluster = Cluster::start(&generation);
        let mut here = sensor(&cluster.url(), &["replicas=3", "in_flight=1"]).start();
        send(&mut here, 0..20);
        let there = central(&cluster.url()).start();
        assert_eq!(arrive(&there, 20), numbered(0..20));
        let leader = cluster.leader();
        send(&mut here, 20..100);
        cluster.0[leader].kill();
        send(&mut here, 100..300);
        assert_eq!(arrive(&there, 300), numbered(0..300));
        // Without a quorum nothing is acknowledged, and that is said.
        let other = (leader + 1) % 3;
        cluster.0[other].kill();
        send(&mut here, 300..310);
        here.warns("trying again");
        cluster.0[leader].spawn();
        cluster.0[other].spawn();
        assert_eq!(arrive(&there, 310), numbered(0..310));
    }
}

#[test]
fn what_is_wrong_with_the_server_is_said_without_secrets() {
    for generation in generations() {
        let server = Server::start(
            &generation,
            &format!("{JETSTREAM}authorization {{ user: me, password: \"s3cret\" }}\n"),
        );
        let said = |server: &Server, keys: &[&str], text: &str| {
            let url = format!("url={}", server.url());
            let test = Test::new().args(["--data-handler", "nats", &url]).args(keys);
            let mut running = test.start();
            running.warns(text);
            let (_, ended) = ends_in_time(running);
            assert!(
                !ended.stderr.contains("wr0ng") && !ended.stderr.contains("s3cret"),
                "{}",
                ended.stderr
            );
        };
        said(&server, &["user=me", "password=wr0ng"], "the server refuses the credentials");
        said(&server, &["token=wr0ng"], "the server refuses the credentials");
        said(&server, &[], "the server wants credentials; give user and password");
        let me = ["user=me", "password=s3cret"];
        said(&server, &me, "there is no stream PIGEAR; create=true creates it");
        drop(server);
        let server = Server::start(&generation, "");
        said(&server, &["create=yes"], "the server has no JetStream");
        let server = Server::start(&generation, JETSTREAM);
        let make =
            |config: &str| server.client().ask("$JS.API.STREAM.CREATE.PIGEAR", config).unwrap();
        let made = make(r#"{"name":"PIGEAR","subjects":["other.>"],"storage":"file"}"#);
        assert!(made.contains("\"config\""), "{made}");
        said(
            &server,
            &["create=yes"],
            "stream PIGEAR has the subjects other.>, and not pigear.alerts.*.*",
        );
        server.client().ask("$JS.API.STREAM.DELETE.PIGEAR", "").unwrap();
        make(
            r#"{"name":"PIGEAR","subjects":["pigear.>"],"storage":"file","max_age":3600000000000}"#,
        );
        let asked = ["create=yes", "max_age=1d", "storage=memory"];
        said(
            &server,
            &asked,
            "max_age is 3600s instead of 86400s, storage is file instead of memory",
        );
        server.client().ask("$JS.API.STREAM.DELETE.PIGEAR", "").unwrap();
        if server.is_old() {
            let text = "compression is none instead of s2; the server (version 2.9";
            said(&server, &["create=yes", "compression=s2"], text);
        }
    }
}

/// Server 2.9 passes over messages of a work queue that was full: it stores and acknowledges all, and delivers fewer.
#[test]
fn a_full_stream_that_refuses_alerts_gets_them_once_there_is_room() {
    for generation in generations().into_iter().filter(|program| !server::is_old(program)) {
        let server = Server::start(&generation, JETSTREAM);
        let keys = ["max_size=8KiB", "discard=new", "retention=workqueue", "compression=none"];
        let mut here = sensor(&server.url(), &keys).start();
        send(&mut here, 0..100);
        here.warns("the stream is full, and refuses new alerts (discard=new)");
        let there = central(&server.url()).start();
        assert_eq!(arrive(&there, 100), numbered(0..100));
        let (room, _) = ends_in_time(here);
        assert_eq!((counted(&room, "handled"), counted(&room, "failed")), (100, 0));
    }
}

/// What was refused could come behind what was in flight with it, when a reader has made room in between.
#[test]
fn a_stream_that_becomes_full_while_it_is_read_keeps_the_order() {
    for generation in generations().into_iter().filter(|program| !server::is_old(program)) {
        let mut server = Server::down(&generation, JETSTREAM);
        let keys = ["max_size=8KiB", "discard=new", "retention=workqueue", "compression=none"];
        let mut here = sensor(&server.url(), &keys).start();
        // They wait, so that many are published at once.
        send(&mut here, 0..600);
        let there = central(&server.url()).start();
        server.up();
        assert_eq!(arrive(&there, 600), numbered(0..600));
    }
}

#[test]
fn what_cannot_be_decoded_is_a_dead_letter_and_the_rest_is_stored() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let mut here = sensor(&server.url(), &[]).start();
        send(&mut here, 0..1);
        let there = central(&server.url()).start();
        arrive(&there, 1);
        let mut client = server.client();
        client.publish("pigear.alerts.dmz.1", b"{\"msg\":\"not ours\"}");
        client.publish("pigear.alerts.dmz.1", b"\xa7\x93\x00 of a later version");
        client.publish("pigear.alerts.dmz.1", b"\xa7\x10\x7f");
        send(&mut here, 1..2);
        assert_eq!(arrive(&there, 2), numbered(0..2));
        let letters = || {
            let mut query = program();
            query
                .args(["query", "--dead-letters", "--lane", "nats", "--store"])
                .arg(there.room().at("central.db"));
            output(&mut query)
        };
        let letters = letters();
        assert!(letters.contains("version 9.3 of the binary form is newer than 1.x"), "{letters}");
        assert!(letters.contains("not an alert in Pigear's binary form"), "{letters}");
        // Nothing waits any more.
        let info = "$JS.API.CONSUMER.INFO.PIGEAR.pigear";
        until("all is settled", || client.ask(info, "").unwrap().contains("\"num_ack_pending\":0"));
    }
}

/// A sensor that publishes an alert with its own name, and ends.
fn publish_as(server: &Server, sensor: &str, keys: &[&str]) {
    let url = format!("url={}", server.url());
    Test::new()
        .args(["--count", "1", "--sensor", sensor, "--data-handler", "nats", "create=yes", &url])
        .args(keys)
        .send(saying(sensor.as_bytes()))
        .success();
}

/// Prints a selection of the stream's alerts.
fn select(server: &Server, query: &str) -> Test {
    let from = format!("{}?{query}", server.url());
    let args = ["--serve-forever", "--socket-handler", "nats", "--from", &from];
    Test::bare().args(args).args(["--data-handler", "print", "format=json"])
}

/// The alerts of a reader that ends by itself, by their sensors.
fn selected(reader: Running) -> Vec<String> {
    let ended = reader.end().1;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let alerts = objects(&ended.stdout);
    let mut sensors: Vec<_> =
        alerts.iter().map(|alert| alert["sensor"].as_str().unwrap().to_owned()).collect();
    assert_eq!(messages(&alerts), sensors);
    sensors.sort();
    sensors
}

#[test]
fn a_selection_by_sensor_and_priority_has_a_consumer_of_its_own() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        for name in ["web.1 *", "db"] {
            publish_as(&server, name, &[]);
        }
        let one = |query| selected(select(&server, query).args(["--count", "1"]).start());
        assert_eq!(one("consumer=a&sensor=db"), ["db"]);
        assert_eq!(one("consumer=b&sensor=web.1+*"), ["web.1 *"]);
        assert_eq!(one("consumer=c&sensor=db&priority=2,3"), ["db"]);
        let mut other = select(&server, "consumer=a").start();
        other.warns("choose another name for this selection with consumer=NAME");
        other.signal_now(Signal::SIGTERM);
        assert_eq!(other.end().1.status, Some(0));
    }
}

/// Server 2.9 gives a consumer one filter only: what a reader of several sensors leaves out would be gone.
#[test]
fn a_selection_of_several_sensors_takes_no_other_alert_out_of_a_work_queue() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        for name in ["a", "b", "c"] {
            publish_as(&server, name, &["retention=workqueue"]);
        }
        let some = |query, count| selected(select(&server, query).args(["--count", count]).start());
        if server.is_old() {
            let mut refused = select(&server, "consumer=first&sensor=a,b").start();
            refused.warns("what is left out here would be gone for everybody; choose one sensor");
            refused.signal_now(Signal::SIGTERM);
            assert_eq!(refused.end().1.status, Some(0));
            // What it says to do is possible.
            assert_eq!(some("consumer=first&sensor=a", "1"), ["a"]);
            assert_eq!(some("consumer=second&sensor=b", "1"), ["b"]);
        } else {
            assert_eq!(some("consumer=first&sensor=a,b", "2"), ["a", "b"]);
        }
        assert_eq!(some("consumer=third&sensor=c", "1"), ["c"]);
    }
}

/// A stream that keeps alerts until all consumers have them: what one leaves out, another gets.
#[test]
fn a_selection_of_several_sensors_leaves_the_others_to_other_consumers() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let mut client = server.client();
        let stream = r#"{"name":"PIGEAR","subjects":["pigear.alerts.*.*"],"retention":"interest"}"#;
        let made = client.ask("$JS.API.STREAM.CREATE.PIGEAR", stream).unwrap();
        assert!(made.contains("\"config\""), "{made}");
        let selections = [("first", "a,b", "2"), ("second", "c", "1")];
        let readers = selections.map(|(consumer, sensors, count)| {
            let query = format!("consumer={consumer}&sensor={sensors}");
            select(&server, &query).args(["--count", count]).start()
        });
        // Alerts that no consumer wants are not kept.
        for (consumer, ..) in selections {
            let info = format!("$JS.API.CONSUMER.INFO.PIGEAR.{consumer}");
            until(&format!("consumer {consumer} is there"), || {
                client.ask(&info, "").is_some_and(|info| info.contains("\"durable_name\""))
            });
        }
        for name in ["c", "a", "b"] {
            publish_as(&server, name, &["retention=interest"]);
        }
        let [first, second] = readers.map(selected);
        assert_eq!((first, second), (vec!["a".into(), "b".into()], vec!["c".into()]));
        until("all consumers have all", || {
            let info = client.ask("$JS.API.STREAM.INFO.PIGEAR", "").unwrap();
            info.contains("\"messages\":0,")
        });
    }
}
