//! What is already at the socket's place, and what somebody else puts there later.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixDatagram, UnixListener};

use nix::sys::signal::Signal;

use crate::harness::{Test, until};
use crate::running::Running;
use crate::snort::{PING, ping};

fn occupied_by(kind: &str) -> String {
    format!(
        "error: cannot listen on log/snort_alert: the path exists and is not an alert socket ({kind})\n\
         hint: remove it if it is not needed, or use another directory with --logdir\n"
    )
}

const IN_USE: &str = "error: cannot listen on log/snort_alert: another process already listens there\n\
    hint: stop it, or use another directory with --logdir\n";

#[test]
fn a_file_is_not_replaced() {
    let room = Test::new().file("log/snort_alert", "mine").stderr(occupied_by("a file")).status(1);
    assert_eq!(room.read("log/snort_alert"), "mine");
}

#[test]
fn the_hint_names_what_says_where_the_socket_is() {
    let occupied = |place: &str| {
        format!(
            "error: cannot listen on log/snort_alert: the path exists and is not an alert socket (a file)\n\
            hint: remove it if it is not needed, or use {place}\n"
        )
    };
    Test::bare()
        .file("log/snort_alert", "mine")
        .args(["--from", "log/snort_alert"])
        .stderr(occupied("another path with --from"))
        .status(1);
    for (source, place) in [
        ("logdir = 'log'", "another directory with logdir = in pigear.toml"),
        ("from = 'log/snort_alert'", "another path with from = in pigear.toml"),
    ] {
        Test::bare()
            .file("log/snort_alert", "mine")
            .file("pigear.toml", format!("[[source]]\n{source}\n"))
            .args(["--config", "pigear.toml"])
            .stderr(occupied(place))
            .status(1);
    }
}

#[test]
fn a_directory_is_not_replaced() {
    let room = Test::new()
        .with(|room| fs::create_dir(room.socket()).unwrap())
        .stderr(occupied_by("a directory"))
        .status(1);
    assert!(room.socket().is_dir());
}

#[test]
fn a_link_is_not_followed_and_not_replaced() {
    for target in ["precious", "no-such"] {
        let room = Test::new()
            .file("log/precious", "mine")
            .with(|room| symlink(target, room.socket()).unwrap())
            .stderr(occupied_by("a symbolic link"))
            .status(1);
        assert!(room.socket().is_symlink());
        assert_eq!(room.list("log"), ["precious", "snort_alert"]);
        assert_eq!(room.read("log/precious"), "mine");
    }
}

#[test]
fn a_stream_socket_is_not_replaced() {
    let mut listener = None;
    let room = Test::new()
        .with(|room| listener = Some(UnixListener::bind(room.socket()).unwrap()))
        .stderr(occupied_by("a stream socket"))
        .status(1);
    assert!(room.socket().exists());
}

#[test]
fn a_socket_in_use_is_not_replaced() {
    let mut other = None;
    let room = Test::new()
        .with(|room| other = Some(UnixDatagram::bind(room.socket()).unwrap()))
        .stderr(IN_USE)
        .status(1);
    room.send_to("log/snort_alert", b"still there");
    assert_eq!(other.unwrap().recv(&mut [0; 100]).unwrap(), 11);
}

#[test]
fn a_second_pigear_leaves_the_first_alone() {
    let mut first = Test::new().args(["--count", "1"]).start();
    first.listens();
    let dir = first.room().at("log");
    Test::bare()
        .args(["--logdir".as_ref(), dir.as_os_str()])
        .stderr(IN_USE.replace("log/", &format!("{}/", dir.display())))
        .status(1);
    first.send(&ping());
    let (_, ended) = first.end();
    assert_eq!((&*ended.stdout, &*ended.stderr, ended.status), (PING, "", Some(0)));
}

#[test]
fn a_socket_that_nobody_listens_on_is_replaced() {
    Test::new()
        .with(|room| drop(UnixDatagram::bind(room.socket()).unwrap()))
        .args(["--count", "1"])
        .send(ping())
        .stdout(PING)
        .success();
}

#[test]
fn what_a_killed_pigear_left_behind_is_replaced() {
    let mut killed = Test::new().start();
    killed.signal(Signal::SIGKILL);
    let (room, ended) = killed.end();
    assert_eq!(ended.status, None);
    assert!(room.socket().exists());
    let dir = room.at("log");
    let again = Test::bare().args(["--logdir".as_ref(), dir.as_os_str()]).args(["--count", "1"]);
    let again = again.start();
    room.send_to("log/snort_alert", &ping());
    let (_, ended) = again.end();
    assert_eq!((&*ended.stdout, &*ended.stderr, ended.status), (PING, "", Some(0)));
}

#[test]
fn the_socket_is_gone_in_the_end() {
    let room = Test::new().args(["--count", "1"]).send(ping()).stdout(PING).success();
    assert_eq!(room.list("log"), Vec::<String>::new());
}

/// Another process's socket, put in the place of ours in one go.
fn replaced(running: &Running) -> UnixDatagram {
    let beside = running.room().at("log/theirs");
    let theirs = UnixDatagram::bind(&beside).unwrap();
    fs::rename(&beside, running.room().socket()).unwrap();
    theirs
}

#[test]
fn what_somebody_else_put_in_the_sockets_place_stays() {
    let mut running = Test::new().start();
    running.listens();
    let theirs = replaced(&running);
    running.warns("log/snort_alert was removed or replaced, so no alerts arrive: another process");
    running.signal_now(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    room.send_to("log/snort_alert", b"still there");
    assert_eq!(theirs.recv(&mut [0; 100]).unwrap(), 11);
}

#[test]
fn a_socket_that_was_replaced_is_bound_again_once_nobody_listens_there() {
    let mut running = Test::new().args(["--count", "1"]).start();
    running.listens();
    let theirs = replaced(&running);
    running.warns("another process already listens there");
    drop(theirs);
    running.warns("log/snort_alert was removed; bound again");
    running.send(&ping());
    let (_, ended) = running.end();
    assert_eq!((&*ended.stdout, ended.status), (PING, Some(0)));
    assert_eq!(ended.stderr.lines().count(), 2, "{}", ended.stderr);
}

#[test]
fn a_socket_that_was_removed_is_bound_again_and_nothing_sent_before_is_lost() {
    let mut running = Test::new().args(["--count", "4"]).start();
    running.listens();
    let socket = running.room().socket();
    for _ in 0..2 {
        // It has yet to receive what was sent when the socket goes.
        running.signal_now(Signal::SIGSTOP);
        running.send(&ping());
        fs::remove_file(&socket).unwrap();
        running.signal_now(Signal::SIGCONT);
        running.send(&ping());
    }
    let (room, ended) = running.end();
    assert_eq!((&*ended.stdout, ended.status), (&*PING.repeat(4), Some(0)));
    let line = "warning: log/snort_alert was removed; bound again\n";
    assert!(ended.stderr.starts_with(line), "{}", ended.stderr);
    assert_eq!(room.list("log"), Vec::<String>::new());
}

#[test]
fn a_log_directory_that_is_made_again_gets_a_socket_again() {
    let mut running = Test::new().args(["--count", "1"]).start();
    running.listens();
    let log = running.room().at("log");
    remove_log(&running);
    running
        .warns("log/snort_alert was removed or replaced, so no alerts arrive: no such directory");
    fs::create_dir(&log).unwrap();
    running.send(&ping());
    let (_, ended) = running.end();
    assert_eq!((&*ended.stdout, ended.status), (PING, Some(0)));
    assert_eq!(ended.stderr.lines().count(), 2, "{}", ended.stderr);
}

#[test]
fn a_log_directory_that_was_moved_away_gets_a_socket_in_its_old_place() {
    let mut running = Test::new().args(["--count", "1"]).start();
    running.listens();
    let log = running.room().at("log");
    fs::rename(&log, running.room().at("log.old")).unwrap();
    fs::create_dir(&log).unwrap();
    running.send(&ping());
    let (_, ended) = running.end();
    assert_eq!((&*ended.stdout, ended.status), (PING, Some(0)), "{}", ended.stderr);
}

#[test]
fn a_log_directory_that_vanished_does_not_keep_the_program_from_ending() {
    let mut running = Test::new().loud().start();
    // The socket can be seen before all is done that binding it takes.
    running.warns("listening on");
    remove_log(&running);
    running.signal_now(Signal::SIGTERM);
    let (_, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
}

/// Removes the log directory while Pigear stands still: otherwise it may bind its socket again between the removal of
/// the socket and that of the directory.
fn remove_log(running: &Running) {
    let tasks = format!("/proc/{}/task", running.id());
    let is_stopped = |task: fs::DirEntry| {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with('T'))
    };
    running.signal_now(Signal::SIGSTOP);
    until("all threads are stopped", || {
        fs::read_dir(&tasks).unwrap().all(|task| is_stopped(task.unwrap()))
    });
    fs::remove_dir_all(running.room().at("log")).unwrap();
    running.signal_now(Signal::SIGCONT);
}

#[test]
fn whoever_holds_a_lock_on_the_directory_keeps_nobody_from_listening() {
    let mut lock = None;
    let test = Test::new().with(|room| {
        let directory = fs::File::open(room.at("log")).unwrap();
        directory.lock().unwrap();
        lock = Some(directory);
    });
    test.args(["--count", "1"]).send(ping()).stdout(PING).success();
}

/// Of several that start at once, one listens.
#[test]
fn of_many_that_start_at_once_one_listens() {
    let room = Test::new();
    let log = room.room().at("log");
    drop(UnixDatagram::bind(log.join("snort_alert")).unwrap());
    let start = || {
        let dir = ["--logdir".as_ref(), log.as_os_str()];
        Test::bare().args(dir).args(["--count", "1", "--stats", "stats.json"]).start()
    };
    let mut all: Vec<_> = (0..8).map(|_| start()).collect();
    until("the others have given up", || {
        all.iter_mut().map(Running::has_ended).filter(|&ended| ended).count() == 7
    });
    room.room().send_to("log/snort_alert", &ping());
    let ended: Vec<_> = all.into_iter().map(|running| running.end().1).collect();
    assert_eq!(ended.iter().filter(|ended| ended.status == Some(0)).count(), 1);
    assert_eq!(ended.iter().filter(|ended| ended.stderr.contains("already listens")).count(), 7);
}
