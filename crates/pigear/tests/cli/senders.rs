//! Who may send, and with which rights.

use std::fs::{self, File};
use std::io::IoSlice;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use nix::libc;
use nix::sys::signal::Signal;
use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, UnixCredentials, sendmsg};
use nix::unistd::{Gid, getpid};

use crate::harness::{NOBODY, Test, can_change_user, counters, is_root, program_as, until};
use crate::room::Room;
use crate::snort::{PING, can_send, ping, recording};

const ANOTHER: u32 = 65_533;

/// Sends one alert as another user.
pub(crate) fn send_as(uid: u32, room: &Room) {
    let socket = room.socket();
    until("the socket is there", || can_send(&socket));
    // The recording is read from standard input: not every user may go where it is.
    let recording = fs::File::open(recording("v2919/icmp_ping")).unwrap();
    let mut player = program_as(uid, room);
    player.args(["play", "/dev/stdin", "--count", "1", "--socket"]).arg(socket).stdin(recording);
    let sent = player.output().unwrap();
    assert!(sent.status.success(), "{sent:?}");
}

fn open_to_all(test: Test) -> Test {
    test.with(|room| ["", "log"].into_iter().for_each(|dir| room.set_mode(dir, 0o755)))
        .args(["--socket-mode", "0666"])
}

#[test]
fn a_sender_who_may_not_send_is_refused_and_counted() {
    if !can_change_user() {
        return;
    }
    let test = open_to_all(Test::new()).args(["--count", "1", "--stats", "stats.json"]);
    let mut running = test.start();
    send_as(NOBODY, running.room());
    send_as(NOBODY, running.room());
    running.send(&ping());
    let (room, ended) = running.end();
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!((&*ended.stdout, ended.status, lines.len()), (PING, Some(0), 2));
    for (n, line) in (1..).zip(lines) {
        let start = "warning: refused a datagram from uid 65534 (process ";
        let end = format!(
            "), which is not allowed to send (--allow-uid 65534 allows it); {n} refused so far"
        );
        assert!(line.starts_with(start) && line.ends_with(&end), "{line}");
    }
    assert_eq!(room.read("stats.json"), counters([1, 0, 2, 0], &[("print", [1, 0, 0])]));
}

/// Sends a datagram with file descriptors, as this user, which only root can say of itself.
fn send_with_descriptors(socket: &Path, datagram: &[u8], count: usize, uid: Option<u32>) {
    let file = File::open("/dev/null").unwrap();
    let descriptors = vec![file.as_raw_fd(); count];
    let credentials = uid.map(|uid| libc::ucred { pid: getpid().as_raw(), uid, gid: uid });
    let credentials = credentials.map(UnixCredentials::from);
    let mut along = vec![ControlMessage::ScmRights(&descriptors)];
    along.extend(credentials.as_ref().map(ControlMessage::ScmCredentials));
    let (from, to) = (UnixDatagram::unbound().unwrap(), UnixAddr::new(socket).unwrap());
    let part = [IoSlice::new(datagram)];
    sendmsg(from.as_raw_fd(), &part, &along, MsgFlags::empty(), Some(&to)).unwrap();
}

fn descriptors_of(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).unwrap().count()
}

#[test]
fn file_descriptors_that_are_sent_along_are_closed_and_the_alert_is_handled() {
    let mut running = Test::new().args(["--stats", "stats.json"]).start();
    running.send(&ping());
    running.prints(PING);
    let before = descriptors_of(running.id());
    for count in [1, 253] {
        send_with_descriptors(&running.room().socket(), &ping(), count, None);
    }
    running.send(&ping());
    running.prints(&PING.repeat(4));
    until("no descriptor is left", || descriptors_of(running.id()) == before);
    running.signal_now(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!((&*ended.stdout, ended.status), (&*PING.repeat(4), Some(0)), "{}", ended.stderr);
    assert_eq!(room.read("stats.json"), counters([4, 0, 0, 0], &[("print", [4, 0, 0])]));
}

#[test]
fn file_descriptors_of_a_refused_sender_are_closed_and_the_next_alert_is_received() {
    if !is_root("send as another user") {
        return;
    }
    let mut running = Test::new().args(["--count", "2", "--stats", "stats.json"]).start();
    running.send(&ping());
    running.prints(PING);
    let before = descriptors_of(running.id());
    for count in [1, 253] {
        send_with_descriptors(&running.room().socket(), &ping(), count, Some(NOBODY));
    }
    running.warns("2 refused so far");
    until("no descriptor is left", || descriptors_of(running.id()) == before);
    running.send(&ping());
    let (room, ended) = running.end();
    assert_eq!((&*ended.stdout, ended.status), (&*PING.repeat(2), Some(0)), "{}", ended.stderr);
    assert_eq!(room.read("stats.json"), counters([2, 0, 2, 0], &[("print", [2, 0, 0])]));
}

#[test]
fn users_who_are_allowed_to_may_send() {
    if !can_change_user() {
        return;
    }
    let allow = format!("{NOBODY},{ANOTHER}");
    let test = open_to_all(Test::new()).args(["--allow-uid", &allow, "--count", "2"]);
    let running = test.start();
    send_as(NOBODY, running.room());
    send_as(ANOTHER, running.room());
    let (_, ended) = running.end();
    assert_eq!((ended.stdout, &*ended.stderr, ended.status), (PING.repeat(2), "", Some(0)));
}

#[test]
fn the_owner_of_the_log_directory_may_send_and_owns_the_socket() {
    if !can_change_user() {
        return;
    }
    let test = Test::new().with(|room| {
        room.set_mode("", 0o755);
        chown(room.at("log"), Some(NOBODY), Some(ANOTHER)).unwrap();
    });
    let mut running = test.args(["--count", "1"]).start();
    running.listens();
    let socket = fs::metadata(running.room().socket()).unwrap();
    assert_eq!((socket.uid(), socket.gid(), socket.mode() & 0o7777), (NOBODY, ANOTHER, 0o660));
    send_as(NOBODY, running.room());
    let (_, ended) = running.end();
    assert_eq!((&*ended.stdout, &*ended.stderr, ended.status), (PING, "", Some(0)));
}

#[test]
fn the_socket_has_the_mode_that_was_asked_for() {
    for (mode, expected) in [(None, 0o660), (Some("0600"), 0o600), (Some("777"), 0o777)] {
        let test = Test::new().args(mode.map(|mode| format!("--socket-mode={mode}")));
        let mut running = test.start();
        running.listens();
        let socket = fs::metadata(running.room().socket()).unwrap();
        assert_eq!(socket.mode() & 0o7777, expected, "{mode:?}");
    }
}

/// Also where the socket's owner may not write to it himself.
#[test]
fn a_signal_ends_the_program_whatever_the_sockets_mode() {
    let test = Test::new().args(["--socket-mode", "0060"]).with(|room| room.hand_over("log"));
    let running = test.without_rights().start();
    let socket = running.room().socket();
    until("the socket is there", || {
        fs::metadata(&socket).is_ok_and(|socket| socket.mode() & 0o777 == 0o060)
    });
    running.signal_now(Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
}

#[test]
fn the_socket_has_the_group_that_was_asked_for() {
    let group = if is_root("use any group") { ANOTHER } else { Gid::effective().as_raw() };
    let mut running = Test::new().args(["--socket-group", &group.to_string()]).start();
    running.listens();
    assert_eq!(fs::metadata(running.room().socket()).unwrap().gid(), group);
}

#[test]
fn a_group_that_cannot_be_given_is_an_error_and_leaves_no_socket() {
    let test = Test::new().args(["--socket-group", "0"]).with(|room| room.hand_over("log"));
    let room = test
        .without_rights()
        .stderr(
            "error: cannot listen on log/snort_alert: cannot set the socket's group to 0: \
             Operation not permitted (os error 1)\n\
             hint: only root may give a socket to a group that it isn't in\n",
        )
        .status(1);
    assert_eq!(room.list("log"), Vec::<String>::new());
}
