//! Signals: what ends the program, and in which order.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{NOBODY, Test, counters, is_root, program, until};
use crate::room::Room;
use crate::snort::{PING, objects, ping, recording};

#[test]
fn a_signal_ends_the_program_after_what_was_sent_before() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let room = Test::new()
            .send_all(std::iter::repeat_n(ping(), 4))
            .signal(signal)
            .stdout(PING.repeat(4))
            .stderr(
                "pigear: received 4, malformed 0, refused 0, missed 0; print: handled 4, dropped 0, failed 0\n",
            )
            .stats(counters([4, 0, 0, 0], &[("print", [4, 0, 0])]))
            .success();
        assert!(!room.socket().exists());
    }
}

#[test]
fn a_signal_before_the_first_alert_ends_the_program() {
    Test::new()
        .signal(Signal::SIGTERM)
        .stderr(
            "pigear: received 0, malformed 0, refused 0, missed 0; print: handled 0, dropped 0, failed 0\n",
        )
        .success();
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    let (_unread, stdout) = std::io::pipe().unwrap();
    let mut running = Test::new().args(["format=full"]).start_with(stdout);
    (0..100).for_each(|_| running.send(&ping()));
    running.signal(Signal::SIGINT);
    let socket = running.room().socket();
    until("the first signal is noticed", || !socket.exists());
    running.signal_now(Signal::SIGINT);
    let (_, ended) = running.end();
    assert_eq!(ended.status, Some(130));
    let summary = "pigear: received 100, malformed 0, refused 0, missed 0; print: handled ";
    assert!(ended.stderr.starts_with(summary), "{}", ended.stderr);
}

#[cfg(feature = "exec")]
#[test]
fn a_second_signal_leaves_no_program_behind_and_the_counters_as_they_are() {
    let hangs = "command=sh -c 'sleep 600 & echo $! >pid.part; mv pid.part pid; wait'";
    for mode in ["each", "stream"] {
        let mut running = Test::new()
            .args(["--stats", "stats.json", "--data-handler", "exec", "format=fast", hangs])
            .args([format!("mode={mode}")])
            .start();
        running.send(&ping());
        let (pid, socket) = (running.room().at("pid"), running.room().socket());
        until("the program runs", || pid.exists());
        running.signal(Signal::SIGTERM);
        until("the first signal is noticed", || !socket.exists());
        running.signal_now(Signal::SIGTERM);
        let (room, ended) = running.end();
        assert_eq!(ended.status, Some(128 + 15), "{}", ended.stderr);
        let handled = u64::from(mode == "stream");
        let expected = counters([1, 0, 0, 0], &[("exec", [handled, 0, 0])]);
        let mut stats = objects(&room.read("stats.json"));
        let exec = stats[0]["handlers"]["exec"].as_object_mut().unwrap();
        assert_eq!(exec.remove("oldest_ms").is_some(), handled == 0);
        assert_eq!(stats, objects(&expected));
        let stat = format!("/proc/{}/stat", room.read("pid").trim());
        until("what the program started has ended", || {
            let stat = fs::read_to_string(&stat).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        });
    }
}

#[test]
fn too_few_threads_are_an_error_and_nothing_is_counted_twice() {
    if !is_root("run the program as a user with few processes") {
        return;
    }
    // Where that user can get at it.
    let shared = Room::new();
    shared.set_mode("", 0o755);
    fs::copy(env!("CARGO_BIN_EXE_pigear"), shared.at("pigear")).unwrap();
    fs::copy(recording("v2919/http"), shared.at("rec.gz")).unwrap();
    for threads in 1..=12 {
        let room = Room::new();
        room.set_mode("", 0o777);
        let mut command = Command::new("prlimit");
        command.arg(format!("--nproc={threads}")).arg(shared.at("pigear"));
        command.args(["--socket-handler", "play", "--stats", "stats.json", "--from"]);
        command.arg(shared.at("rec.gz"));
        command.args(["--data-handler", "file", "file.path=alerts", "file.rotate=100B"]);
        command.args(["file.compress=gzip", "--data-handler", "record", "record.path=rec"]);
        #[cfg(feature = "exec")]
        command.args(["--data-handler", "exec", "exec.command=true", "exec.concurrency=4"]);
        let output = command.current_dir(room.path()).uid(NOBODY).gid(NOBODY).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("panicked"), "{threads}: {stderr}");
        match output.status.code() {
            Some(1) => assert!(stderr.contains("error: "), "{threads}: {stderr}"),
            status => assert_eq!(status, Some(0), "{threads}: {stderr}"),
        }
        let Ok(stats) = fs::read_to_string(room.at("stats.json")) else { continue };
        let stats: serde_json::Value = serde_json::from_str(&stats).unwrap();
        let received = stats["received"].as_u64().unwrap();
        for (name, lane) in stats["handlers"].as_object().unwrap() {
            let settled = ["handled", "dropped", "failed"].map(|key| lane[key].as_u64().unwrap());
            let settled = settled.iter().sum::<u64>();
            assert!(settled <= received, "{threads}: {name}: {stats}");
            if output.status.success() {
                assert_eq!(settled, received, "{threads}: {name}: {stats}");
            }
        }
    }
}

#[test]
fn the_counters_file_has_exactly_these_fields() {
    let room = Test::new().args(["--count", "1"]).send(ping()).stdout(PING).stats(
        "{\"received\":1,\"malformed\":0,\"refused\":0,\"missed\":0,\
         \"handlers\":{\"print\":{\"handled\":1,\"dropped\":0,\"failed\":0,\"received\":1,\"waiting\":0}}}\n",
    );
    let room = room.success();
    assert_eq!(room.list("."), ["log", "stats.json"]);
}

#[test]
fn the_counters_file_is_there_from_the_start() {
    let mut running = Test::new().args(["--stats", "stats.json"]).start();
    let file = running.room().at("stats.json");
    running.listens();
    until("the counters are written", || file.exists());
    assert_eq!(running.room().read("stats.json"), counters([0; 4], &[("print", [0; 3])]));
}

#[test]
fn counters_that_cannot_be_written_are_refused_at_the_start() {
    let (room, ended) = Test::new().args(["--stats", "no-such/stats.json"]).start().end();
    assert!(ended.stderr.starts_with("error: cannot write no-such/stats.json: No such file"));
    assert_eq!(ended.status, Some(1));
    assert!(!room.socket().exists());
}

#[test]
fn counters_that_can_no_longer_be_written_are_reported_and_alerts_go_on() {
    let test = Test::new().args(["--stats", "dir/stats.json", "--count", "1"]);
    let dir = test.room().at("dir");
    fs::create_dir(&dir).unwrap();
    let mut running = test.start();
    running.listens();
    fs::remove_dir_all(&dir).unwrap();
    running.send(&ping());
    let (_, ended) = running.end();
    assert_eq!((&*ended.stdout, ended.status), (PING, Some(0)));
    assert!(ended.stderr.starts_with("error: cannot write dir/stats.json: No such file"));
}

#[test]
fn a_signal_ends_a_player_that_waits_for_long() {
    for rate in ["1e-300", "1e-19", "0.001"] {
        let room = Room::new();
        let socket = UnixDatagram::bind(room.socket()).unwrap();
        let mut command = program();
        command.args(["play", "--logdir", "log", "--loop", "--rate", rate]);
        command.arg(fs::canonicalize(recording("v2919/http")).unwrap());
        let mut player = command.current_dir(room.path()).stdout(Stdio::piped()).spawn().unwrap();
        socket.recv(&mut vec![0; 70_000]).unwrap();
        kill(Pid::from_raw(player.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        until("the player has ended", || player.try_wait().unwrap().is_some());
        let ended = player.wait_with_output().unwrap();
        assert!(ended.status.success(), "{rate}: {ended:?}");
        let report = String::from_utf8(ended.stdout).unwrap();
        assert!(report.starts_with("sent 1, refused 0"), "{report}");
    }
}
