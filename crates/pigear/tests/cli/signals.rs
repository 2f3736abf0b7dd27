//! Signals: what ends the program, and in which order.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{NOBODY, Test, can_change_user, counters, is_root, program, until};
use crate::room::Room;
use crate::snort::{PING, objects, ping, recording, sent};

#[cfg(all(feature = "nats", feature = "kafka"))]
#[test]
fn a_source_that_connects_listens_only_then() {
    for (source, from, name) in [
        ("nats", "nats://127.0.0.1:1", "nats://127.0.0.1:1 stream PIGEAR"),
        ("kafka", "kafka://127.0.0.1:1/alerts", "kafka://127.0.0.1:1/alerts"),
    ] {
        let args = ["--serve-forever", "--socket-handler", source, "--from", from];
        let mut running = Test::bare().args(args).args(["--store", "a.db"]).loud().start();
        running.warns(&format!("pigear: will listen on {name} once it is connected\n"));
        running.warns(": cannot connect");
        running.signal_now(Signal::SIGTERM);
        let ended = running.end().1;
        assert!(!ended.stderr.contains("listening on"), "{}", ended.stderr);
    }
}

/// A map that comes through a pipe stands for one that takes long to read.
#[test]
fn a_signal_ends_a_program_at_once_that_still_reads_its_maps() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        end_while_maps_are_read(signal, &[]);
    }
}

#[test]
fn a_socket_that_root_bound_is_removed_by_such_a_signal() {
    if !can_change_user() {
        return;
    }
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        end_while_maps_are_read(signal, &["--user", "nobody"]);
    }
}

/// The kernel doesn't end such a process as it ends others.
#[test]
#[cfg(feature = "shell")]
fn the_first_process_of_a_container_ends_at_once_too() {
    if !is_root("make a namespace of processes") {
        return;
    }
    let test = reads_its_maps(Test::new());
    let map = test.room().at("map");
    let _writer = fs::File::options().read(true).write(true).open(map).unwrap();
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--fork", env!("CARGO_BIN_EXE_pigear")]);
    let running = test.args(["--sid-msg-map", "map"]).start_through(unshare);
    let children = format!("/proc/{0}/task/{0}/children", running.id());
    let first = || fs::read_to_string(&children).unwrap().trim().parse::<u32>().ok();
    until("it reads the map", || first().is_some_and(has_map_open));
    kill(Pid::from_raw(first().unwrap().cast_signed()), Signal::SIGTERM).unwrap();
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(128 + Signal::SIGTERM as i32), "{}", ended.stderr);
    assert!(!room.socket().exists());
}

/// A user who may write to the log directory may remove what root bound there.
fn end_while_maps_are_read(signal: Signal, args: &[&str]) {
    let test = reads_its_maps(Test::new());
    let map = test.room().at("map");
    let _writer = fs::File::options().read(true).write(true).open(map).unwrap();
    let running = test.args(["--sid-msg-map", "map"]).args(args.iter().copied()).start();
    until("it reads the map", || has_map_open(running.id()));
    running.signal_now(signal);
    let (room, ended) = running.end();
    assert_eq!((&*ended.stderr, ended.status), ("", None), "killed by the signal");
    assert!(!room.socket().exists());
}

/// Makes the map, which never ends.
fn reads_its_maps(test: Test) -> Test {
    test.with(|room| {
        room.set_mode("", 0o755);
        room.hand_over("log");
        nix::unistd::mkfifo(&room.at("map"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        room.hand_over("map");
    })
}

fn has_map_open(process: u32) -> bool {
    let is_map = |fd: std::io::Result<fs::DirEntry>| {
        fs::read_link(fd.unwrap().path()).is_ok_and(|path| path.ends_with("map"))
    };
    fs::read_dir(format!("/proc/{process}/fd")).is_ok_and(|mut fds| fds.any(is_map))
}

#[test]
fn a_signal_ends_the_program_after_what_was_sent_before() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let room = Test::new()
            .loud()
            .send_all(std::iter::repeat_n(ping(), 4))
            .signal(signal)
            .stdout(PING.repeat(4))
            .stderr(
                "pigear: listening on log/snort_alert\n\
                 pigear: received 4, malformed 0, refused 0, missed 0; print: handled 4, dropped 0, failed 0\n",
            )
            .stats(counters([4, 0, 0, 0], &[("print", [4, 0, 0])]))
            .success();
        assert!(!room.socket().exists());
    }
}

#[test]
fn a_signal_before_the_first_alert_ends_the_program() {
    Test::new()
        .loud()
        .signal(Signal::SIGTERM)
        .stderr(
            "pigear: listening on log/snort_alert\n\
             pigear: received 0, malformed 0, refused 0, missed 0; print: handled 0, dropped 0, failed 0\n",
        )
        .success();
}

#[test]
fn ctrl_c_twice_ends_the_program_at_once_after_the_counters() {
    let (_unread, stdout) = std::io::pipe().unwrap();
    let mut running = Test::new().loud().args(["format=full"]).start_with(stdout);
    // More than the pipe takes: the handler is still busy at the second signal.
    (0..1_000).for_each(|_| running.send(&ping()));
    running.signal(Signal::SIGINT);
    let socket = running.room().socket();
    until("the first signal is noticed", || !socket.exists());
    running.signal_now(Signal::SIGINT);
    let (_, ended) = running.end();
    assert_eq!(ended.status, Some(130));
    let summary = "pigear: listening on log/snort_alert\n\
        pigear: received 1000, malformed 0, refused 0, missed 0; print: handled ";
    assert!(ended.stderr.starts_with(summary), "{}", ended.stderr);
}

#[cfg(feature = "exec")]
#[test]
fn a_third_signal_leaves_no_program_behind_and_the_counters_as_they_are() {
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
        // Of two signals at once, the program gets one.
        until("it ends", || {
            running.signal_now(Signal::SIGTERM);
            running.has_ended()
        });
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

#[cfg(feature = "exec")]
#[test]
fn a_second_sigterm_does_not_cut_the_drain_short() {
    let mut running = Test::new()
        .loud()
        .args(["--data-handler", "exec"])
        .args(["command=sh -c 'touch runs; while ! test -e go; do sleep 0.01; done'"])
        .start();
    running.send(&ping());
    let (runs, socket) = (running.room().at("runs"), running.room().socket());
    until("the program runs", || runs.exists());
    running.signal(Signal::SIGTERM);
    until("the first signal is noticed", || !socket.exists());
    running.signal_now(Signal::SIGTERM);
    running.warns("a third signal");
    running.room().write("go", "");
    let (_, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("exec: handled 1, dropped 0, failed 0\n"), "{}", ended.stderr);
}

#[test]
fn counters_are_at_the_end_of_every_run_unless_it_is_quiet() {
    let end = "malformed 0, refused 0, missed 0; print: handled 1, dropped 0, failed 0";
    let loud = Test::new().loud().args(["--count", "1"]).send(ping()).stdout(PING);
    let listens = "pigear: listening on log/snort_alert\n";
    loud.stderr(format!("{listens}pigear: received 1, {end}\n")).success();
    Test::new().args(["--count", "1"]).send(ping()).stdout(PING).success();
}

#[test]
fn what_is_missed_is_an_estimate_and_of_a_recording_nothing() {
    let mut alerts = sent("v2919/icmp_ping");
    let test = Test::new().loud().args(["--data-handler", "null", "--count", "2"]);
    let mut running = test.start();
    let (first, last) = (alerts.swap_remove(0), alerts.swap_remove(10));
    running.send(&first);
    running.send(&last);
    let (_, ended) = running.end();
    assert!(ended.stderr.contains(", missed about "), "{}", ended.stderr);
    let recording = fs::canonicalize(recording("v2919/icmp_ping")).unwrap();
    let recording = recording.to_str().unwrap();
    Test::bare()
        .loud()
        .args(["--socket-handler", "play", "--data-handler", "null", "--from", recording])
        .stderr(format!(
            "pigear: reading {recording}\n\
             pigear: received 27, malformed 0, refused 0; null: handled 27, dropped 0, failed 0\n"
        ))
        .stats(counters([27, 0, 0, 0], &[("null", [27, 0, 0])]))
        .success();
}

#[cfg(feature = "exec")]
#[test]
fn alerts_that_failed_are_status_1_at_the_end_of_a_recording() {
    let recording = fs::canonicalize(recording("v2919/icmp_ping")).unwrap();
    let (_, ended) = Test::bare()
        .args(["--socket-handler", "play", "--serve-forever", "--count", "3", "--from"])
        .args([recording])
        .args(["--data-handler", "exec", "command=false"])
        .start()
        .end();
    let last = "error: not delivered: 3 alerts of handler exec\n";
    assert!(ended.stderr.ends_with(last), "{}", ended.stderr);
    assert_eq!(ended.status, Some(1));
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
    let error = "error: no such directory: no-such for the counters\n\
        hint: mkdir -p no-such creates what is missing\n";
    assert_eq!((&*ended.stderr, ended.status), (error, Some(1)));
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
