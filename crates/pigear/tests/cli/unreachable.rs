//! A socket that was removed or replaced and can't be bound again: alerts can't arrive, and all who ask are told.

use std::fs;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::chown;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::signal::Signal;

use crate::harness::{DEADLINE, Test, can_change_user, until};
use crate::room::Room;
use crate::running::Running;
use crate::scrape::{address, ask, measured, shows};
use crate::snort::{PING, ping};

/// Pigear as a user who may not write to the log directory, which has this mode.
fn of_another_user(mode: u32) -> Running {
    let test = measured(Test::new()).with(|room| {
        room.set_mode("", 0o755);
        room.set_mode("log", mode);
        chown(room.at("log"), Some(65_533), Some(65_533)).unwrap();
    });
    test.args(["--user", "nobody", "--sandbox", "off"]).start()
}

/// What `/healthz` and `/readyz` say.
fn statuses(address: SocketAddr) -> [String; 2] {
    ["/healthz", "/readyz"].map(|path| ask(address, path, "").status().to_owned())
}

/// How often the thread that watches the path of the socket has waited.
fn turns(running: &Running) -> u64 {
    let mut tasks = fs::read_dir(format!("/proc/{}/task", running.id())).unwrap();
    let read = |task: &fs::DirEntry, file| fs::read_to_string(task.path().join(file)).unwrap();
    let thread = tasks.find_map(|task| task.ok().filter(|task| read(task, "comm") == "socket\n"));
    let status = read(&thread.unwrap(), "status");
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.unwrap().trim().parse().unwrap()
}

#[test]
fn a_socket_that_was_replaced_by_a_directory_is_not_reachable_until_it_is_back() {
    let mut running = measured(Test::new()).start();
    let address = address(&mut running);
    until("it is ready", || statuses(address) == ["200", "200"]);
    let socket = running.room().socket();
    let beside = running.room().at("log/beside");
    fs::create_dir(&beside).unwrap();
    renameat2(AT_FDCWD, &beside, AT_FDCWD, &socket, RenameFlags::RENAME_EXCHANGE).unwrap();
    let expected = "log/snort_alert was removed or replaced, so no alerts arrive: the path exists and is not an alert \
        socket (a directory); trying again until it can be bound\n";
    running.warns(expected);
    shows(address, "pigear_socket_reachable{socket=\"log/snort_alert\"} 0");
    assert_eq!(statuses(address), ["200", "503"], "removing the directory helps");
    assert_eq!(ask(address, "/readyz", "").text(), expected);
    fs::remove_dir(&socket).unwrap();
    shows(address, "pigear_socket_reachable{socket=\"log/snort_alert\"} 1");
    until("it is ready again", || statuses(address) == ["200", "200"]);
    running.send(&ping());
    running.prints(PING);
}

#[test]
fn a_socket_that_its_user_may_not_bind_again_needs_a_new_start() {
    if !can_change_user() {
        return;
    }
    // Of the second, Pigear can't even look at the path.
    for mode in [0o755, 0o750] {
        let mut running = of_another_user(mode);
        running.send(&ping());
        running.prints(PING);
        let address = address(&mut running);
        fs::remove_file(running.room().socket()).unwrap();
        let expected = "log/snort_alert was removed or replaced, so no alerts arrive: no permission to create files \
            in the directory; restart Pigear, which binds it again\n";
        running.warns(expected);
        until("it needs a new start", || statuses(address) == ["503", "503"]);
        assert_eq!(ask(address, "/healthz", "").text(), expected, "{mode:o}");
        running.signal_now(Signal::SIGTERM);
        assert_eq!(running.end().1.status, Some(0));
    }
}

/// Another user than root finds a permission missing that may come back, which no new start mends.
#[test]
fn a_directory_that_is_closed_meanwhile_is_tried_again() {
    if !can_change_user() {
        return;
    }
    let test = measured(Test::new()).with(|room| room.hand_over("log"));
    let mut running = test.without_rights().start();
    let address = address(&mut running);
    until("it is ready", || statuses(address) == ["200", "200"]);
    running.room().set_mode("log", 0o555);
    fs::remove_file(running.room().socket()).unwrap();
    running.warns(
        "log/snort_alert was removed or replaced, so no alerts arrive: no permission to create files in the \
         directory; trying again until it can be bound\n",
    );
    until("it isn't ready", || statuses(address) == ["200", "503"]);
    running.room().set_mode("log", 0o755);
    until("it is ready again", || statuses(address) == ["200", "200"]);
}

#[test]
fn what_replaced_a_socket_that_its_user_may_not_bind_again_has_to_go_first() {
    if !can_change_user() {
        return;
    }
    let mut running = of_another_user(0o755);
    running.listens();
    let beside = running.room().at("log/theirs");
    let _theirs = UnixDatagram::bind(&beside).unwrap();
    running.room().set_mode("log/theirs", 0o666);
    fs::rename(&beside, running.room().socket()).unwrap();
    running.warns(
        "log/snort_alert was removed or replaced, so no alerts arrive: another process already listens there; after \
         that is removed, restart Pigear, whose user may not bind it again\n",
    );
}

#[test]
fn a_socket_that_can_not_be_looked_at_is_not_taken_for_one_that_was_removed() {
    if !can_change_user() {
        return;
    }
    for mode in [0o755, 0o750] {
        let mut running = of_another_user(mode);
        running.warns(
            "pigear: log/snort_alert stays when Pigear ends, because its user may not remove it; the next start \
             replaces it\n",
        );
        let address = address(&mut running);
        until("it is ready", || statuses(address) == ["200", "200"]);
        running.send(&ping());
        running.prints(PING);
        let before = turns(&running);
        until("the path was looked at", || turns(&running) >= before + 2);
        assert_eq!(statuses(address), ["200", "200"]);
        running.signal_now(Signal::SIGTERM);
        let (room, ended) = running.end();
        assert!(!ended.stderr.contains("warning"), "{mode:o}: {}", ended.stderr);
        assert!(room.socket().exists());
    }
}

#[test]
fn a_passed_socket_whose_path_is_gone_makes_pigear_unready() {
    for is_gone_before in [false, true] {
        let room = Room::new();
        let socket = UnixDatagram::bind(room.socket()).unwrap();
        let notify = UnixDatagram::bind(room.at("notify")).unwrap();
        notify.set_read_timeout(Some(DEADLINE)).unwrap();
        if is_gone_before {
            fs::remove_file(room.socket()).unwrap();
        }
        let mut command = Command::new("sh");
        let start = "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" --serve-forever --metrics 127.0.0.1:0 3<&0 </dev/null";
        command.args(["-c", start, env!("CARGO_BIN_EXE_pigear")]).current_dir(room.path());
        command.stdin(OwnedFd::from(socket)).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("NOTIFY_SOCKET", room.at("notify"));
        let mut running = Running::start(room, command).read_stdout().read_stderr();
        let address = address(&mut running);
        if !is_gone_before {
            until("it is ready", || ask(address, "/readyz", "").text() == "ok\n");
            fs::remove_file(running.room().socket()).unwrap();
        }
        let expected = format!(
            "{} was removed or replaced, so no alerts arrive: the process that bound it has to bind it again, such \
             as with systemctl restart and the name of the socket unit",
            running.room().socket().display()
        );
        running.warns(&expected);
        until("it is not ready", || ask(address, "/readyz", "").status() == "503");
        assert_eq!(ask(address, "/readyz", "").text(), format!("{expected}\n"));
        assert_eq!(ask(address, "/healthz", "").status(), "200", "a new start doesn't help");
        let told = || {
            let mut message = [0; 4096];
            let len = notify.recv(&mut message).unwrap();
            String::from_utf8(message[..len].to_vec()).unwrap()
        };
        until("systemd is told", || told().starts_with(&format!("STATUS={expected}; received 0")));
        running.signal_now(Signal::SIGTERM);
        assert_eq!(running.end().1.status, Some(0));
    }
}
