//! Directories and files that are named.

use std::fs;

use super::refused;
use crate::harness::Test;
use crate::snort::{PING, ping, send};

#[test]
fn an_unknown_log_directory_is_refused() {
    Test::bare()
        .args(["--logdir", "no-such"])
        .stderr(
            "error: cannot listen on no-such/snort_alert: no such directory\n\
             hint: mkdir -p no-such creates it; --logdir names Snort's log directory\n",
        )
        .status(1);
}

#[test]
fn a_log_directory_that_is_a_file_is_refused() {
    Test::bare()
        .file("alerts", "")
        .args(["--logdir", "alerts"])
        .stderr(
            "error: cannot listen on alerts/snort_alert: no such directory\n\
             hint: --logdir names Snort's log directory\n",
        )
        .status(1);
}

#[test]
fn a_directory_without_write_permission_is_refused() {
    let test = Test::new().with(|room| room.set_mode("log", 0o555)).without_rights();
    test.stderr(
        "error: cannot listen on log/snort_alert: no permission to create files in the directory\n\
         hint: run as root or as a user who may write there, or give another directory with --logdir\n",
    )
    .status(1);
}

#[test]
fn a_user_without_rights_can_listen_where_he_may_write() {
    let test = Test::new().with(|room| room.hand_over("log")).without_rights();
    test.args(["--count", "1"]).send(ping()).stdout(PING).success();
}

#[test]
fn a_snort_conf_that_was_named_must_be_there() {
    let stderr = "error: cannot read no-such.conf: No such file or directory (os error 2)\n";
    refused(&["--snort-conf", "no-such.conf"], stderr, 1);
}

#[test]
fn a_list_that_was_named_must_be_there() {
    for option in ["--class-config", "--reference-config", "--sid-msg-map", "--gen-msg-map"] {
        let stderr = "error: cannot read no-such.map: No such file or directory (os error 2)\n";
        refused(&[option, "no-such.map"], stderr, 1);
    }
}

#[test]
fn a_path_that_snort_would_cut_is_refused() {
    let dir = "d".repeat(100);
    Test::bare()
        .with(|room| fs::create_dir(room.at(&dir)).unwrap())
        .args(["--logdir", &dir])
        .stderr(format!(
            "error: cannot listen on {dir}/snort_alert: the path has 112 bytes, but a socket's path has 107 at most\n\
             hint: use a log directory with a shorter path; Snort truncates this one and sends to another path\n"
        ))
        .status(1);
}

#[test]
fn a_socket_needs_no_directory_in_its_name() {
    let mut running = Test::bare().args(["--from", "snort_alert", "--count", "1"]).start();
    let socket = running.room().at("snort_alert");
    send(&socket, &ping());
    running.prints(PING);
    let (_, ended) = running.end();
    assert_eq!((&*ended.stderr, ended.status), ("", Some(0)));
}
