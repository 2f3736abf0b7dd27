//! Outputs that are closed, full, or not read.

use std::fs::File;
use std::io::{Read, Write, pipe};
use std::process::Stdio;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::Signal;

use crate::harness::{Test, counters, program};
use crate::snort::{PING, datagrams, ping, recording};

#[test]
fn a_reader_that_has_seen_enough_ends_the_program_quietly() {
    let mut running = Test::new().args(["--stats", "stats.json"]).start_piped().read_stderr();
    running.send(&ping());
    let mut line = [0; PING.len()];
    running.stdout().read_exact(&mut line).unwrap();
    running.close_stdout();
    running.send(&ping());
    let (room, ended) = running.end();
    assert_eq!((line.as_slice(), &*ended.stderr, ended.status), (PING.as_bytes(), "", Some(0)));
    assert_eq!(room.read("stats.json"), counters([2, 0, 0, 0], &[("print", [1, 1, 0])]));
}

#[test]
fn other_handlers_go_on_without_the_reader() {
    let test = Test::new().args(["--data-handler", "print", "--data-handler", "file"]);
    let test = test.args(["file.path=alerts", "--stats", "stats.json", "--count", "5"]);
    let mut running = test.start_piped().read_stderr();
    running.listens();
    running.close_stdout();
    (0..5).for_each(|_| running.send(&ping()));
    let (room, ended) = running.end();
    assert_eq!((&*ended.stderr, ended.status), ("", Some(0)));
    assert_eq!(room.read("alerts"), PING.repeat(5));
    let handlers = [("file", [5, 0, 0]), ("print", [0, 5, 0])];
    assert_eq!(room.read("stats.json"), counters([5, 0, 0, 0], &handlers));
}

#[test]
fn a_log_that_nobody_reads_any_more_is_no_failure() {
    let test = Test::new().args(["--serve-forever", "--count", "1"]);
    let mut running = test.start_piped().read_stdout();
    running.close_stderr();
    running.send(b"bad");
    running.send(&ping());
    let (_, ended) = running.end();
    assert_eq!((&*ended.stdout, ended.status), (PING, Some(0)));
}

#[test]
fn counters_that_nobody_reads_are_no_failure() {
    let mut running = Test::new().start_piped().read_stdout();
    running.send(&ping());
    running.prints(PING);
    running.close_stderr();
    running.signal(Signal::SIGTERM);
    let (_, ended) = running.end();
    assert_eq!((&*ended.stdout, ended.status), (PING, Some(0)));
}

#[test]
fn a_full_standard_output_is_an_error() {
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    let mut running = Test::new().args(["--stats", "stats.json"]).start_with(full());
    running.send(&ping());
    let (room, ended) = running.end();
    let problem =
        "handler print: cannot write to standard output: No space left on device (os error 28)";
    let hint = "hint: with --serve-forever, errors are counted and the next alert is handled";
    assert_eq!((ended.stderr, ended.status), (format!("error: {problem}\n{hint}\n"), Some(1)));
    assert_eq!(room.read("stats.json"), counters([1, 0, 0, 0], &[("print", [0, 0, 1])]));

    let test = Test::new().args(["--stats", "stats.json", "--serve-forever", "--count", "3"]);
    let mut running = test.start_with(full());
    (0..3).for_each(|_| running.send(&ping()));
    let (room, ended) = running.end();
    let lines =
        ["1 alert", "2 alerts"].map(|alerts| format!("error: {problem}; {alerts} failed so far\n"));
    let last = "error: not delivered: 3 alerts of handler print\n";
    assert_eq!((ended.stderr, ended.status), (lines.concat() + last, Some(1)));
    assert_eq!(room.read("stats.json"), counters([3, 0, 0, 0], &[("print", [0, 0, 3])]));
}

/// Nobody reads standard output: Snort must not notice, and the program must still end.
#[test]
fn a_stuck_standard_output_holds_nobody_up() {
    let (_unread, stdout) = pipe().unwrap();
    let test = Test::new().args(["format=full", "--stats", "stats.json"]);
    let mut running = test.start_with(stdout);
    running.listens();
    let recording = recording("v2919/icmp_ping");
    assert_eq!(datagrams(&recording).len(), 27);
    let played = program()
        .args(["play", "--loop", "--count", "3000", "--rate", "1000", "--json", "--socket"])
        .arg(running.room().socket())
        .arg(recording)
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&played.stdout).unwrap();
    assert_eq!((&report["sent"], &report["refused"]), (&3_000.into(), &0.into()), "{report}");
    let held_up = |quantile: &str| report["held_up_us"][quantile].as_f64().unwrap();
    assert!(held_up("p50") > 0.1 && held_up("p50") <= held_up("max"), "{report}");

    running.signal(Signal::SIGTERM);
    // It stays stuck: without its deadline the program would not end.
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let stats: serde_json::Value = serde_json::from_str(&room.read("stats.json")).unwrap();
    let print = &stats["handlers"]["print"];
    let number = |name: &str| print[name].as_u64().unwrap();
    assert_eq!(stats["received"], 3_000);
    assert_eq!(number("handled") + number("dropped") + number("failed"), 3_000, "{stats}");
    assert!(number("dropped") > 0, "{stats}");
    let left = number("dropped");
    let warning = format!(
        "warning: handler print: still busy at the shutdown deadline; {left} alerts dropped\n"
    );
    assert_eq!(ended.stderr, warning);
}

/// Whoever has the same pipe may have made it non-blocking.
#[test]
fn a_full_standard_output_that_does_not_block_is_waited_for() {
    let (mut reader, mut stdout) = pipe().unwrap();
    let capacity = fcntl(&stdout, FcntlArg::F_GETPIPE_SZ).unwrap().try_into().unwrap();
    stdout.write_all(&vec![b' '; capacity]).unwrap();
    fcntl(&stdout, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let mut running = Test::new().args(["--count", "2"]).start_with(stdout);
    running.send(&ping());
    running.send(&ping());
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    let (_, ended) = running.end();
    assert_eq!((&*ended.stderr, ended.status), ("", Some(0)));
    assert_eq!(text.trim_start_matches(' '), PING.repeat(2));
}

/// A log that nobody reads is no reason for Snort to wait.
#[test]
fn a_stuck_standard_error_holds_nobody_up() {
    let (_unread, mut stderr) = pipe().unwrap();
    let capacity = fcntl(&stderr, FcntlArg::F_GETPIPE_SZ).unwrap();
    stderr.write_all(&vec![b' '; capacity.try_into().unwrap()]).unwrap();
    let test = Test::new().args(["--serve-forever", "--count", "100"]);
    let mut running = test.start_with_stderr(stderr);
    for _ in 0..100 {
        running.send(b"bad");
        running.send(&ping());
    }
    let (_, ended) = running.end();
    assert_eq!((ended.stdout, ended.status), (PING.repeat(100), Some(0)));
}
