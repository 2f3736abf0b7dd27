//! What waits as long as a disk is full: a log that is read, and durable handlers.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;

use crate::disk::SmallDisk;
use crate::harness::{Test, is_root, program, until};
use crate::log::{append, numbered_events};
use crate::room::Room;
use crate::running::{Running, without_names};
use crate::snort::{PING, datagrams, objects, ping, recording};

/// So many alerts take more than there is room for at first, and less than there is later.
const ALERTS: u32 = 6_000;

/// A log with so many events.
fn long_log() -> Vec<u8> {
    numbered_events(1..=ALERTS).concat()
}

const READING: [&str; 10] = [
    "--socket-handler",
    "unified2",
    "--from",
    "u2.log",
    "--from-start",
    "--once",
    "--store",
    "disk/a.db",
    "--data-handler",
    "null",
];

/// Reads the log into a store on a disk that has room for some of its alerts only, until that is
/// noticed. Removing `disk/other` makes room for all.
fn reading_into_a_full_disk(at: &Path, test: Test) -> Running {
    // The store is there before the disk is full.
    let made =
        program().args(READING).arg("--quiet").current_dir(test.room().path()).status().unwrap();
    assert!(made.success());
    fs::write(at.join("other"), vec![0; 7_400 * 1024]).unwrap();
    append(&test.room().at("u2.log"), &long_log());
    let mut running = test.args(READING).args(["--stats", "stats.json"]).start();
    running.warns(
        "warning: handler store: cannot store in disk/a.db: the disk is full; trying again in 100ms\n",
    );
    running
}

/// The numbers of the events that are stored.
fn stored(room: &Room) -> Vec<u64> {
    let args = ["query", "--store", "disk/a.db", "--limit", "1000000", "--format", "json"];
    let output = program().args(args).current_dir(room.path()).output().unwrap();
    let alerts = objects(&String::from_utf8(output.stdout).unwrap());
    alerts.iter().map(|alert| alert["event_id"].as_u64().unwrap()).collect()
}

#[track_caller]
fn assert_all_are_stored_once(room: &Room) {
    let ids = stored(room);
    let different: HashSet<_> = ids.iter().collect();
    assert_eq!((ids.len(), different.len()), (ALERTS as usize, ALERTS as usize));
}

#[test]
fn a_log_waits_for_room_in_the_store() {
    if !is_root("mount a small disk") {
        return;
    }
    let test = Test::bare().file("u2.log", "");
    let at = test.room().at("disk");
    let Some(disk) = SmallDisk::mount_of(&at, "8m") else { return };
    let running = reading_into_a_full_disk(&at, test);
    assert!(stored(running.room()).len() < ALERTS as usize);
    fs::remove_file(at.join("other")).unwrap();
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert_all_are_stored_once(&room);
    let stats = objects(&room.read("stats.json")).swap_remove(0);
    let store = &stats["handlers"]["store"];
    let counted = ["handled", "dropped", "failed"].map(|name| store[name].as_u64().unwrap());
    assert_eq!(counted, [ALERTS.into(), 0, 0], "{stats}");
    drop(disk);
}

#[test]
fn what_had_no_room_in_the_store_is_read_again_in_the_next_run() {
    if !is_root("mount a small disk") {
        return;
    }
    let test = Test::bare().file("u2.log", "");
    let at = test.room().at("disk");
    let Some(disk) = SmallDisk::mount_of(&at, "8m") else { return };
    let running = reading_into_a_full_disk(&at, test);
    running.signal_now(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    let stats = objects(&room.read("stats.json")).swap_remove(0);
    let store = &stats["handlers"]["store"];
    let [handled, dropped, left] =
        ["handled", "dropped", "waiting"].map(|name| store[name].as_u64().unwrap());
    assert_eq!(
        (handled, dropped, store["received"].as_u64()),
        (stored(&room).len() as u64, 0, Some(handled + left))
    );
    assert!(left > 0, "{stats}");
    let messages = [
        format!(
            "handler store: could not finish in time; {left} alerts are left in the log, and are read again \
            in the next run\n"
        ),
        format!(
            "error: {left} alerts were not processed; the next run reads them again from the log\n"
        ),
    ];
    for message in messages {
        assert!(ended.stderr.contains(&message), "{message} is not in {}", ended.stderr);
    }

    fs::remove_file(at.join("other")).unwrap();
    let output = program().args(READING).arg("--quiet").current_dir(room.path()).output().unwrap();
    let stderr = without_names(&String::from_utf8_lossy(&output.stderr));
    assert_eq!((&*stderr, output.status.code()), ("", Some(0)));
    assert_all_are_stored_once(&room);
    drop(disk);
}

/// A store on a disk that has no room for it, and a handler that gets alerts from it.
const FULL_FROM_THE_START: [&str; 6] =
    ["--store", "disk/a.db", "--data-handler", "file", "path=out", "durable=true"];

/// Fills the rest of a disk.
fn fill(at: &Path) {
    // Fails at the end of the disk.
    let _ = fs::write(at.join("other"), vec![0; 2 << 20]);
}

/// Starts with a full disk, sends, makes room, and checks that everything is stored and handled.
fn receives_while_the_store_cannot_be_opened(prepare: impl FnOnce(&Path)) {
    let test = Test::new();
    let at = test.room().at("disk");
    let Some(disk) = SmallDisk::mount_of(&at, "1m") else { return };
    prepare(test.room().path());
    let before = stored(test.room()).len();
    fill(&at);
    let mut running =
        test.args(FULL_FROM_THE_START).args(["--serve-forever", "--stats", "stats.json"]).start();
    (0..30).for_each(|_| running.send(&ping()));
    running.warns(
        "warning: cannot use the store disk/a.db: the disk is full; alerts wait in memory; trying again in \
        100ms\n",
    );
    fs::remove_file(at.join("other")).unwrap();
    let written = running.room().at("out");
    until("all are written", || {
        fs::metadata(&written).is_ok_and(|file| file.len() == 30 * PING.len() as u64)
    });
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let stats = objects(&room.read("stats.json")).swap_remove(0);
    for lane in ["file", "store"] {
        let lane = &stats["handlers"][lane];
        let counted = ["handled", "dropped", "failed"].map(|name| lane[name].as_u64().unwrap());
        assert_eq!(counted, [30, 0, 0], "{stats}");
    }
    assert_eq!(stored(&room).len(), 30 + before);
    drop(disk);
}

#[test]
fn alerts_are_received_while_the_disk_has_no_room_for_a_new_store() {
    if is_root("mount a small disk") {
        receives_while_the_store_cannot_be_opened(|_| {});
    }
}

#[test]
fn alerts_are_received_while_the_disk_has_no_room_to_open_the_store() {
    if is_root("mount a small disk") {
        receives_while_the_store_cannot_be_opened(|room| {
            let mut first = program();
            first.args(["--socket-handler", "play", "--from"]).arg(recording("v2919/http"));
            first.args(["--store", "disk/a.db", "--data-handler", "null"]);
            assert!(first.current_dir(room).status().unwrap().success());
        });
    }
}

#[test]
fn without_serve_forever_a_full_disk_is_an_error_at_the_start() {
    if !is_root("mount a small disk") {
        return;
    }
    for (more, hint) in [
        (&[][..], "free disk space, or limit the store with --keep-bytes"),
        (&["--keep-bytes", "2MB"], "free disk space, or keep less with --keep-bytes"),
    ] {
        let test = Test::new();
        let at = test.room().at("disk");
        let Some(disk) = SmallDisk::mount_of(&at, "1m") else { return };
        fill(&at);
        let problem = "error: cannot use the store disk/a.db: the disk is full";
        let stderr = format!("{problem}\nhint: {hint}\n");
        let room = test.args(FULL_FROM_THE_START).args(more).stderr(stderr).status(1);
        assert!(!room.socket().exists());
        drop(disk);
    }
}

/// How many alerts wait for a handler, and how many dead letters it has.
fn lane(room: &Room, name: &str) -> Option<(u64, u64)> {
    let args = ["lanes", "--store", "a.db"];
    let output = program().args(args).current_dir(room.path()).output().unwrap();
    let lanes = String::from_utf8(output.stdout).unwrap();
    let line = lanes.lines().find(|line| line.split_whitespace().next() == Some(name))?;
    let mut numbers = line.split_whitespace().skip(1).map(|number| number.parse().unwrap());
    Some((numbers.next()?, numbers.next()?))
}

/// Sends to a durable handler that writes on a full disk, makes room, and returns what was written.
fn waits_for_room(handler: &str, path: &str, sent: u64) -> Option<Vec<u8>> {
    let test = Test::new();
    let at = test.room().at("disk");
    let disk = SmallDisk::mount_of(&at, "64k")?;
    let written = test.room().at(path);
    let key = format!("path={path}");
    let args = ["--store", "a.db", "--data-handler", handler, &key, "durable=true"];
    let mut running = test.args(args).start();
    running.listens();
    until("the file is there", || written.exists());
    let other = at.join("other");
    fs::write(&other, vec![0; 64 * 1024]).unwrap_or_default();
    (0..sent).for_each(|_| running.send(&ping()));
    running.warns(&format!(
        "warning: handler {handler}: cannot write {path}: No space left on device"
    ));
    until("all are stored", || lane(running.room(), handler).is_some_and(|(lag, _)| lag > 0));
    fs::remove_file(&other).unwrap();
    until("all are written", || lane(running.room(), handler) == Some((0, 0)));
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("dead letter"), "{}", ended.stderr);
    assert_eq!(lane(&room, handler), Some((0, 0)));
    let bytes = fs::read(&written).unwrap();
    drop(disk);
    Some(bytes)
}

#[test]
fn a_durable_file_gets_all_alerts_once_there_is_room() {
    if is_root("mount a small disk")
        && let Some(bytes) = waits_for_room("file", "disk/alerts", 50)
    {
        assert_eq!(String::from_utf8(bytes).unwrap(), PING.repeat(50));
    }
}

#[test]
fn a_durable_pcap_gets_all_packets_once_there_is_room() {
    if is_root("mount a small disk")
        && let Some(bytes) = waits_for_room("pcap", "disk/alerts.pcapng", 50)
    {
        assert_eq!(crate::log::packet_blocks(&bytes), 50);
    }
}

/// Three handlers that write files on a small disk. One that records can't get its alerts from the store.
fn writers() -> String {
    let handlers =
        [("file", "durable"), ("pcap", "durable"), ("record", "")].map(|(kind, durable)| {
            let durable = if durable.is_empty() { "" } else { "durable = true\n" };
            format!("[[handler]]\ntype = \"{kind}\"\npath = \"disk/{kind}\"\n{durable}")
        });
    format!("serve_forever = true\n[store]\npath = \"a.db\"\n{}", handlers.concat())
}

/// Sends an alert for which there is no room, makes room, and sends another: checks what is written then.
fn writes_once_there_is_room(mut running: Running, at: &Path, make_room: impl FnOnce()) -> Room {
    running.send(&ping());
    let full = "No space left on device (os error 28)";
    for kind in ["file", "pcap", "record"] {
        let problem = format!("handler {kind}: cannot write disk/{kind}: {full}");
        running.warns(&problem);
    }
    make_room();
    running.send(&ping());
    for kind in ["file", "pcap"] {
        until("all are written", || lane(running.room(), kind) == Some((0, 0)));
    }
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(at.join("file")).unwrap(), PING.repeat(2));
    assert_eq!(crate::log::packet_blocks(&fs::read(at.join("pcap")).unwrap()), 2);
    // What a handler in memory had no room for was reported, and counts as failed.
    assert_eq!(datagrams(&at.join("record")), [ping()]);
    room
}

#[test]
fn alerts_are_received_though_files_cannot_be_begun() {
    if !is_root("mount a small disk") {
        return;
    }
    let test = Test::new();
    let at = test.room().at("disk");
    let Some(disk) = SmallDisk::mount_of(&at, "1m") else { return };
    fill(&at);
    let args = ["--config", "c.toml", "--stats", "disk/stats.json"];
    let mut running = test.file("c.toml", writers()).args(args).start();
    let full = "No space left on device (os error 28)";
    running.warns(&format!(
        "warning: disk/pcap can't be written yet: {full}; trying again with the next alert\n"
    ));
    running.warns(&format!("warning: cannot write the counters to disk/stats.json: {full}"));
    let room =
        writes_once_there_is_room(running, &at, || fs::remove_file(at.join("other")).unwrap());
    assert_eq!(objects(&fs::read_to_string(at.join("stats.json")).unwrap())[0]["received"], 2);
    drop((disk, room));
}

/// A disk without a free inode has no room for a new file, though it may have space.
#[test]
fn alerts_are_received_though_no_file_can_be_created() {
    if !is_root("mount a small disk") {
        return;
    }
    let test = Test::new();
    let at = test.room().at("disk");
    let Some(disk) = SmallDisk::mount_of(&at, "1m,nr_inodes=2") else { return };
    // The root of the file system is the other one.
    fs::write(at.join("other"), "").unwrap();
    let mut running = test.file("c.toml", writers()).args(["--config", "c.toml"]).start();
    for kind in ["file", "pcap", "record"] {
        running.warns(&format!("warning: disk/{kind} can't be written yet: No space left"));
    }
    let room = writes_once_there_is_room(running, &at, || {
        let remount = nix::mount::MsFlags::MS_REMOUNT;
        nix::mount::mount(Some("tmpfs"), &at, Some("tmpfs"), remount, Some("nr_inodes=8")).unwrap();
    });
    drop((disk, room));
}
