//! The store: what is kept, what is asked of it, and what goes wrong.

mod opening;

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::process::{Output, Stdio};

use nix::sys::signal::Signal;

use crate::harness::{NOBODY, Test, counters, is_root, program, until};
use crate::room::Room;
use crate::running::Running;
use crate::snort::{PING, objects, ping, recording, sent};

/// What `pigear ARGS` in a directory writes; it ends with status 0.
#[track_caller]
fn run(room: &Room, args: &[&str]) -> String {
    let Output { stdout, stderr, status } =
        program().args(args).current_dir(room.path()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert_eq!((text(stderr), status.code()), (String::new(), Some(0)));
    text(stdout)
}

/// What `pigear ARGS` in a directory complains about, with this status.
#[track_caller]
fn complaint(room: &Room, args: &[&str], expected: i32) -> String {
    let Output { stdout, stderr, status } =
        program().args(args).current_dir(room.path()).output().unwrap();
    assert_eq!((&*String::from_utf8_lossy(&stdout), status.code()), ("", Some(expected)));
    String::from_utf8(stderr).unwrap()
}

/// A directory with a store in which the alerts of a case are.
fn stored(case: &str) -> Room {
    let alerts = sent(case);
    let count = alerts.len();
    let n = count.try_into().unwrap();
    Test::new()
        .args(["--store", "a.db", "--data-handler", "null", "--count", &count.to_string()])
        .args(["--sensor", "dmz"])
        .send_all(alerts)
        .stats(counters([n, 0, 0, 0], &[("null", [n, 0, 0]), ("store", [n, 0, 0])]))
        .success()
}

const QUERY: [&str; 3] = ["query", "--store", "a.db"];

#[test]
fn what_is_stored_is_shown_as_it_was_when_it_came() {
    let alerts = sent("v2919/icmp_ping");
    let count = alerts.len();
    let test = Test::new().args(["--store", "a.db", "--count", &count.to_string(), "format=json"]);
    let mut running = test.start();
    for alert in &alerts {
        running.send(alert);
    }
    let (room, ended) = running.end();
    assert_eq!((&*ended.stderr, ended.status), ("", Some(0)));
    let shown = run(&room, &[&QUERY[..], &["--format", "json"]].concat());
    let newest_first: Vec<_> = ended.stdout.lines().rev().collect();
    assert_eq!(shown.lines().collect::<Vec<_>>(), newest_first);
}

#[test]
fn a_query_shows_the_newest_with_their_numbers() {
    let room = stored("v2919/icmp_ping");
    insta::assert_snapshot!("query", run(&room, &[&QUERY[..], &["--limit", "4"]].concat()));
    let alert = run(&room, &[&QUERY[..], &["--packet", "1"]].concat());
    insta::assert_snapshot!("query_packet", alert);
    let counts = run(&room, &[&QUERY[..], &["--count-by", "sid"]].concat());
    insta::assert_snapshot!("query_count_by_sid", counts);
    let counts = run(&room, &[&QUERY[..], &["--count-by", "hour"]].concat());
    insta::assert_snapshot!("query_count_by_hour", counts);
}

#[cfg(feature = "script")]
#[test]
fn a_query_may_have_a_filter() {
    let room = stored("v2919/icmp_ping");
    let all = run(&room, &[&QUERY[..], &["--format", "json"]].concat());
    let filter = ["--format", "json", "--filter", "msg.caplen > 1000"];
    let shown = run(&room, &[&QUERY[..], &filter].concat());
    let long: Vec<_> = objects(&all)
        .into_iter()
        .filter(|alert| alert["caplen"].as_u64().unwrap() > 1_000)
        .collect();
    assert!(!long.is_empty() && long.len() < objects(&all).len());
    assert_eq!(objects(&shown), long);
    let error = complaint(&room, &[&QUERY[..], &["--filter", "msg.size > 1"]].concat(), 2);
    assert!(error.starts_with("error: --filter: "), "{error}");
}

#[cfg(feature = "script")]
#[test]
fn a_query_does_not_find_alerts_on_which_its_filter_fails() {
    let room = stored("v2919/icmp_ping");
    let all = objects(&run(&room, &[&QUERY[..], &["--format", "json"]].concat())).len();
    let filter = ["--filter", "msg.msg.len() / 0 == 1"];
    let first = "warning: the filter failed on an alert, which is left out: division by zero";
    let last = format!("warning: the filter failed on {all} alerts, which are left out\n");
    for by in [&[][..], &["--count-by", "sid"]] {
        let said = complaint(&room, &[&QUERY[..], by, &filter].concat(), 0);
        assert!(said.starts_with(first) && said.ends_with(&last), "{said}");
        assert!(said.contains("no alerts found"), "{said}");
    }
}

#[test]
fn the_store_may_be_named_in_a_file() {
    let config = "[store]\npath = 'a.db'\nkeep_days = 30\nkeep_bytes = '1GB'\n";
    let room = Test::new()
        .file("pigear.toml", config)
        .args(["--config", "pigear.toml", "--count", "1"])
        .send(ping())
        .stdout(PING)
        .success();
    let line = run(&room, &["query", "--config", "pigear.toml", "--limit", "1"]);
    assert_eq!(line, format!("     1  {PING}"));
}

#[test]
fn packets_are_written_for_wireshark_and_nothing_is_written_over() {
    let room = stored("v2919/icmp_ping");
    let args = [&QUERY[..], &["--pcap", "x.pcapng", "--sid", "1000134"]].concat();
    assert_eq!(complaint(&room, &args, 0), "pigear: wrote 4 packets to x.pcapng\n");
    let bytes = fs::read(room.at("x.pcapng")).unwrap();
    assert_eq!(bytes[..4], 0x0a0d_0d0a_u32.to_le_bytes());
    let error = complaint(&room, &args, 1);
    assert_eq!(error, "error: x.pcapng exists and is not overwritten\n");
}

#[test]
fn a_query_follows_what_is_stored_meanwhile() {
    let mut running = Test::new().args(["--store", "a.db", "--data-handler", "null"]).start();
    running.send(&ping());
    let store = running.room().at("a.db");
    until("it is stored", || {
        let shown = program().args(["query", "--store"]).arg(&store).output().unwrap();
        !shown.stdout.is_empty()
    });
    let mut command = program();
    command.args(["query", "--follow", "--store"]).arg(&store).stdout(Stdio::piped());
    let mut follower = Running::start(Room::new(), command).read_stdout();
    follower.prints(&format!("     1  {PING}"));
    running.send(&ping());
    follower.prints(&format!("     2  {PING}"));
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
    assert_eq!(follower.stdout_so_far(), format!("     1  {PING}     2  {PING}"));
}

#[test]
fn a_query_may_follow_until_the_latest_possible_time() {
    let room = stored("v2919/icmp_ping");
    let all = run(&room, &QUERY);
    let mut command = program();
    command.args(["query", "--follow", "--until", "9999-12-30T22:00:00.999999999Z", "--store"]);
    command.arg(room.at("a.db")).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running::start(Room::new(), command).read_stdout().read_stderr();
    running.prints(all.lines().next().unwrap());
    running.signal_now(Signal::SIGTERM);
    assert_eq!(running.end().1.stderr, "");
}

#[test]
fn a_query_that_follows_ends_when_its_span_is_over() {
    let room = stored("v2919/icmp_ping");
    let all = run(&room, &QUERY);
    for (until, expected, stderr) in [
        ("2025-12-31", all.lines().rev().collect(), ""),
        ("2001-01-01", Vec::new(), "pigear: no alerts found: nothing is stored from that time"),
    ] {
        let mut command = program();
        command.args(["query", "--follow", "--until", until, "--store"]).arg(room.at("a.db"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let running = Running::start(Room::new(), command).read_stdout().read_stderr();
        let ended = running.end().1;
        let shown: Vec<_> = ended.stdout.lines().collect();
        assert_eq!((shown, ended.status), (expected, Some(0)), "{until}");
        let said = ended.stderr.split(';').next().unwrap();
        assert_eq!(said, stderr, "{until}");
    }
}

#[test]
fn a_query_goes_on_with_a_store_that_replaced_the_one_it_followed() {
    let (old, new) = (stored("v2919/icmp_ping"), stored("v2919/icmp_ping"));
    let all = run(&new, &QUERY);
    let mut command = program();
    command.args(["query", "--follow", "--limit", "1", "--store", "a.db"]).current_dir(old.path());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let path = old.at("a.db");
    let follower = Running::start(old, command).read_stdout().read_stderr();
    until("it follows", || !follower.stdout_so_far().is_empty());
    let before = follower.stdout_so_far();
    fs::rename(new.at("a.db"), path).unwrap();
    until("the new one is shown", || {
        follower.stdout_so_far().lines().count() == 1 + all.lines().count()
    });
    let shown = follower.stdout_so_far();
    let shown: Vec<_> = shown.strip_prefix(&*before).unwrap().lines().rev().collect();
    assert_eq!(shown, all.lines().collect::<Vec<_>>());
    until("it is said", || {
        follower.stderr_so_far() == "pigear: the store was replaced; following the new one\n"
    });
    follower.signal_now(Signal::SIGKILL);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let room = stored("v2919/http");
    let cases: [(&[&str], &str); 6] = [
        (
            &["query"],
            "error: no store given; use --store PATH, --config FILE with [store], or PIGEAR_STORE=PATH\n",
        ),
        (&["query", "--store", "a.db", "--sid", "x"], "error: invalid value 'x' for '--sid <N>'"),
        (
            &["query", "--store", "a.db", "--src", "10.0.0.0/33"],
            "error: invalid value '10.0.0.0/33'",
        ),
        (
            &["query", "--store", "a.db", "--since", "soon"],
            "error: invalid value 'soon' for '--since",
        ),
        (
            &["query", "--store", "a.db", "--count-by", "moon"],
            "error: invalid value 'moon' for '--count-by",
        ),
        (&["--keep-days", "3"], "error: retention needs a store; give one with --store PATH\n"),
    ];
    for (args, expected) in cases {
        let error = complaint(&room, args, 2);
        assert!(error.starts_with(expected), "{error:?} is not {expected:?}");
    }
    let error = complaint(&room, &[&QUERY[..], &["--packet", "7"]].concat(), 1);
    assert!(error.starts_with("error: there is no alert 7 in the store; its "), "{error}");
    let error = complaint(&room, &["query", "--store", "no.db"], 1);
    assert_eq!(
        error,
        "error: cannot use the store no.db: there is no store\n\
        hint: `pigear --store PATH` makes one\n"
    );
    assert!(!room.at("no.db").exists());
}

#[test]
fn a_store_that_is_too_large_loses_its_oldest_alerts_while_it_is_written_to() {
    let args = ["--store", "a.db", "--keep-bytes", "2MB", "--data-handler", "null"];
    let mut running = Test::new().args(args).start();
    running.listens();
    let mut player = program();
    player.arg("play").arg(recording("v2919/icmp_ping")).args(["--loop", "--count", "20000"]);
    let played = player.arg("--logdir").arg(running.room().at("log")).output().unwrap();
    assert!(played.status.success());
    let ids = |room: &Room| {
        let shown = run(room, &[&QUERY[..], &["--limit", "1000000"]].concat());
        let id = |line: &str| line.split_whitespace().next().unwrap().parse::<u64>().unwrap();
        shown.lines().map(id).collect::<Vec<_>>()
    };
    // The file itself says little: the newest are still in the journal.
    until("the oldest are gone", || {
        let ids = ids(running.room());
        ids.first() == Some(&20_000) && ids.len() < 10_000
    });
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let left = ids(&room);
    assert!(left.len() > 1_000 && left.len() < 10_000, "{}", left.len());
    assert!(left.iter().copied().eq((20_001 - left.len() as u64..=20_000).rev()));
}

#[test]
fn a_full_disk_stops_storing_and_nothing_else_and_storing_resumes() {
    if !is_root("mount a small disk") {
        return;
    }
    let test = Test::new();
    let at = test.room().at("disk");
    let Some(disk) = crate::disk::SmallDisk::mount_of(&at, "1m") else { return };
    let other = at.join("other");
    fs::write(&other, vec![0; 560 * 1024]).unwrap();
    let args = ["--store", "disk/a.db", "--data-handler", "file", "--data-handler", "exec"];
    let args = [&args[..], &["file.path=lines", "--stats", "stats.json"]].concat();
    let test = test.args(args).args(["exec.command=tee -a taken", "exec.mode=stream"]);
    let mut running = test.args(["exec.format=fast"]).start();
    let full = "error: handler store: cannot store in disk/a.db: the disk is full";
    let mut sent = 0;
    until("the disk is full", || {
        for _ in 0..20 {
            running.send(&ping());
        }
        sent += 20;
        running.stderr_so_far().contains(full)
    });
    // What can't be stored is handed on nevertheless, and so it is with handlers that don't wait for it.
    let lines = |room: &Room, name: &str| {
        fs::read_to_string(room.at(name)).map_or(0, |text| text.lines().count())
    };
    until("all is handed on", || {
        lines(running.room(), "lines") == sent && lines(running.room(), "taken") == sent
    });
    fs::remove_file(&other).unwrap();
    let newest = |room: &Room| {
        let args = ["query", "--store", "disk/a.db", "--limit", "1"];
        let shown = program().args(args).current_dir(room.path()).output().unwrap();
        String::from_utf8(shown.stdout).unwrap()
    };
    let before = newest(running.room());
    until("storing works again", || {
        running.send(&ping());
        sent += 1;
        newest(running.room()) != before
    });
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert_eq!((lines(&room, "lines"), lines(&room, "taken")), (sent, sent));
    let stats = &objects(&room.read("stats.json"))[0]["handlers"]["store"];
    let [handled, dropped, failed] =
        ["handled", "dropped", "failed"].map(|name| stats[name].as_u64().unwrap());
    assert_eq!((handled + dropped, failed), (sent as u64, 0));
    assert!(handled > 0 && dropped > 0, "{stats}");
    let all = run(&room, &["query", "--store", "disk/a.db", "--limit", "1000000"]);
    assert_eq!(all.lines().count() as u64, handled);
    drop(disk);
}

#[test]
fn a_second_writer_is_refused_by_every_name_of_the_file() {
    let mut running = Test::new().args(["--store", "a.db"]).start();
    running.listens();
    let room = running.room();
    std::os::unix::fs::symlink("a.db", room.at("link.db")).unwrap();
    fs::hard_link(room.at("a.db"), room.at("name.db")).unwrap();
    for name in ["link.db", "name.db"] {
        let error = complaint(room, &["--store", name, "--logdir", "."], 1);
        let expected =
            format!("error: cannot use the store {name}: another Pigear stores alerts there\n");
        assert!(error.contains(&expected), "{error}");
    }
    running.signal(Signal::SIGTERM);
    running.end();
}

#[test]
fn a_store_that_is_removed_is_noticed_and_begun_again() {
    let args = ["--store", "a.db", "--data-handler", "exec", "--stats", "stats.json"];
    let test = Test::new().args(args).args(["exec.command=tee -a taken", "exec.mode=stream"]);
    let mut running = test.args(["exec.format=fast"]).start();
    let taken =
        |room: &Room| fs::read_to_string(room.at("taken")).map_or(0, |text| text.lines().count());
    (0..50).for_each(|_| running.send(&ping()));
    until("they are handed on", || taken(running.room()) == 50);
    fs::remove_file(running.room().at("a.db")).unwrap();
    running.warns("error: a.db: the store's file was removed while alerts are stored in it");
    (0..50).for_each(|_| running.send(&ping()));
    until("they are handed on, too", || taken(running.room()) == 100);
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let shown = run(&room, &[&QUERY[..], &["--limit", "1000"]].concat());
    let stats = &objects(&room.read("stats.json"))[0]["handlers"]["store"];
    assert_eq!((&stats["handled"], &stats["dropped"]), (&100.into(), &0.into()));
    assert_eq!(shown.lines().count(), 50);
    assert!(shown.starts_with("   100  "), "{shown}");
}

#[test]
fn a_journal_that_is_taken_away_after_a_crash_is_missed() {
    let mut running = Test::new().args(["--store", "a.db", "--data-handler", "null"]).start();
    (0..5).for_each(|_| running.send(&ping()));
    let store = running.room().at("a.db");
    until("they are stored", || {
        let shown = program().args(["query", "--store"]).arg(&store).output().unwrap();
        String::from_utf8_lossy(&shown.stdout).lines().count() == 5
    });
    running.signal_now(Signal::SIGKILL);
    let (room, _) = running.end();
    fs::remove_file(room.at("a.db-wal")).unwrap();
    fs::remove_file(room.at("a.db-shm")).unwrap_or_default();
    let mut command = program();
    command.args(["--store", "a.db", "--logdir", "log", "--data-handler", "null"]);
    command.current_dir(room.path()).stderr(Stdio::piped());
    fs::remove_file(room.socket()).unwrap();
    let mut running = Running::start(room, command).read_stderr();
    running.warns("its journal a.db-wal is gone");
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
}

#[test]
fn limits_that_keep_nothing_are_refused() {
    let room = Room::new();
    room.write("days.toml", "[store]\npath = 'a.db'\nkeep_days = 0\n");
    room.write("bytes.toml", "[store]\npath = 'a.db'\nkeep_bytes = 1\n");
    let cases: [(&[&str], &str); 4] = [
        (
            &["--store", "a.db", "--keep-days", "0"],
            "error: invalid value '0' for '--keep-days <N>': nothing would be kept; give at least 1 day\n",
        ),
        (
            &["--store", "a.db", "--keep-bytes", "1"],
            "error: invalid value '1' for '--keep-bytes <SIZE>': too small for any alert; give at least 1MB\n",
        ),
        (&["--config", "days.toml"], "nothing would be kept; give at least 1 day"),
        (&["--config", "bytes.toml"], "too small for any alert; give at least 1MB"),
    ];
    for (args, expected) in cases {
        let error = complaint(&room, args, 2);
        assert!(error.contains(expected), "{error}");
    }
    assert!(!room.at("a.db").exists());
}

#[test]
fn what_cannot_be_read_is_counted_at_the_end_of_a_query() {
    let room = stored("v2919/icmp_ping");
    let all = run(&room, &QUERY);
    let mut bytes = fs::read(room.at("a.db")).unwrap();
    // A bit of a packet: the text of a ping that the alerts have.
    let text = b"abcdefghijklmnop";
    let place = bytes.windows(text.len()).rposition(|window| window == text).unwrap();
    bytes[place] ^= 1;
    fs::write(room.at("a.db"), bytes).unwrap();
    let output = program().args(QUERY).current_dir(room.path()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    assert_eq!(stderr.unwrap(), "pigear: 1 alert could not be read: its record is damaged\n");
    let shown = stdout.unwrap();
    assert_eq!(shown.lines().count(), all.lines().count() - 1);
    assert!(shown.lines().all(|line| all.contains(line)));
}

#[test]
fn what_root_does_to_a_store_keeps_its_owner_not_out() {
    if !is_root("give a store to another user") {
        return;
    }
    for command in [&["lanes", "drop", "a"][..], &["redeliver"], &["query", "--dead-letters"]] {
        let room = Test::new()
            .args(["--store", "a.db", "--data-handler", "a=null", "a.durable=true", "--count", "1"])
            .send(ping())
            .success();
        fs::remove_file(room.at("a.db.lock")).unwrap();
        chown(room.at("a.db"), Some(NOBODY), Some(NOBODY)).unwrap();
        let words = [command, &["--store", "a.db"]].concat();
        program().args(words).current_dir(room.path()).output().unwrap();
        for name in room.list(".").iter().filter(|name| name.starts_with("a.db")) {
            let found = fs::metadata(room.at(name)).unwrap();
            assert_eq!((found.uid(), found.gid()), (NOBODY, NOBODY), "{name} after {command:?}");
        }
    }
}
