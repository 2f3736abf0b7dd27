//! `pigear doctor`: a Pigear that runs without an alert socket is well, and its ports and store are its own.

use std::net::TcpStream;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::doctor;
use crate::harness::{Test, until};
use crate::ports::free_address;
use crate::running::Running;

/// One that reads a log, with these keys before its source.
fn started(keys: &str) -> Running {
    let address = free_address();
    let text = format!(
        "metrics = '{address}'\n{keys}[[source]]\ntype = 'unified2'\nfrom = 'log/unified2.log'\n\
        bookmark = 'bookmark'\n"
    );
    let test = Test::bare().file("pigear.toml", text).args(["--config", "pigear.toml"]);
    std::fs::create_dir_all(test.room().at("log")).unwrap();
    let running = test.start();
    until("it runs", || TcpStream::connect(address).is_ok());
    running
}

/// What isn't well by some checks, and all that is said of it.
fn said(running: &Running, check: &str) -> (Vec<Value>, String) {
    let (_, findings) = doctor(running.room(), check, &["--config", "pigear.toml"]);
    let all = findings.iter().map(|it| it["found"].as_str().unwrap().to_owned());
    let all = all.collect::<Vec<_>>().join("\n");
    (findings.into_iter().filter(|it| it["status"] == "wrong").collect(), all)
}

#[track_caller]
fn is_well(running: Running) {
    let id = running.id();
    for check in ["store", "start", "pigear"] {
        let (wrong, all) = said(&running, check);
        assert!(wrong.is_empty(), "{wrong:?}");
        assert!(check != "pigear" || all.contains(&format!("process {id} runs as ")), "{all}");
    }
    running.signal_now(Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
}

#[test]
fn one_that_was_started_with_the_same_file_is_the_one_that_runs() {
    is_well(started(""));
}

#[cfg(feature = "store")]
#[test]
fn one_that_has_the_store_is_the_one_that_runs() {
    let running = started("store = { path = 'a.db', keep_days = 9 }\n");
    let expected = format!("process {} writes to it, which is the Pigear that runs", running.id());
    until(&expected, || said(&running, "store").1.lines().any(|line| line == expected));
    is_well(running);
}

#[test]
fn what_one_without_sockets_receives_is_told_by_its_counters() {
    let running = started("");
    let args = ["--config", "pigear.toml", "--listen", "1"];
    let (_, findings) = doctor(running.room(), "alerts", &args);
    let found: Vec<_> = findings.iter().map(|it| it["found"].as_str().unwrap()).collect();
    let who =
        format!("pigear (process {}) runs, so nothing is taken from what it reads", running.id());
    assert_eq!(found, [who.as_str(), "no alert came in 1s"]);
}
