//! A Snort 3 with several packet threads.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::thread::available_parallelism;

use nix::sys::signal::Signal;
use nix::unistd::Uid;
use serde_json::json;

use crate::harness::{NOBODY, Test, is_root, until};
use crate::snort::{can_send, objects, sent};

/// Sends an alert to each socket, and tells which threads the alerts are then said to be of.
fn threads(args: &[&str], sockets: &[&str]) -> BTreeSet<(String, String)> {
    let count = sockets.len().to_string();
    let running = Test::new().args(args).args(["--count", &count, "format=json"]).start();
    let [first, second] = [0, 1].map(|n| sent("v3122/icmp_ping").swap_remove(n));
    for (n, socket) in sockets.iter().enumerate() {
        running.room().send_to(&format!("log/{socket}"), [&first, &second][n % 2]);
    }
    let (room, ended) = running.end();
    assert_eq!((&*ended.stderr, ended.status), ("", Some(0)), "{args:?}");
    let left: Vec<_> = room.list("log").into_iter().filter(|name| name.contains("snort")).collect();
    assert_eq!(left, Vec::<String>::new(), "{args:?}");
    let alerts = objects(&ended.stdout);
    let said = alerts.iter().map(|alert| {
        let socket = alert["socket"].as_str().unwrap().trim_start_matches("log/");
        (socket.to_owned(), alert["thread"].to_string())
    });
    said.collect()
}

fn expected(of: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    of.iter().map(|(socket, thread)| ((*socket).to_owned(), (*thread).to_owned())).collect()
}

#[test]
fn each_thread_has_a_socket_and_its_number_is_known() {
    assert_eq!(
        threads(&["--instances", "2"], &["0_snort_alert", "1_snort_alert"]),
        expected(&[("0_snort_alert", "0"), ("1_snort_alert", "1")]),
    );
}

#[test]
fn sockets_are_named_as_snort_was_told_to() {
    assert_eq!(
        threads(
            &["--instances", "2", "--run-prefix", "in_", "--id-offset", "4"],
            &["in_4_snort_alert", "in_5_snort_alert"],
        ),
        expected(&[("in_4_snort_alert", "4"), ("in_5_snort_alert", "5")]),
    );
    assert_eq!(
        threads(&["--instances", "2", "--id-subdir"], &["0/snort_alert", "1/snort_alert"]),
        expected(&[("0/snort_alert", "0"), ("1/snort_alert", "1")]),
    );
    assert_eq!(
        threads(&["--run-prefix", "in_"], &["in_snort_alert"]),
        expected(&[("in_snort_alert", "null")]),
    );
}

#[test]
fn the_directory_of_a_thread_belongs_to_the_owner_of_the_log_directory() {
    let test = Test::new();
    let owner = if is_root("give a directory to another user") {
        NOBODY
    } else {
        Uid::effective().as_raw()
    };
    chown(test.room().at("log"), Some(owner), None).unwrap();
    let running = test.args(["--instances", "1", "--id-subdir"]).start();
    let socket = running.room().at("log/0/snort_alert");
    until("the socket is there", || can_send(&socket));
    let dir = fs::metadata(running.room().at("log/0")).unwrap();
    assert_eq!((dir.uid(), dir.mode() & 0o007), (owner, 0));
    assert_eq!(fs::metadata(socket).unwrap().uid(), owner);
}

#[test]
fn auto_listens_for_as_many_threads_as_there_are_processors() {
    let processors = available_parallelism().unwrap().get();
    let last = format!("{}_snort_alert", processors - 1);
    assert_eq!(
        threads(&["--instances", "auto"], &["snort_alert", &last]),
        expected(&[("snort_alert", "null"), (&last, &(processors - 1).to_string())]),
    );
}

#[test]
fn all_sockets_are_gone_after_a_signal_and_their_alerts_handled() {
    let running = Test::new().args(["--instances", "3", "format=json"]).start();
    for n in 0..3 {
        for alert in sent("v3122/icmp_ping").iter().take(3) {
            running.room().send_to(&format!("log/{n}_snort_alert"), alert);
        }
    }
    running.signal_now(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0));
    assert_eq!(room.list("log"), Vec::<String>::new());
    let alerts = objects(&ended.stdout);
    for n in 0..3 {
        let of = alerts.iter().filter(|alert| alert["thread"] == json!(n));
        assert_eq!(of.count(), 3, "{}", ended.stderr);
    }
}

#[test]
fn one_socket_that_is_in_use_leaves_none_behind() {
    let mut other = None;
    let room = Test::new()
        .with(|room| {
            let path = room.at("log/1_snort_alert");
            other = Some(std::os::unix::net::UnixDatagram::bind(path).unwrap());
        })
        .args(["--instances", "3"])
        .stderr(
            "error: cannot listen on log/1_snort_alert: another process already listens there\n\
             hint: stop it, or use another directory with --logdir\n",
        )
        .status(1);
    assert_eq!(room.list("log"), ["1_snort_alert"]);
}

#[test]
fn numbers_that_no_thread_has_are_refused() {
    Test::new()
        .args(["--instances", "4", "--id-offset", "4294967295"])
        .stderr(
            "error: --id-offset with --instances goes beyond thread 4294967295, the last that Snort can \
             have\n",
        )
        .status(2);
}
