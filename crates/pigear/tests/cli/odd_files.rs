//! Paths that name something else than a regular file: devices, FIFOs, symbolic links.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, symlink};
use std::path::Path;
use std::process::Command;

use nix::libc::O_NONBLOCK;
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::mkfifo;

use crate::harness::{Test, counters, is_root, program, until};
use crate::room::Room;
use crate::snort::{PING, ping, recording, unpacked};

const FILE: [&str; 2] = ["--data-handler", "file"];

fn fifo(room: &Room) {
    mkfifo(&room.at("fifo"), Mode::from_bits_truncate(0o600)).unwrap();
}

/// A device of this test's own, as `/dev/null` is one; only root can make it.
fn null(room: &Room) {
    let mode = Mode::from_bits_truncate(0o666);
    mknod(&room.at("null"), SFlag::S_IFCHR, mode, makedev(1, 3)).unwrap();
}

fn is_device(path: &Path) -> bool {
    fs::symlink_metadata(path).unwrap().file_type().is_char_device()
}

#[test]
fn counters_for_a_device_are_written_to_it_and_it_stays() {
    if is_root("make a device") {
        let room = Test::new()
            .with(null)
            .args(["--count", "1", "--stats", "null"])
            .send(ping())
            .stdout(PING)
            .success();
        assert!(is_device(&room.at("null")));
    }
}

#[test]
fn counters_behind_a_link_are_replaced_there_and_the_link_stays() {
    let room = Test::new()
        .with(|room| symlink("log/counters", room.at("stats.json")).unwrap())
        .send(ping())
        .args(["--count", "1"])
        .stdout(PING)
        .stats(counters([1, 0, 0, 0], &[("print", [1, 0, 0])]))
        .success();
    assert!(fs::symlink_metadata(room.at("stats.json")).unwrap().is_symlink());
    assert!(fs::symlink_metadata(room.at("log/counters")).unwrap().is_file());
}

#[test]
fn counters_for_a_fifo_that_nobody_reads_are_left_out() {
    let room = Test::new()
        .with(fifo)
        .args(["--count", "1", "--stats", "fifo"])
        .send(ping())
        .stdout(PING)
        .stderr("warning: cannot write the counters to fifo: it is a named pipe without a reader\n")
        .success();
    assert!(fs::symlink_metadata(room.at("fifo")).unwrap().file_type().is_fifo());
}

#[test]
fn a_device_is_written_to_but_never_rotated() {
    if is_root("make a device") {
        for handler in ["file", "pcap"] {
            let room = Test::new()
                .with(null)
                .args(["--data-handler", handler, "path=null", "rotate=10B"])
                .stderr(format!(
                    "error: handler {handler}: cannot open null: only a regular file can be rotated; \
                     leave out `rotate`\n"
                ))
                .status(1);
            assert!(is_device(&room.at("null")));
            let room = Test::new()
                .with(null)
                .args(["--data-handler", handler, "path=null", "--count", "2"])
                .send_all([ping(), ping()])
                .stats(counters([2, 0, 0, 0], &[(handler, [2, 0, 0])]))
                .success();
            assert!(is_device(&room.at("null")));
        }
    }
}

#[test]
fn a_fifo_that_nobody_reads_holds_up_neither_start_nor_end() {
    for handler in ["file", "pcap"] {
        let mut running =
            Test::new().with(fifo).args(["--data-handler", handler, "path=fifo"]).start();
        running.warns("the named pipe fifo has no reader yet");
        running.signal(Signal::SIGTERM);
        let (room, ended) = running.end();
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        assert!(fs::symlink_metadata(room.at("fifo")).unwrap().file_type().is_fifo());
    }
}

#[test]
fn alerts_wait_for_the_reader_of_a_fifo() {
    const EARLY: u64 = 20;
    for handler in ["file", "pcap"] {
        // Also where an error would end the program.
        for more in [&["--serve-forever"][..], &[]] {
            let test = Test::new().with(fifo).args(["--data-handler", handler, "path=fifo"]);
            let mut running = test.args(["--stats", "stats.json"]).args(more).start();
            for _ in 0..EARLY {
                running.send(&ping());
            }
            running.warns(&format!(
                "handler {handler}: cannot write fifo: it is a named pipe without a reader; trying again in "
            ));
            let path = running.room().at("fifo");
            let flags = O_NONBLOCK;
            let mut reader = OpenOptions::new().read(true).custom_flags(flags).open(path).unwrap();
            let (mut got, mut buffer) = (Vec::new(), [0; 4_096]);
            let alerts = |got: &[u8]| {
                let text = String::from_utf8_lossy(got);
                text.matches("ICMP Echo Request").count() as u64
            };
            let mut reads = |alerts_so_far: u64| {
                until("what waited is written", || {
                    let n = reader.read(&mut buffer).unwrap_or(0);
                    got.extend(&buffer[..n]);
                    alerts(&got) == alerts_so_far
                });
            };
            reads(EARLY);
            running.send(&ping());
            reads(EARLY + 1);
            running.signal(Signal::SIGTERM);
            let (room, ended) = running.end();
            assert_eq!(ended.status, Some(0), "{}", ended.stderr);
            let counted = counters([EARLY + 1, 0, 0, 0], &[(handler, [EARLY + 1, 0, 0])]);
            assert_eq!(room.read("stats.json"), counted);
        }
    }
}

#[test]
fn a_fifo_gets_alerts_once_somebody_reads_it() {
    let mut running =
        Test::new().with(fifo).args(FILE).args(["path=fifo", "--serve-forever"]).start();
    running.warns("the named pipe fifo has no reader yet");
    let path = running.room().at("fifo");
    let mut reader = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path).unwrap();
    let (mut text, mut buffer) = (String::new(), [0; 4_096]);
    running.send(&ping());
    until("the alert is written", || {
        let n = reader.read(&mut buffer).unwrap_or(0);
        text.push_str(&String::from_utf8_lossy(&buffer[..n]));
        text == PING
    });
    drop(reader);
    running.send(&ping());
    running.warns("cannot write fifo: it is a named pipe without a reader");
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
}

#[test]
fn a_file_behind_a_link_is_rotated_beside_itself() {
    let room = Test::new()
        .with(|room| symlink("log/alerts", room.at("link")).unwrap())
        .args(FILE)
        .args(["path=link", "rotate=1KB", "compress=gzip", "keep=5", "--count", "20"])
        .send_all(std::iter::repeat_n(ping(), 20))
        .success();
    assert!(fs::symlink_metadata(room.at("link")).unwrap().is_symlink());
    let mut names = room.list("log");
    names.retain(|name| name.starts_with("alerts"));
    assert_eq!(names.len(), 3, "{names:?}");
    let texts = names.iter().map(|name| unpacked(&room.at("log").join(name)));
    assert_eq!(texts.collect::<String>(), PING.repeat(20));
}

#[test]
fn files_with_packets_are_for_their_owner_and_group() {
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    for handler in ["file", "pcap", "record"] {
        for (given, expected) in [(None, 0o640), (Some("mode=0604"), 0o604)] {
            let room = Test::new()
                .args(["--data-handler", handler, "path=out", "--count", "1"])
                .args(given)
                .send(ping())
                .success();
            assert_eq!(mode(&room.at("out")), expected, "{handler}");
        }
    }
    let room = Test::new()
        .args(FILE)
        .args(["path=alerts", "mode=604", "rotate=1KB", "compress=zstd", "--count", "20"])
        .send_all(std::iter::repeat_n(ping(), 20))
        .success();
    let mut names = room.list(".");
    names.retain(|name| name.starts_with("alerts"));
    assert_eq!(names.len(), 3);
    assert!(names.iter().all(|name| mode(&room.at(name)) == 0o604));
    Test::new()
        .args(FILE)
        .args(["path=alerts", "mode=9"])
        .stderr(
            "error: handler file: mode: expected permissions in octal, such as \"0640\" or 0o640\n\
             hint: pigear --help lists handlers and keys\n",
        )
        .status(2);
}

/// What is said of an input that is a FIFO without a writer, and of one without an end.
const NAMED_PIPE: &str = "it is a named pipe without a writer, or an empty pipe";
const ENDLESS: &str = "it is neither a regular file nor a pipe";

#[test]
fn inputs_that_never_end_or_never_begin_are_refused() {
    let options =
        ["--class-config", "--reference-config", "--sid-msg-map", "--gen-msg-map", "--snort-conf"];
    for option in options.into_iter().chain(["--config"]) {
        for (path, problem) in
            [("fifo", NAMED_PIPE), ("/dev/zero", ENDLESS), ("/dev/full", ENDLESS)]
        {
            Test::new()
                .with(fifo)
                .args([option, path])
                .stderr(format!("error: cannot read {path}: {problem}\n"))
                .status(1);
        }
    }
}

#[cfg(feature = "http")]
#[test]
fn secrets_templates_and_certificates_that_never_begin_are_refused() {
    for key in ["url_file", "auth_file", "ca", "template"] {
        let url = if key == "url_file" { None } else { Some("url=https://127.0.0.1:1/") };
        let (_, ended) = Test::new()
            .with(fifo)
            .args(["--data-handler", "http", &format!("{key}=fifo")])
            .args(url)
            .start()
            .end();
        assert!(
            ended.stderr.contains("cannot read fifo: it is a named pipe"),
            "{key}: {}",
            ended.stderr
        );
        assert_eq!(ended.status, Some(1));
    }
}

#[cfg(feature = "syslog")]
#[test]
fn certificates_of_syslog_that_never_begin_are_refused() {
    let (_, ended) = Test::new()
        .with(fifo)
        .args(["--data-handler", "syslog", "target=tls://127.0.0.1:1", "ca=fifo"])
        .start()
        .end();
    assert!(ended.stderr.contains("cannot read fifo: it is a named pipe"), "{}", ended.stderr);
    assert_eq!(ended.status, Some(1));
}

#[test]
fn a_recording_that_never_begins_or_never_ends_is_refused() {
    for path in ["fifo", "/dev/zero"] {
        let problem = format!("error: cannot read {path}: {ENDLESS}\n");
        Test::bare()
            .with(fifo)
            .args(["--socket-handler", "play", "--from", path])
            .stderr(&*problem)
            .status(1);
        let test = Test::new().with(fifo);
        let played =
            program().args(["play", path]).current_dir(test.room().path()).output().unwrap();
        assert_eq!(String::from_utf8(played.stderr).unwrap(), problem);
    }
}

#[test]
fn a_map_may_come_through_a_pipe() {
    let test = Test::new().file("map", "broken\n");
    let command = "exec \"$0\" --socket-handler play --from \"$1\" --count 1 \
        --data-handler null --sid-msg-map <(cat map)";
    let ended = Command::new("bash")
        .args(["-c", command, env!("CARGO_BIN_EXE_pigear")])
        .arg(fs::canonicalize(recording("v2919/http")).unwrap())
        .current_dir(test.room().path())
        .output()
        .unwrap();
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert!(stderr.contains(":1: sid is \"broken\""), "{stderr}");
    assert!(ended.status.success(), "{stderr}");
}

#[test]
fn a_standard_output_that_is_closed_is_an_error_at_the_start() {
    const CLOSED: &str = "standard output is closed; for no output, send it to /dev/null";
    let run = |command: &str| {
        let test = Test::new();
        let args = ["-c", command, env!("CARGO_BIN_EXE_pigear")];
        let ended = Command::new("sh").args(args).current_dir(test.room().path()).output().unwrap();
        (String::from_utf8(ended.stderr).unwrap(), ended.status.code())
    };
    let printed = run("exec \"$0\" --logdir log --count 1 >&-");
    assert_eq!(printed, (format!("error: handler print: {CLOSED}\n"), Some(1)));
    assert_eq!(run("exec \"$0\" man >&-"), (format!("error: {CLOSED}\n"), Some(1)));
    // Whoever asks for no output gets none, however it is opened.
    for redirection in [">/dev/null", "1<>/dev/null"] {
        assert_eq!(run(&format!("exec \"$0\" man {redirection}")), (String::new(), Some(0)));
    }
}
