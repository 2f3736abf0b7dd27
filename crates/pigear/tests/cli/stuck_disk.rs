//! A disk that doesn't answer any more.

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Test, program, until};
use crate::running::Running;
use crate::snort::{ping, recording, sent};

/// No data gets to the disk while there is a file `stuck`, and never again once there was one.
const STUCK: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

static int synced(const char *call, int fd) {
    while (access("stuck", F_OK) == 0) pause();
    return ((int (*)(int)) dlsym(RTLD_NEXT, call))(fd);
}

int fsync(int fd) { return synced("fsync", fd); }
int fdatasync(int fd) { return synced("fdatasync", fd); }
"#;

/// Prints and stores alerts, of which one is stored; then the disk is stuck, and more come.
fn stuck() -> Running {
    let args = ["--store", "a.db", "--data-handler", "print", "--stats", "stats.json"];
    let mut running = Test::new().preloading(STUCK).args(args).start();
    running.listens();
    running.send(&ping());
    until("it is stored", || stored(&running) == 1);
    running.room().write("stuck", "");
    for _ in 0..3 {
        running.send(&ping());
    }
    // They reach all others nevertheless.
    until("all are printed", || running.stdout_so_far().lines().count() == 4);
    running
}

/// How many alerts another process finds in the store.
fn stored(running: &Running) -> usize {
    let mut query = program();
    query.args(["query", "--store", "a.db"]).current_dir(running.room().path());
    let output = query.output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().count()
}

#[test]
fn a_stuck_disk_holds_neither_others_nor_the_end_up() {
    let running = stuck();
    running.signal_now(Signal::SIGTERM);
    // It stays stuck: without its deadline the program would not end.
    let (room, ended) = running.end();
    assert!(ended.stderr.contains("handler store: still busy"), "{}", ended.stderr);
    let stats: Value = serde_json::from_str(&room.read("stats.json")).unwrap();
    assert_eq!(stats["handlers"]["store"]["dropped"], 3, "{stats}");
    assert_eq!(stats["handlers"]["print"]["handled"], 4, "{stats}");
}

#[test]
fn what_a_kill_would_take_is_counted_with_its_age_and_no_more_is_taken() {
    let running = stuck();
    let stats = running.room().at("stats.json");
    let store = || {
        let text = std::fs::read_to_string(&stats).unwrap_or_default();
        serde_json::from_str::<Value>(&text).map(|stats| stats["handlers"]["store"].clone())
    };
    until("the counters are written", || {
        store().is_ok_and(|store| store["oldest_ms"].as_u64() > Some(50))
    });
    let counted = store().unwrap();
    assert_eq!((&counted["handled"], &counted["waiting"]), (&1.into(), &3.into()), "{counted}");
    running.signal_now(Signal::SIGKILL);
    let (room, _) = running.end();

    std::fs::remove_file(room.at("stuck")).unwrap();
    let mut next = program();
    next.args(["--store", "a.db", "--data-handler", "null", "--socket-handler", "play", "--from"]);
    next.arg(recording("v2919/icmp_ping")).current_dir(room.path());
    assert!(next.status().unwrap().success());
    let mut query = program();
    query.args(["query", "--store", "a.db"]).current_dir(room.path());
    let lines = String::from_utf8(query.output().unwrap().stdout).unwrap().lines().count();
    // Those that were being forced to the disk may be there.
    let sent = sent("v2919/icmp_ping").len();
    assert!((1 + sent..=4 + sent).contains(&lines), "{lines}");
}
