//! Heartbeats of sensors, and what is said about those that are silent.

use std::io::{Read, Write};
use std::net::TcpStream;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::server::{JETSTREAM, Server, generations};
use super::stored;
use crate::harness::{Test, program, until};
use crate::running::Running;
use crate::snort::objects;

/// A sensor with frequent heartbeats.
fn sensor(server: &Server, name: &str) -> Running {
    let url = format!("url={}", server.url());
    Test::new()
        .args(["--serve-forever", "--sensor", name])
        .args(["--data-handler", "nats", "create=yes", "heartbeat=250ms", &url])
        .start()
}

/// What `pigear sensors` prints: standard output, standard error, and the status.
fn sensors(args: &[&str]) -> (String, String, Option<i32>) {
    let output = program().arg("sensors").args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

/// The sensors with their states.
fn states(from: &str) -> Vec<(String, String)> {
    let (lines, problem, status) = sensors(&["--from", from, "--json"]);
    if status != Some(0) {
        assert!(problem.contains("there is no bucket PIGEAR_SENSORS yet"), "{problem}");
        return Vec::new();
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    objects(&lines).iter().map(|one| (text(&one["sensor"]), text(&one["state"]))).collect()
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, state)| ((*name).to_owned(), (*state).to_owned())).collect()
}

/// The address of the page.
pub(super) fn page_of(central: &mut Running) -> String {
    central.warns("the page is at ");
    let mut url = String::new();
    until("the whole line was written", || {
        let said = central.stderr_so_far();
        let found = said.split("the page is at http://").nth(1);
        found
            .and_then(|rest| rest.split_once("/\n"))
            .map_or("", |(url, _)| url)
            .clone_into(&mut url);
        !url.is_empty()
    });
    url
}

/// What the API of a page says.
pub(super) fn api(page: &str, path: &str) -> Value {
    let mut stream = TcpStream::connect(page).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {page}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// Pigear's own alerts in the store of the central Pigear, oldest first: the signature, the sensor, the message.
fn notices(central: &Running) -> Vec<(u64, String, String)> {
    let own = stored(central.room(), "central.db").into_iter();
    let own = own.filter(|alert| alert["sig_generator"] == 9001);
    own.map(|alert| {
        assert!(alert["dialect"].is_null(), "no Snort sent {alert}");
        let text = |name: &str| alert[name].as_str().unwrap().to_owned();
        (alert["sig_id"].as_u64().unwrap(), text("sensor"), text("msg"))
    })
    .collect()
}

/// A central Pigear with a page, and the page's address.
fn central_with_page(from: &str) -> (Running, String) {
    let mut central = Test::bare()
        .args(["--serve-forever", "--socket-handler", "nats", "--from", from])
        .args(["--store", "central.db", "--data-handler", "web", "listen=127.0.0.1:0"])
        .loud()
        .start();
    let page = page_of(&mut central);
    (central, page)
}

#[test]
fn a_silent_sensor_is_an_alert_and_so_is_its_return() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let running = ["db", "dmz", "web.1 *"].map(|name| sensor(&server, name));
        let from = format!("{}?silent=20", server.url());
        let all = owned(&[("db", "ok"), ("dmz", "ok"), ("web.1 *", "ok")]);
        until("three sensors are there", || states(&from) == all);
        let (central, page) = central_with_page(&from);
        let reported = || api(&page, "/api/v1/sensors");
        until("the page has three", || reported()["sensors"].as_array().unwrap().len() == 3);
        running[0].signal_now(Signal::SIGKILL);
        until("it is silent", || notices(&central).len() == 1);
        let silent = "sensor db is silent: no heartbeat for 5s".to_owned();
        assert_eq!(notices(&central), [(1, "db".to_owned(), silent.clone())]);
        let report = reported();
        assert_eq!(
            (&report["watched"], &report["sensors"][0]["state"]),
            (&true.into(), &"silent".into())
        );
        assert_eq!(report["sensors"][1]["state"], "ok");
        assert_eq!(states(&from)[0].1, "silent");
        let (table, _, _) = sensors(&["--from", &from]);
        assert!(table.contains("\n1 of 3 sensors silent\n"), "{table}");
        let again = sensor(&server, "db");
        until("it is back", || notices(&central).len() == 2);
        let back = (2, "db".to_owned(), "sensor db is back".to_owned());
        assert_eq!(notices(&central)[1..], [back]);
        assert_eq!(states(&from), all);
        // One that is stopped says so.
        again.signal_now(Signal::SIGTERM);
        let _ = again.end();
        assert_eq!(states(&from)[0].1, "stopped");
    }
}

/// Sensors connect again, and the first of them creates the bucket anew.
#[test]
fn a_bucket_that_is_lost_with_its_server_makes_no_sensor_silent() {
    for generation in generations() {
        let mut server = Server::start(&generation, JETSTREAM);
        let running = ["db", "dmz", "lab"].map(|name| sensor(&server, name));
        let from = server.url();
        let all = owned(&[("db", "ok"), ("dmz", "ok"), ("lab", "ok")]);
        until("three sensors are there", || states(&from) == all);
        let (central, page) = central_with_page(&from);
        let heard = || api(&page, "/api/v1/sensors")["sensors"].as_array().unwrap().len();
        until("the central one has heard of them", || heard() == 3);
        server.kill();
        std::fs::remove_dir_all(server.dir().join("js")).unwrap();
        server.up();
        until("they are there again", || states(&from) == all);
        running[0].signal_now(Signal::SIGKILL);
        until("one is silent", || !notices(&central).is_empty());
        let silent = "sensor db is silent: no heartbeat for 750ms".to_owned();
        assert_eq!(notices(&central), [(1, "db".to_owned(), silent)]);
    }
}

#[test]
fn two_sensors_with_one_name_are_said() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let from = server.url();
        let central = Test::bare()
            .args(["--serve-forever", "--socket-handler", "nats", "--from", &from])
            .args(["--store", "central.db", "--data-handler", "null"])
            .start();
        let _both = [sensor(&server, "dmz"), sensor(&server, "dmz")];
        until("it is an alert", || !notices(&central).is_empty());
        let (sid, name, text) = notices(&central).remove(0);
        assert_eq!((sid, &*name), (3, "dmz"));
        assert!(text.starts_with("sensor dmz is the name of two Pigears"), "{text}");
        let (table, _, _) = sensors(&["--from", &from]);
        assert!(table.contains("\n  is the name of two Pigears"), "{table}");
    }
}

#[test]
fn what_can_not_be_listed_is_an_error() {
    for generation in generations() {
        let mut server = Server::start(&generation, JETSTREAM);
        let from = server.url();
        let (_, problem, status) = sensors(&["--from", &from]);
        let expected =
            format!("error: {from}: there is no bucket PIGEAR_SENSORS yet; a sensor with");
        assert!(problem.starts_with(&expected) && status == Some(1), "{problem}");
        let here = sensor(&server, "dmz");
        until("it is there", || states(&from).len() == 1);
        let (_, problem, status) = sensors(&["--from", &from, "--forget", "dnz"]);
        let expected = "error: no sensor has the name \"dnz\"; sensors are: dmz\n";
        assert_eq!((&*problem, status), (expected, Some(1)));
        let (_, problem, status) = sensors(&["--from", &format!("{from}?sensor=dnz")]);
        assert_eq!((&*problem, status), (expected, Some(1)));
        here.signal_now(Signal::SIGTERM);
        let _ = here.end();
        let (_, said, status) = sensors(&["--from", &from, "--forget", "dmz"]);
        assert_eq!(
            (&*said, status),
            ("pigear: dmz is forgotten, until its next heartbeat\n", Some(0))
        );
        let (_, said, status) = sensors(&["--from", &from]);
        assert_eq!((&*said, status), ("pigear: no sensor has sent a heartbeat yet\n", Some(0)));
        server.kill();
        let (_, problem, status) = sensors(&["--from", &from]);
        assert!(problem.contains("cannot connect") && status == Some(1), "{problem}");
    }
}
