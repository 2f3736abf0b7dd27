//! Recordings: made, played, read without a socket.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pigear_pipeline::recording::Reader;

use crate::harness::{NOBODY, Test, counters, is_root, program, until};
use crate::room::Room;
use crate::snort::{PING, datagrams, noise, ping, recording, sent};

const CASE: &str = "v2919/http";

/// What is printed when a case is read without a socket.
fn printed(case: &Path) -> String {
    let test =
        Test::bare().args(["--socket-handler", "play", "format=full", "--from"]).args([case]);
    let (_, ended) = test.start().end();
    assert_eq!((&*ended.stderr, ended.status), ("", Some(0)));
    ended.stdout
}

#[test]
fn what_was_recorded_is_what_was_sent() {
    for name in ["rec", "rec.gz", "rec.zst"] {
        let alerts = sent(CASE);
        let count = alerts.len().to_string();
        let room = Test::new()
            .args(["--data-handler", "record", "--count", &count, &format!("path={name}")])
            .send_all(alerts.clone())
            .success();
        assert_eq!(datagrams(&room.at(name)), alerts, "{name}");
        let expected = printed(&recording(CASE));
        assert_eq!(printed(&room.at(name)), expected);

        let mut played = Test::new().args(["format=full", "--count", &count]).start();
        played.listens();
        let player = program()
            .args(["play", "--logdir"])
            .args([played.room().at("log"), room.at(name)])
            .output()
            .unwrap();
        assert!(player.status.success(), "{player:?}");
        let (_, ended) = played.end();
        assert_eq!((ended.stdout, &*ended.stderr, ended.status), (expected, "", Some(0)));
    }
}

#[test]
fn each_of_several_sockets_gets_every_alert_that_is_played() {
    let rooms = [Room::new(), Room::new()];
    let sockets = rooms.each_ref().map(|room| UnixDatagram::bind(room.socket()).unwrap());
    let mut command = program();
    command.args(["play", "--count", "2", "--rate", "1000"]).arg(recording(CASE));
    for room in &rooms {
        command.arg("--socket").arg(room.socket());
    }
    let played = command.output().unwrap();
    let report = String::from_utf8(played.stdout).unwrap();
    assert!(played.status.success() && report.starts_with("sent 4, refused 0"), "{report}");
    for socket in sockets {
        let received = [(); 2].map(|()| {
            let mut datagram = vec![0; 70_000];
            let length = socket.recv(&mut datagram).unwrap();
            datagram.truncate(length);
            datagram
        });
        assert_eq!(received, sent(CASE)[..2]);
    }
}

#[test]
fn of_several_sockets_those_that_got_nothing_are_named() {
    let room = Room::new();
    let socket = UnixDatagram::bind(room.socket()).unwrap();
    let mut command = program();
    command.args(["play", "--count", "1", "--socket", "log/snort_alert", "--socket", "none"]);
    command.arg(fs::canonicalize(recording(CASE)).unwrap());
    let played = command.current_dir(room.path()).output().unwrap();
    let (said, error) = (String::from_utf8(played.stdout), String::from_utf8(played.stderr));
    let said = said.unwrap();
    assert!(said.starts_with("sent 1, refused 1 (none: No such file or directory"), "{said}");
    let expected = "error: nothing could be sent to none: No such file or directory (os error 2)\n\
        hint: start pigear on the same directory first\n";
    assert_eq!((&*error.unwrap(), played.status.code()), (expected, Some(1)));
    assert_eq!(socket.recv(&mut vec![0; 70_000]).unwrap(), sent(CASE)[0].len());
}

/// As one of a Pigear that was killed.
#[test]
fn a_recording_that_is_cut_is_played_up_to_there() {
    let room = Room::new();
    let socket = UnixDatagram::bind(room.socket()).unwrap();
    let (one, two) = (&sent(CASE)[0], &sent(CASE)[1]);
    let length = |datagram: &[u8]| u32::try_from(datagram.len()).unwrap().to_le_bytes();
    room.write("rec", [&length(one)[..], one, &length(two), &two[..100]].concat());
    let mut command = program();
    command.args(["play", "rec", "--logdir", "log"]).current_dir(room.path());
    let played = command.output().unwrap();
    let error = String::from_utf8(played.stderr).unwrap();
    assert!(error.starts_with("error: rec was played up to where it is cut: "), "{error}");
    assert_eq!(played.status.code(), Some(1));
    assert!(played.stdout.starts_with(b"sent 1, refused 0"));
    let mut datagram = vec![0; 70_000];
    let length = socket.recv(&mut datagram).unwrap();
    assert_eq!(&datagram[..length], one);
}

#[test]
fn a_signal_ends_a_player_that_is_held_up() {
    let room = Room::new();
    let _never_read = UnixDatagram::bind(room.socket()).unwrap();
    let mut command = program();
    command.args(["play", "--loop", "--logdir", "log"]);
    command.arg(fs::canonicalize(recording(CASE)).unwrap());
    let mut player = command.current_dir(room.path()).stdout(Stdio::piped()).spawn().unwrap();
    // What fills the queue below may come before it: then it is held up once it sends.
    let is_caught = |status: &str| {
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        let caught = u64::from_str_radix(caught.trim(), 16).unwrap();
        caught & 1 << (Signal::SIGTERM as i32 - 1) != 0
    };
    let status = Path::new("/proc").join(player.id().to_string()).join("status");
    until("it listens to signals", || is_caught(&fs::read_to_string(&status).unwrap()));
    let other = UnixDatagram::unbound().unwrap();
    other.set_nonblocking(true).unwrap();
    let is_full = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
    until("it is held up", || other.send_to(b"", room.socket()).is_err_and(|it| is_full(&it)));
    kill(Pid::from_raw(player.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    until("the player has ended", || player.try_wait().unwrap().is_some());
    assert!(player.wait_with_output().unwrap().stdout.starts_with(b"sent "));
}

#[test]
fn a_recording_never_replaces_a_file() {
    let room = Test::new()
        .file("rec", "mine")
        .args(["--data-handler", "record", "path=rec"])
        .stderr("error: handler record: rec exists; a recording never replaces a file\n")
        .status(1);
    assert_eq!(room.read("rec"), "mine");
}

/// A Pigear that is killed again and again before its first alert leaves one file.
#[test]
fn a_recording_that_holds_nothing_is_taken_over_if_nobody_writes_it() {
    for name in ["rec", "rec.gz", "rec.zst"] {
        let args = ["--serve-forever", "--data-handler", "record"];
        let mut killed = Test::new().args(args).args([format!("path={name}")]).start();
        killed.listens();
        let beside = |path: &str| {
            let mut next = program();
            next.args(args).args([
                "--quiet",
                "--socket-handler",
                "play",
                "--count",
                "1",
                "--from",
                path,
            ]);
            next.arg(format!("path={name}"));
            next
        };
        let from = recording(CASE);
        let from = from.to_str().unwrap();
        let room = killed.room().path().to_owned();
        let second = name.replacen("rec", "rec.2", 1);
        let output = beside(from).current_dir(&room).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(&format!("this one is {second}\n")), "{said}");
        assert_eq!(datagrams(&room.join(&second)).len(), 1);

        killed.signal_now(Signal::SIGKILL);
        let (room, _) = killed.end();
        let output = beside(from).current_dir(room.path()).output().unwrap();
        assert_eq!((&*output.stderr, output.status.success()), (&b""[..], true), "{name}");
        assert_eq!(datagrams(&room.at(name)).len(), 1);
    }
}

#[test]
fn an_empty_file_that_others_may_read_is_not_taken_over() {
    let readable = |path: &Path| fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    let linked = |path: &Path| fs::hard_link(path, path.with_extension("link")).unwrap();
    let given = |path: &Path| chown(path, Some(NOBODY), None).unwrap();
    let mut ways: Vec<&dyn Fn(&Path)> = vec![&readable, &linked];
    if is_root("give a file to another user") {
        ways.push(&given);
    }
    for way in ways {
        let test = Test::new().file("rec", "");
        let path = test.room().at("rec");
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        way(&path);
        let args = ["--serve-forever", "--count", "1", "--data-handler", "record", "path=rec"];
        let said =
            "warning: rec exists, and a recording never replaces a file: this one is rec.2\n";
        let room = test.args(args).send(ping()).stderr(said).success();
        assert_eq!((room.read("rec"), datagrams(&room.at("rec.2"))), (String::new(), vec![ping()]));
    }
}

/// A supervisor starts Pigear again after a crash, with the same path.
#[test]
fn a_recording_of_a_restarted_pigear_gets_a_free_name_beside_the_others() {
    for (name, free) in [("rec", "rec.3"), ("rec.gz", "rec.3.gz")] {
        let second = free.replace('3', "2");
        let room = Test::new()
            .file(name, "mine")
            .file(&second, "mine, too")
            .args(["--serve-forever", "--count", "1", "--data-handler", "record"])
            .args([format!("path={name}")])
            .send(ping())
            .stderr(format!(
                "warning: {name} exists, and a recording never replaces a file: this one is {free}\n"
            ))
            .success();
        assert_eq!((room.read(name), room.read(&second)), ("mine".into(), "mine, too".into()));
        assert_eq!(datagrams(&room.at(free)), [ping()]);
    }
    // What isn't a file isn't a recording.
    Test::new()
        .with(|room| fs::create_dir(room.at("rec")).unwrap())
        .args(["--serve-forever", "--data-handler", "record", "path=rec"])
        .stderr("error: handler record: rec exists; a recording never replaces a file\n")
        .status(1);
}

/// A supervisor starts it again and again, and no alert comes.
#[test]
fn a_recording_without_any_alert_leaves_no_file() {
    for name in ["rec", "rec.gz", "rec.zst"] {
        let args = ["--serve-forever", "--data-handler", "record", &format!("path={name}")];
        let room = Test::new().args(args).signal(Signal::SIGTERM).success();
        assert!(!room.at(name).exists(), "{name}");
        // What failed at its start had created it.
        let args = ["--store", "log", "--data-handler", "record", &format!("path={name}")];
        let running = Test::new().args(args).start();
        let (room, ended) = running.end();
        assert!(!ended.stderr.is_empty() && !room.at(name).exists(), "{name}: {}", ended.stderr);
    }
}

#[test]
fn what_another_program_wrote_into_a_recording_without_alerts_stays() {
    let args = ["--serve-forever", "--data-handler", "record", "path=rec"];
    let mut running = Test::new().args(args).start();
    running.listens();
    fs::write(running.room().at("rec"), "mine").unwrap();
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(room.read("rec"), "mine");
    assert!(ended.stderr.contains("rec stays: no alert was recorded"), "{}", ended.stderr);
}

#[test]
fn a_recording_that_is_cut_is_read_as_far_as_it_goes() {
    let whole = [u32::to_le_bytes(65_928).as_slice(), &ping()].concat();
    Test::bare()
        .file("rec", [&whole[..], &whole[..1_000]].concat())
        .args(["--socket-handler", "play", "--from", "rec"])
        .stdout(PING)
        .stderr(
            "error: rec: cannot read the recording: datagram 2 is truncated: 996 of 65928 bytes\n",
        )
        .stats(counters([1, 0, 0, 0], &[("print", [1, 0, 0])]))
        .status(1);
}

#[test]
fn playing_is_refused_without_a_reader() {
    let test = Test::new();
    let played = program()
        .args(["play", "--logdir", "log"])
        .arg(fs::canonicalize(recording(CASE)).unwrap())
        .current_dir(test.room().path())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(played.stderr).unwrap(),
        "error: nothing could be sent to log/snort_alert: No such file or directory (os error 2)\n\
         hint: start pigear on the same directory first\n"
    );
    let report = String::from_utf8(played.stdout).unwrap();
    assert!(report.starts_with("sent 0, refused 6 (No such file or directory (os error 2)), in "));
    assert_eq!(played.status.code(), Some(1));
}

#[test]
fn what_is_no_recording_is_refused() {
    for (text, problem) in [
        (
            "#!/bin/sh\n",
            "cannot read rec: not a recording: datagram 1 would have 1647255843 bytes, but the limit is 1048576",
        ),
        ("", "rec has no datagrams"),
    ] {
        let test = Test::new().file("rec", text);
        let played =
            program().args(["play", "rec"]).current_dir(test.room().path()).output().unwrap();
        assert_eq!(String::from_utf8(played.stderr).unwrap(), format!("error: {problem}\n"));
        assert_eq!((played.stdout, played.status.code()), (Vec::new(), Some(1)));
    }
}

/// Reads as many datagrams as come whole.
fn readable(path: &Path) -> Vec<Vec<u8>> {
    let mut reader = Reader::open(path).unwrap();
    let mut datagram = Vec::new();
    let mut all = Vec::new();
    while let Ok(true) = reader.read(&mut datagram) {
        all.push(datagram.clone());
    }
    all
}

#[test]
fn a_recording_on_a_full_disk_has_what_was_handled_and_no_more() {
    for (name, limit) in [("rec", 200_000), ("rec.gz", 1_000), ("rec.zst", 1_000)] {
        let test = Test::new().limited_to(limit).args(["--stats", "stats.json", "--serve-forever"]);
        let mut running = test.args(["--data-handler", "record", &format!("path={name}")]).start();
        let mut count = 0;
        until("the disk is full", || {
            running.send(&noisy(count));
            count += 1;
            running.stderr_so_far().contains("cannot write")
        });
        running.send(&noisy(count));
        running.signal(Signal::SIGTERM);
        let (room, ended) = running.end();
        let full = format!(
            "error: handler record: cannot write {name}: File too large (os error 27); 1 alert failed so far\n"
        );
        assert!(ended.stderr.starts_with(&full), "{}", ended.stderr);
        let alerts = readable(&room.at(name));
        assert!(alerts.iter().zip(0..).all(|(alert, n)| *alert == noisy(n)), "{name}");
        let (sent, handled) = (u64::from(count) + 1, alerts.len() as u64);
        assert!((1..sent).contains(&handled), "{name}");
        let expected = counters([sent, 0, 0, 0], &[("record", [handled, 0, sent - handled])]);
        assert_eq!(room.read("stats.json"), expected, "{name}");
        if name == "rec" {
            assert_eq!(datagrams(&room.at(name)), alerts);
        }
    }
}

#[test]
fn a_recording_goes_on_once_there_is_room_again() {
    for (name, limit) in [("rec", 200_000), ("rec.gz", 2_000), ("rec.zst", 2_000)] {
        let test = Test::new().limited_to(limit).args(["--stats", "stats.json", "--serve-forever"]);
        let mut running = test.args(["--data-handler", "record", &format!("path={name}")]).start();
        let path = running.room().at(name);
        let mut count = 0;
        until("the disk is full", || {
            running.send(&noisy(count));
            count += 1;
            running.stderr_so_far().contains("cannot write")
        });
        let full = fs::metadata(&path).unwrap().len();
        let more = ["--fsize=unlimited", "--pid", &running.id().to_string()];
        assert!(Command::new("prlimit").args(more).status().unwrap().success());
        until("there is room again", || {
            running.send(&noisy(count));
            count += 1;
            fs::metadata(&path).unwrap().len() > full + 1_000
        });
        running.signal(Signal::SIGTERM);
        let (room, ended) = running.end();
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        // It is whole: nothing is cut, and only what was reported is missing.
        let alerts = datagrams(&path);
        let mut sent = (0..count).map(noisy);
        assert!(alerts.iter().all(|alert| sent.any(|sent| sent == *alert)), "{name}");
        assert_eq!(alerts.last(), Some(&noisy(count - 1)), "{name}");
        let (sent, handled) = (u64::from(count), alerts.len() as u64);
        assert!(handled < sent, "{name}");
        let expected = counters([sent, 0, 0, 0], &[("record", [handled, 0, sent - handled])]);
        assert_eq!(room.read("stats.json"), expected, "{name}");
    }
}

/// An alert that doesn't compress to nothing; each has another number.
fn noisy(n: u32) -> Vec<u8> {
    static ALERT: LazyLock<Vec<u8>> = LazyLock::new(|| sent("v2852/icmp_ping").swap_remove(0));
    let mut alert = ALERT.clone();
    alert[500..700].copy_from_slice(&noise(200));
    alert[500..504].copy_from_slice(&n.to_ne_bytes());
    alert
}

#[test]
fn a_recording_that_is_no_file_is_refused_at_once() {
    for name in ["pipe", "/dev/zero"] {
        Test::bare()
            .with(|room| {
                nix::unistd::mkfifo(&room.at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
            })
            .args(["--socket-handler", "play", "--from", name])
            .stderr(format!("error: cannot read {name}: it is neither a regular file nor a pipe\n"))
            .status(1);
    }
}

#[test]
fn a_recording_without_any_alert_is_not_read_to_its_end() {
    let running = Test::bare()
        .file("rec", vec![0; 4 * 50_000])
        .args(["--socket-handler", "play", "--from", "rec", "--serve-forever"])
        .args(["--stats", "stats.json"])
        .start();
    let (room, ended) = running.end();
    let error = "error: rec: cannot read the recording: not a recording of alerts: none of datagrams 1 to \
        10000 is an alert\n";
    assert!(ended.stderr.ends_with(error), "{}", ended.stderr);
    assert_eq!(ended.status, Some(1));
    assert_eq!(room.read("stats.json"), counters([0, 10_000, 0, 0], &[("print", [0, 0, 0])]));
}
