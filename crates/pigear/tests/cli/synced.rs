//! What is on the disk before something else is done: seen in the order of the system's calls.

use std::path::Path;

use nix::sys::signal::Signal;

use crate::harness::{Test, program, until};
use crate::snort::{ping, recording};

/// Writes which files are synced, renamed and removed into the file `calls`.
const CALLS: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void note(const char *call, const char *path) {
    char line[512];
    const char *name = strrchr(path, '/');
    int n = snprintf(line, sizeof line, "%s %s\n", call, name ? name + 1 : path);
    int file = open("calls", O_WRONLY | O_APPEND | O_CREAT, 0644);
    if (file >= 0) {
        (void) !write(file, line, (size_t) n);
        close(file);
    }
}

static void note_fd(const char *call, int fd) {
    char link[64], path[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n > 0) {
        path[n] = 0;
        note(call, path);
    }
}

int fsync(int fd) {
    note_fd("sync", fd);
    return ((int (*)(int)) dlsym(RTLD_NEXT, "fsync"))(fd);
}

int fdatasync(int fd) {
    note_fd("sync", fd);
    return ((int (*)(int)) dlsym(RTLD_NEXT, "fdatasync"))(fd);
}

int rename(const char *from, const char *to) {
    note("rename", from);
    return ((int (*)(const char *, const char *)) dlsym(RTLD_NEXT, "rename"))(from, to);
}

int unlink(const char *path) {
    note("remove", path);
    return ((int (*)(const char *)) dlsym(RTLD_NEXT, "unlink"))(path);
}
"#;

/// The place of the first call behind `from` that is this one.
#[track_caller]
fn place(calls: &[&str], from: usize, call: &str, wanted: impl Fn(&str) -> bool) -> usize {
    let found = calls.iter().skip(from).position(|line| {
        line.split_once(' ').is_some_and(|(name, file)| name == call && wanted(file))
    });
    from + found.unwrap_or_else(|| panic!("no {call} behind {from}: {calls:#?}"))
}

#[test]
fn a_compressed_file_is_on_the_disk_before_the_other_is_removed() {
    let keys = ["--data-handler", "file", "path=alerts", "rotate=300B", "compress=gzip"];
    let mut running = Test::new().preloading(CALLS).args(keys).start();
    let is_compressed = |name: &String| Path::new(name).extension() == Some("gz".as_ref());
    let compressed = |names: Vec<String>| names.iter().any(is_compressed);
    until("a file is compressed", || {
        running.send(&ping());
        compressed(running.room().list("."))
    });
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let calls = room.read("calls");
    let calls: Vec<_> = calls.lines().collect();
    let dir = room.path().file_name().unwrap().to_str().unwrap();
    let unfinished = |file: &str| file.ends_with(".gz.part");
    let synced = place(&calls, 0, "sync", unfinished);
    let renamed = place(&calls, synced, "rename", unfinished);
    let listed = place(&calls, renamed, "sync", |file| file == dir);
    place(&calls, listed, "remove", |file| file.starts_with("alerts.") && !unfinished(file));
    // None was removed, or got its name, before that.
    assert_eq!(place(&calls, 0, "rename", unfinished), renamed, "{calls:#?}");
}

#[cfg(feature = "store")]
#[test]
fn that_a_store_is_in_use_is_on_the_disk_before_an_alert_is_stored() {
    let store = ["--store", "a.db", "--data-handler", "null"];
    let test = Test::new().preloading(CALLS);
    // The file itself is there before.
    let mut first = program();
    first.args(store).args(["--socket-handler", "play", "--from"]).arg(recording("v2919/http"));
    assert!(first.current_dir(test.room().path()).status().unwrap().success());
    let room = test.args(store).args(["--count", "1"]).send(ping()).success();
    let calls = room.read("calls");
    let calls: Vec<_> = calls.lines().collect();
    let locked = place(&calls, 0, "sync", |file| file == "a.db.lock");
    // The alert comes into the journal behind that; what opening writes there is no alert.
    place(&calls, locked, "sync", |file| file == "a.db-wal");
    let before = calls[..locked].iter().filter(|line| **line == "sync a.db-wal").count();
    assert!(before <= 1, "{calls:#?}");
    // And that it was left in order, once everything is in the file itself.
    let last = calls.iter().rposition(|line| *line == "sync a.db").unwrap();
    place(&calls, last, "sync", |file| file == "a.db.lock");
}
