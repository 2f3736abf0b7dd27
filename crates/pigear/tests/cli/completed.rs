//! Alerts of the socket, completed from Snort's log by the program.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::harness::{Test, until};
use crate::log::{append, etc, logged};
use crate::room::Room;
use crate::running::Running;
use crate::snort::{expected, objects, sent};

/// Listens, completes from `u2.log`, and writes JSON into `alerts`.
fn completing(wait: &str) -> Test {
    completing_with(&etc("classification.config"), wait)
}

/// The same with this list of classes.
fn completing_with(classes: &str, wait: &str) -> Test {
    Test::new()
        .args(["--complete-from", "log/u2.log", "--complete-wait", wait, "--stats", "stats.json"])
        .args(["--class-config", classes, "--data-handler", "file", "path=alerts", "format=json"])
}

fn until_written(alerts: &Path, needed: usize) {
    until(&format!("{needed} alerts are written"), || {
        fs::read_to_string(alerts).is_ok_and(|text| text.lines().count() >= needed)
    });
}

fn end(running: Running) -> (Vec<Value>, Value) {
    let room = stopped(running);
    (objects(&room.read("alerts")), serde_json::from_str(&room.read("stats.json")).unwrap())
}

fn stopped(running: Running) -> Room {
    running.signal_now(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!((&*ended.stderr, ended.status), ("", Some(0)));
    room
}

/// What the log, not the datagram, has: each alert that lacked something now has it.
fn assert_complete(alert: &Value, expected: &Value, case: &str) {
    for (field, logged) in [
        ("sig_generator", "gid"),
        ("sig_id", "sid"),
        ("sig_rev", "rev"),
        ("priority", "priority"),
        ("event_id", "event_id"),
        ("src_ip", "src_ip"),
        ("src_port", "src_port"),
        ("dst_ip", "dst_ip"),
        ("dst_port", "dst_port"),
    ] {
        // Where the log has no address, the packet may still have one.
        if expected[logged].is_null() && field.ends_with("_ip") {
            continue;
        }
        assert_eq!(alert[field], expected[logged], "{case} {}: {field}", expected["n"]);
    }
    assert_eq!(alert["untrusted"], Value::Null, "{case}");
    assert_eq!(alert["source"], Value::Null, "{case}");
}

fn by_event(alerts: &mut [Value]) {
    alerts.sort_by_key(|alert| alert["event_id"].as_u64());
}

#[test]
fn every_alert_that_lacks_something_is_completed() {
    for case in ["v2919/ipfrag", "v2973appid/http", "v3122/http", "v3122/bigframe4", "v3122/sip"] {
        let expected = expected(case);
        let n = expected.len();
        let mut running = completing("30s").start();
        running.listens();
        for datagram in sent(case) {
            running.send(&datagram);
        }
        append(&running.room().at("log/u2.log"), &logged(case));
        until_written(&running.room().at("alerts"), n);
        let (mut alerts, stats) = end(running);
        by_event(&mut alerts);
        let lacking = alerts.iter().filter(|alert| !alert["action"].is_null()).count();
        for (alert, expected) in alerts.iter().zip(&expected) {
            assert_complete(alert, expected, case);
        }
        assert_eq!(alerts.len(), n, "{case}");
        let totals = ["received", "missed", "incomplete"].map(|name| &stats[name]);
        assert_eq!(totals, [&json!(n), &json!(0), &Value::Null], "{case}");
        let completed = stats["completed"].as_u64().unwrap_or(0);
        assert_eq!(lacking as u64, completed, "{case}");
    }
}

#[test]
fn what_the_socket_lost_is_handed_on_from_the_log() {
    let case = "v3122/dns";
    let n = expected(case).len();
    let mut running = completing("50ms").start();
    running.listens();
    for datagram in sent(case).into_iter().skip(2) {
        running.send(&datagram);
    }
    append(&running.room().at("log/u2.log"), &logged(case));
    until_written(&running.room().at("alerts"), n);
    let (alerts, stats) = end(running);
    let from_log = alerts.iter().filter(|alert| alert["source"] == "unified2").count();
    assert_eq!((alerts.len(), from_log, &stats["missed"]), (n, 2, &json!(2)));
}

#[test]
fn what_was_logged_while_nobody_listened_is_handed_on_after_the_next_start() {
    let case = "v3122/dns";
    let log = logged(case);
    // The first event, and its packet.
    let half = record_len(&log) + record_len(&log[record_len(&log)..]);
    let mut running = completing("50ms").start();
    running.listens();
    running.send(&sent(case)[0]);
    append(&running.room().at("log/u2.log"), &log[..half]);
    until_written(&running.room().at("alerts"), 1);
    let room = stopped(running);

    append(&room.at("log/u2.log"), &log[half..]);
    let again = restarted(room.path());
    until_written(&room.at("alerts"), expected(case).len());
    stopped(again);
    let alerts = objects(&room.read("alerts"));
    let ids: Vec<_> = alerts.iter().map(|alert| alert["event_id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>());
    assert!(alerts.iter().skip(1).all(|alert| alert["source"] == "unified2"));
}

#[test]
fn the_directory_of_a_packet_thread_is_made_for_its_log_too() {
    let test = completing("30s").args(["--instances", "1", "--id-subdir"]);
    let running = test.start();
    let bookmark = running.room().at("log/0/.u2.log.bookmark");
    until("its log is followed", || bookmark.exists());
    stopped(running);
}

#[test]
fn what_was_logged_before_the_first_start_is_read_if_asked_for() {
    let case = "v3122/dns";
    let n = expected(case).len();
    let test = completing("50ms").args(["--from-start"]).file("log/u2.log", logged(case));
    let running = test.start();
    until_written(&running.room().at("alerts"), n);
    let (alerts, _) = end(running);
    assert_eq!(alerts.len(), n);
    assert!(alerts.iter().all(|alert| alert["source"] == "unified2"));
}

#[test]
fn every_alert_has_the_action_of_the_log_if_asked_for() {
    let case = "v2919/http";
    let mut running = completing("30s").args(["--complete", "all"]).start();
    running.listens();
    play(&mut running, case, "log/u2.log", 0);
    let (alerts, stats) = end(running);
    assert!(alerts.iter().all(|alert| alert["action"] == "allowed"));
    assert_eq!(stats["completed"], json!(alerts.len()));
}

/// The length of the record that a log begins with.
fn record_len(log: &[u8]) -> usize {
    let length = log[4..8].first_chunk().copied().map(u32::from_be_bytes);
    8 + usize::try_from(length.unwrap()).unwrap()
}

/// The program once more, over the files of an earlier run.
fn restarted(dir: &Path) -> Running {
    let at = |name: &str| dir.join(name).display().to_string();
    let test = Test::bare()
        .args(["--logdir", &at("log"), "--complete-from", &at("log/u2.log")])
        .args(["--complete-wait", "50ms", "--data-handler", "file", "format=json"])
        .args([format!("path={}", at("alerts"))]);
    test.start()
}

/// Sends what a case sent, writes its log, and waits until all of it is written.
fn play(running: &mut Running, case: &str, log: &str, before: usize) -> usize {
    for datagram in sent(case) {
        running.send(&datagram);
    }
    append(&running.room().at(log), &logged(case));
    let all = before + expected(case).len();
    until_written(&running.room().at("alerts"), all);
    all
}

#[test]
fn a_disk_that_takes_its_time_for_the_bookmark_holds_no_alert_up() {
    let slow = "#include <unistd.h>\nint fdatasync(int fd) { (void) fd; return (int) sleep(3); }\n";
    let mut running = completing("500ms").preloading(slow).start();
    running.listens();
    let mut all = 0;
    // The bookmark is being written all the time.
    for case in ["v3122/http", "v3122/sip", "v3122/bigframe4"] {
        all = play(&mut running, case, "log/u2.log", all);
    }
    running.signal_now(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let stats: Value = serde_json::from_str(&room.read("stats.json")).unwrap();
    let totals = ["received", "missed", "incomplete"].map(|name| &stats[name]);
    assert_eq!(totals, [&json!(all), &json!(0), &Value::Null]);
}

/// Completes from a log in a directory of its own.
fn completing_from_elsewhere() -> Test {
    Test::new()
        .args(["--complete-from", "logs/u2.log", "--complete-wait", "500ms"])
        .args(["--stats", "stats.json"])
        .args(["--data-handler", "file", "path=alerts", "format=json"])
}

fn end_said(running: Running, lines: &[&str]) -> Value {
    running.signal_now(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    for line in lines {
        assert_eq!(ended.stderr.matches(line).count(), 1, "{line}: {}", ended.stderr);
    }
    assert_eq!(ended.stderr.lines().count(), lines.len(), "{}", ended.stderr);
    serde_json::from_str(&room.read("stats.json")).unwrap()
}

#[test]
fn a_log_directory_that_is_not_there_at_the_start_takes_no_alert_away() {
    let mut running = completing_from_elsewhere().start();
    running.listens();
    let case = "v3122/http";
    for datagram in sent(case) {
        running.send(&datagram);
    }
    let first = expected(case).len();
    until_written(&running.room().at("alerts"), first);
    fs::create_dir(running.room().at("logs")).unwrap();
    running.warns("logs/u2.log: alerts are completed again");
    let all = play(&mut running, "v3122/sip", "logs/u2.log", first);
    let stats = end_said(
        running,
        &[
            "warning: alerts are not completed from logs/u2.log: there is no directory logs; --complete-from \
             needs the path that Snort logs to; trying again",
            "warning: logs/u2.log: alerts are completed again",
        ],
    );
    assert_eq!((&stats["received"], &stats["missed"]), (&json!(all), &json!(0)));
    let incomplete = stats["incomplete"].as_u64().unwrap();
    assert!(0 < incomplete && incomplete <= first as u64, "{stats}");
}

#[test]
fn a_log_of_another_name_is_said_once_an_alert_waited_in_vain() {
    let test = Test::new().args(["--complete-from", "log/wrong.log", "--complete-wait", "20ms"]);
    let mut running = test.start();
    running.listens();
    // Some of these have no packet.
    for datagram in sent("v3122/http") {
        running.send(&datagram);
    }
    let warning = "warning: alerts are not completed from log/wrong.log: there is no such file, nor one with a \
        number behind its name (wrong.log.1750000000); --complete-from needs the path that Snort logs to\n";
    running.warns(warning);
    running.signal(Signal::SIGTERM);
    let (_, ended) = running.end();
    assert_eq!((ended.stderr.matches("not completed").count(), ended.status), (1, Some(0)));
}

#[test]
fn the_log_that_is_there_instead_is_named() {
    let test = Test::new()
        .args(["--complete-from", "log/wrong.log", "--complete-wait", "20ms"])
        .with(|room| fs::create_dir_all(room.at("log")).unwrap())
        .file("log/unified2.log.1750000000", logged("v3122/http"));
    let mut running = test.start();
    running.listens();
    for datagram in sent("v3122/http") {
        running.send(&datagram);
    }
    running.warns("needs the path that Snort logs to; did you mean log/unified2.log?\n");
    append(&running.room().at("log/wrong.log"), &logged("v3122/sip"));
    running.warns("warning: log/wrong.log is there now: alerts are completed from it\n");
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
}

/// What the first line says of a log that is this, and what else is said.
fn first_line(log: Option<&[u8]>) -> (String, String) {
    let test = Test::new()
        .loud()
        .args(["--complete-from", "log/u2.log", "--class-config", &etc("classification.config")])
        .with(|room| fs::create_dir_all(room.at("log")).unwrap())
        .with(|room| log.into_iter().for_each(|log| append(&room.at("log/u2.log"), log)));
    let mut running = test.start();
    running.warns("pigear: listening on log/snort_alert\n");
    running.signal(Signal::SIGTERM);
    let stderr = running.end().1.stderr;
    let (lines, _) = stderr.split_once("pigear: listening").unwrap();
    let (before, last) = lines.trim_end().rsplit_once('\n').unwrap_or(("", lines.trim_end()));
    (last.to_owned(), before.to_owned())
}

#[test]
fn where_alerts_are_completed_from_is_said_only_of_a_log_that_is_there() {
    let there = "pigear: completing from log/u2.log".to_owned();
    let not_yet = format!("{there} once Snort writes it; no log is there yet");
    for log in [&*logged("v3122/http"), b""] {
        assert_eq!(first_line(Some(log)), (there.clone(), String::new()));
    }
    assert_eq!(first_line(None), (not_yet.clone(), String::new()));
    let capture = b"\xd4\xc3\xb2\xa1\x02\0\x04\0";
    let (line, before) = first_line(Some(capture));
    assert_eq!((line, before.ends_with("; it is skipped")), (not_yet, true), "{before}");
}

#[test]
fn a_log_directory_that_goes_away_takes_no_alert_away() {
    let test = completing_from_elsewhere().with(|room| fs::create_dir(room.at("logs")).unwrap());
    let mut running = test.start();
    running.listens();
    let mut all = play(&mut running, "v3122/http", "logs/u2.log", 0);
    fs::remove_dir_all(running.room().at("logs")).unwrap();
    running.warns("cannot read the directory logs");
    for datagram in sent("v3122/bigframe4") {
        running.send(&datagram);
    }
    all += expected("v3122/bigframe4").len();
    until_written(&running.room().at("alerts"), all);
    fs::create_dir(running.room().at("logs")).unwrap();
    running.warns("logs can be read again");
    all = play(&mut running, "v3122/sip", "logs/u2.log", all);
    running.signal_now(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let stats: Value = serde_json::from_str(&room.read("stats.json")).unwrap();
    assert_eq!((&stats["received"], &stats["missed"]), (&json!(all), &json!(0)), "{stats}");
}

#[test]
fn a_bookmark_that_cannot_be_written_keeps_no_alert_from_being_completed() {
    let mut running = completing("30s").args(["--bookmark", "missing/mark"]).start();
    running.listens();
    let all = play(&mut running, "v3122/http", "log/u2.log", 0);
    let stats = end_said(
        running,
        &[
            "warning: cannot write the bookmark missing/mark: No such file or directory (os error 2); \
           trying again",
        ],
    );
    assert_eq!((&stats["received"], &stats["incomplete"]), (&json!(all), &Value::Null));
}

#[test]
fn a_new_file_that_cannot_be_read_is_said() {
    // The repository may be below a directory of root's.
    let classes = fs::read(etc("classification.config")).unwrap();
    let test = completing_with("classes", "50ms").file("classes", classes).with(|room| {
        room.hand_over("log");
        room.hand_over("");
    });
    let test = test.without_rights();
    let mut running = test.start();
    running.listens();
    let name = "log/u2.log.1750000000";
    running.room().write("log/new", logged("v3122/http"));
    running.room().set_mode("log/new", 0o000);
    fs::rename(running.room().at("log/new"), running.room().at(name)).unwrap();
    running.warns(&format!(
        "cannot read {name}: Permission denied (os error 13); continuing without it and trying again"
    ));
    running.room().set_mode(name, 0o644);
    running.warns(&format!("{name} can be read again"));
    until_written(&running.room().at("alerts"), expected("v3122/http").len());
}

/// Hundredths of a second of processor time that a process used so far.
fn processor_time(id: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields = stat.rsplit_once(") ").unwrap().1.split(' ').skip(11).take(2);
    fields.map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

#[test]
fn many_old_logs_cost_nothing_while_nothing_happens() {
    let test = completing("50ms").with(|room| {
        for n in 0..5_000 {
            room.write(&format!("log/u2.log.{}", 1_700_000_000 + n), [0; 64]);
        }
    });
    let mut running = test.start();
    running.listens();
    running.send(&sent("v3122/http")[0]);
    until_written(&running.room().at("alerts"), 1);
    let (begun, before) = (Instant::now(), processor_time(running.id()));
    until("two seconds have passed", || begun.elapsed() > Duration::from_secs(2));
    let used = processor_time(running.id()) - before;
    // Of 200; this build isn't optimised, and reading the directory each time would take nearly all.
    assert!(used <= 20, "{used}");
}
