//! Sockets that systemd passes.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::chown;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{NOBODY, can_change_user, program, program_as, until};
use crate::requirements::missing;
use crate::room::Room;
use crate::running::Running;
use crate::snort::{PING, ping, recording};

/// `systemd-socket-activate`, which starts what is behind these arguments at the first datagram; `None` if there
/// is none.
#[track_caller]
fn activating(room: &Room, kind: &[&str]) -> Option<Command> {
    let mut command = Command::new("systemd-socket-activate");
    if command.arg("--version").output().is_err() {
        missing("systemd-socket-activate is not installed (Debian: systemd)");
        return None;
    }
    let mut command = Command::new("systemd-socket-activate");
    command.args(kind).arg("--listen").arg(room.socket()).arg("--fdname=snort");
    command.env("SYSTEMD_LOG_LEVEL", "warning").stdin(Stdio::null());
    command.current_dir(room.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(command)
}

/// Pigear behind a datagram socket, started by a datagram that is no alert.
fn started(args: &[&str]) -> Option<Running> {
    let room = Room::new();
    let mut command = activating(&room, &["--datagram"])?;
    command.arg(env!("CARGO_BIN_EXE_pigear")).args(["--serve-forever", "--quiet"]).args(args);
    let running = Running::start(room, command).read_stdout().read_stderr();
    running.room().send_to("log/snort_alert", b"wake up");
    Some(running)
}

#[test]
fn a_passed_socket_is_received_from_and_stays() {
    for args in
        [&[][..], &["--logdir", "log"], &["--from", "log/snort_alert"], &["--from", "fd:snort"]]
    {
        let Some(mut running) = started(args) else { return };
        // The first datagram was sent before its sender could be known.
        running.warns("so far");
        running.send(&ping());
        running.prints(PING);
        running.signal_now(Signal::SIGTERM);
        let (room, ended) = running.end();
        assert_eq!((&*ended.stdout, ended.status), (PING, Some(0)), "{args:?}");
        assert!(room.socket().exists(), "{args:?}");
    }
}

#[test]
fn a_datagram_that_was_sent_before_senders_were_asked_for_has_an_unknown_sender() {
    let Some(mut running) = started(&[]) else { return };
    running.warns(
        "warning: refused a datagram from an unknown sender: it was sent before Pigear could ask who sends, as when \
         a socket unit of systemd lacks PassCredentials=yes; 1 refused so far\n",
    );
    running.signal_now(Signal::SIGTERM);
    let (_, ended) = running.end();
    assert!(!ended.stderr.contains("--allow-uid"), "{}", ended.stderr);
}

#[test]
fn a_socket_that_no_source_receives_from_is_an_error() {
    let Some(running) = started(&["--logdir", "."]) else { return };
    let (room, ended) = running.end();
    let expected = "error: systemd passed the socket SOCKET, but no source receives from it\n\
        hint: Snort would wait for a reader; add a [[source]] with from = \"SOCKET\", or remove it from the \
        socket unit\n";
    let said = ended.stderr.replace(room.socket().to_str().unwrap(), "SOCKET");
    assert_eq!((&*said, ended.status), (expected, Some(1)));
}

#[test]
fn a_name_that_no_socket_has_is_an_error() {
    let Some(running) = started(&["--from", "fd:snrt"]) else { return };
    let (_, ended) = running.end();
    let expected = "error: systemd passed no socket named \"snrt\"; it passed snort\n";
    assert_eq!((&*ended.stderr, ended.status), (expected, Some(2)));
}

#[test]
fn a_socket_of_another_type_is_an_error() {
    let room = Room::new();
    let Some(mut command) = activating(&room, &[]) else { return };
    command.args([env!("CARGO_BIN_EXE_pigear"), "--quiet"]);
    let socket = room.socket();
    let running = Running::start(room, command).read_stdout().read_stderr();
    until("it listens", || UnixStream::connect(&socket).is_ok());
    let (_, ended) = running.end();
    let expected = "error: cannot use descriptor 3 (snort), which systemd passed: it is not a Unix datagram socket\n\
        hint: sockets for alerts have ListenDatagram=PATH in the socket unit\n";
    assert_eq!((&*ended.stderr, ended.status), (expected, Some(1)));
}

#[test]
fn a_descriptor_that_is_not_there_is_an_error() {
    let not_there = "no socket was passed as descriptor";
    for (count, expected) in [
        ("1 3</dev/null", "cannot use descriptor 3 (unknown), which systemd passed".to_owned()),
        ("2 3</dev/null", format!("LISTEN_FDS=2: {not_there} 4")),
        // Nothing is done for each of them.
        ("99999999", format!("LISTEN_FDS=99999999: {not_there} 100000001")),
        ("4294967295", format!("LISTEN_FDS=4294967295: {not_there} 4294967297")),
        ("-1", "LISTEN_FDS=-1: not a number of sockets".to_owned()),
    ] {
        let mut command = Command::new("sh");
        let (count, descriptor) = count.split_once(' ').unwrap_or((count, ""));
        let line = format!("LISTEN_FDS={count} LISTEN_PID=$$ exec \"$0\" --quiet {descriptor}");
        command.args(["-c", &line]);
        command.arg(env!("CARGO_BIN_EXE_pigear")).stdout(Stdio::piped()).stderr(Stdio::piped());
        let running = Running::start(Room::new(), command).read_stdout().read_stderr();
        let (_, ended) = running.end();
        let expected = format!("error: {expected}");
        assert!(ended.stderr.starts_with(&expected) && ended.status == Some(1), "{}", ended.stderr);
    }
}

#[test]
fn the_owner_of_a_closed_directory_above_the_log_directory_may_send() {
    if !can_change_user() {
        return;
    }
    let (room, snort) = (Room::new(), 65_533);
    let path = room.at("closed/dmz/snort_alert");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let socket = UnixDatagram::bind(&path).unwrap();
    room.set_mode("closed/dmz/snort_alert", 0o666);
    for (dir, mode) in [("closed/dmz", 0o750), ("closed", 0o750)] {
        room.set_mode(dir, mode);
        chown(room.at(dir), Some(snort), Some(snort)).unwrap();
    }
    let alerts = fs::File::open(recording("v2919/icmp_ping")).unwrap();
    let mut player = program_as(snort, &room);
    player.args(["play", "/dev/stdin", "--count", "1", "--socket"]).arg(path).stdin(alerts);
    let mut command = Command::new("sh");
    let start = "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" --serve-forever --quiet 3<&0 </dev/null";
    command.args(["-c", start]).arg(room.at("pigear")).current_dir(room.path());
    command.uid(NOBODY).gid(NOBODY).stdin(OwnedFd::from(socket));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running::start(room, command).read_stdout().read_stderr();
    assert!(player.status().unwrap().success());
    running.prints(PING);
    running.signal_now(Signal::SIGTERM);
    let (_, ended) = running.end();
    assert_eq!((&*ended.stderr, ended.status), ("", Some(0)));
}

/// How many alerts are sent while Pigear is restarted, and how often that is.
const ALERTS: usize = 10_000;
const RESTARTS: usize = 20;

/// Runs Pigear again and again on the socket that the shell keeps, as systemd would.
const AGAIN: &str = r#"
while ! [ -e enough ]; do
    sh -c 'echo $$ >pid.new; mv pid.new pid; LISTEN_PID=$$ exec "$@"' sh "$@" >>out 2>>err
done
"#;

#[test]
fn all_alerts_are_handled_while_pigear_is_restarted_again_and_again() {
    let room = Room::new();
    let Some(mut command) = activating(&room, &["--datagram"]) else { return };
    command.args(["sh", "-c", AGAIN, "sh", env!("CARGO_BIN_EXE_pigear"), "--serve-forever"]);
    let running = Running::start(room, command);
    let room = running.room();
    room.send_to("log/snort_alert", b"wake up");
    until("it runs", || fs::read_to_string(room.at("err")).is_ok_and(|err| err.contains("so far")));
    let mut play = program();
    play.arg("play").arg(recording("v2919/icmp_ping")).args(["--loop", "--rate", "3000", "--json"]);
    play.args(["--count", &ALERTS.to_string(), "--socket"]).arg(room.socket());
    let mut play = play.stdout(Stdio::piped()).spawn().unwrap();
    let handled = || fs::read_to_string(room.at("out")).unwrap_or_default().lines().count();
    let pid = || room.read("pid").trim().parse().unwrap();
    // Only one that listens ends in order: a signal before that just kills it.
    let listened = || room.read("err").matches("listening on").count();
    for n in 0..RESTARTS {
        until("some are handled", || {
            handled() >= (n + 1) * ALERTS / (RESTARTS + 2) && listened() == n + 1
        });
        kill(Pid::from_raw(pid()), Signal::SIGTERM).unwrap();
    }
    assert_eq!(play.try_wait().unwrap(), None, "alerts still come at the last restart");
    assert!(play.wait_with_output().unwrap().status.success());
    until("all are handled", || handled() >= ALERTS);
    assert_eq!(handled(), ALERTS);
    room.write("enough", "");
    until("the last one listens", || listened() == RESTARTS + 1);
    kill(Pid::from_raw(pid()), Signal::SIGTERM).unwrap();
    let err = || room.read("err");
    let ends = || err().lines().filter(|line| line.starts_with("pigear: received")).count();
    until("it has ended", || ends() == RESTARTS + 1);
    let malformed = err().lines().filter(|line| line.contains("malformed 0")).count();
    assert_eq!(malformed, RESTARTS + 1, "nothing is left in the socket by a former run: {}", err());
}
