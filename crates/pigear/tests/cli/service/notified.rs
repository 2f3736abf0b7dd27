//! What systemd is told.

#[cfg(feature = "exec")]
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::harness::{DEADLINE, Test, program};
use crate::room::Room;
use crate::running::Running;
use crate::snort::ping;

/// Systemd's side.
struct Systemd(UnixDatagram);

impl Systemd {
    /// Starts Pigear, which has to say that it is alive within this time.
    fn start(
        room: Room,
        watchdog: Option<Duration>,
        prepare: impl FnOnce(&mut std::process::Command),
    ) -> (Self, Running) {
        let socket = UnixDatagram::bind(room.at("notify")).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut command = program();
        command.args(["--logdir", "log", "--quiet"]).current_dir(room.path());
        command.env("NOTIFY_SOCKET", room.at("notify"));
        command.envs(watchdog.map(|time| ("WATCHDOG_USEC", time.as_micros().to_string())));
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        prepare(&mut command);
        (Self(socket), Running::start(room, command).read_stdout().read_stderr())
    }

    /// The next message; `None` if none comes in time.
    fn next(&self) -> Option<String> {
        let mut message = [0; 4096];
        let len = self.0.recv(&mut message).ok()?;
        Some(String::from_utf8(message[..len].to_vec()).unwrap())
    }

    fn waits_for(&self, what: &str) -> String {
        let next = || self.next().unwrap_or_else(|| panic!("timed out waiting for {what}"));
        std::iter::repeat_with(next).find(|message| message.contains(what)).unwrap()
    }
}

#[test]
fn systemd_is_told_the_beginning_the_counters_and_the_end() {
    let (systemd, mut running) =
        Systemd::start(Room::new(), Some(Duration::from_millis(400)), |_| {});
    assert_eq!(systemd.next().unwrap(), "READY=1\n");
    running.send(&ping());
    systemd.waits_for("STATUS=received 1, malformed 0");
    systemd.waits_for("WATCHDOG=1");
    running.signal(Signal::SIGTERM);
    systemd.waits_for("STOPPING=1");
    let (_, ended) = running.end();
    assert_eq!((&*ended.stderr, ended.status), ("", Some(0)));
}

#[test]
fn no_time_at_all_is_no_watchdog() {
    let (systemd, mut running) = Systemd::start(Room::new(), Some(Duration::ZERO), |_| {});
    assert_eq!(systemd.next().unwrap(), "READY=1\n");
    assert!(systemd.next().unwrap().starts_with("STATUS="));
    running.signal(Signal::SIGTERM);
    systemd.waits_for("STOPPING=1");
    let (_, ended) = running.end();
    assert_eq!((&*ended.stderr, ended.status), ("", Some(0)));
}

#[test]
fn a_resting_receiver_is_alive_and_a_stuck_one_is_not() {
    let hangs = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>
#include <unistd.h>
ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
    ssize_t (*real)(int, struct msghdr *, int) = dlsym(RTLD_NEXT, "recvmsg");
    ssize_t len = real(fd, message, flags);
    while (access("hang", F_OK) == 0) pause();
    return len;
}"#;
    let test = Test::new().preloading(hangs);
    let library = test.room().at("preloaded.so");
    let room = Room::new();
    let timeout = Duration::from_millis(400);
    let (systemd, mut running) = Systemd::start(room, Some(timeout), |command| {
        command.env("LD_PRELOAD", library);
    });
    running.listens();
    // No alert comes, for many times as long as it may be stuck.
    (0..20).for_each(|_| drop(systemd.waits_for("WATCHDOG=1")));
    running.room().write("hang", "");
    running.warns("the thread that receives from log/snort_alert is stuck");
    // Some may have been told before.
    let later: Vec<_> = (0..16).map(|_| systemd.next().unwrap()).collect();
    assert!(later[8..].iter().all(|message| message.starts_with("STATUS=")), "{later:?}");
}

#[cfg(feature = "exec")]
#[test]
fn a_program_can_not_speak_to_systemd_or_find_credentials() {
    let args = ["--data-handler", "exec", "command=sh say"];
    let room = Room::new();
    room.write("say", "env > variables");
    let (_systemd, mut running) = Systemd::start(room, None, |command| {
        command.args(args).env("CREDENTIALS_DIRECTORY", "/run/credentials/pigear.service");
    });
    running.send(&ping());
    running.signal(Signal::SIGTERM);
    let (room, _) = running.end();
    let variables = fs::read_to_string(room.at("variables")).unwrap();
    for variable in ["NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY"] {
        assert!(!variables.contains(variable), "{variables}");
    }
    assert!(variables.contains("PATH="), "{variables}");
}

#[test]
fn systemd_is_told_of_a_reload_and_of_one_that_is_refused() {
    let room = Room::new();
    room.write("pigear.toml", "[[handler]]\ntype = \"print\"\n");
    let (systemd, mut running) = Systemd::start(room, None, |command| {
        command.args(["--config", "pigear.toml"]);
    });
    running.listens();
    for (config, status) in [
        ("[[handler]]\ntype = \"null\"\n", "STATUS=received 0"),
        ("broken", "STATUS=cannot reload: pigear.toml:1:"),
    ] {
        running.room().write("pigear.toml", config);
        running.signal_now(Signal::SIGHUP);
        let begun = systemd.waits_for("RELOADING=1\n");
        let time = begun.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
        assert!(time.unwrap().parse::<u64>().unwrap() > 0, "{begun}");
        assert_eq!(systemd.next().unwrap(), "READY=1\n");
        systemd.waits_for(status);
    }
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
}
