//! `pigear top`, in a terminal.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pigear_alert::AlertMessage;
use pigear_alert::wire::{Dialect, encode};

use crate::harness::{DEADLINE, Test, program, until};
use crate::requirements::missing;
use crate::room::Room;
use crate::screen::{self, Screen};
use crate::snort::sent;

const PIGEAR: &str = env!("CARGO_BIN_EXE_pigear");

/// Alerts of a case, stored.
fn stored(room: Room, alerts: Vec<Vec<u8>>) -> Room {
    let store = room.at("a.db").display().to_string();
    let count = alerts.len().to_string();
    let args = ["--store", &store, "--data-handler", "null", "--count", &count];
    Test::new().args(args).send_all(alerts).success();
    room
}

/// A program in a terminal; it is killed when this is dropped.
struct Top {
    room: Room,
    child: Child,
    screen: Screen,
    /// The terminal's settings before.
    settings: String,
}

impl Top {
    /// Starts it over the recorded alerts of pings.
    fn new(args: &[&str]) -> Self {
        Self::over(stored(Room::new(), sent("v2919/icmp_ping")), args)
    }

    fn over(room: Room, args: &[&str]) -> Self {
        let args = [&["NO_COLOR=", "TZ=UTC", PIGEAR, "top", "--store", "a.db"], args].concat();
        Self::start(room, "env", &args)
    }

    fn start(room: Room, program: &str, args: &[&str]) -> Self {
        let (child, screen) = screen::start_other(&room, program, args);
        screen.resize(24, 80);
        // The program may have changed its own already; each new terminal has the same.
        let (other, _terminal) = Screen::open();
        other.resize(24, 80);
        let settings = other.settings();
        Self { room, child, screen, settings }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Waits until it has ended, and the terminal is as it was.
    #[track_caller]
    fn ends(&mut self) -> ExitStatus {
        let mut status = None;
        until("the program has ended", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        assert_eq!(self.screen.settings(), self.settings);
        self.screen.is_left();
        status.unwrap()
    }
}

impl Drop for Top {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An alert with this message.
fn alert(msg: &[u8]) -> Vec<u8> {
    let mut message = AlertMessage::default();
    message.msg = msg.into();
    (message.sig_generator, message.sig_id, message.priority) = (1, 7, 1);
    encode(&message, Dialect::Snort3)
}

#[test]
fn a_session_with_the_screen() {
    let mut top = Top::new(&[]);
    let screen = &mut top.screen;
    screen.shows("alerts, newest first");
    screen.shows("1:1000130 ICMP ping sweep");
    screen.shows("27 alerts");
    screen.types("/msg.sig_id == 1000132 && alert.src_prt == 5\r");
    screen.shows("alert has no field `src_prt`; did you mean `src_port`?");
    screen.shows("^");
    screen.types("\x15msg.sig_id == 1000132\r");
    screen.shows("only: filter msg.sig_id == 1000132");
    screen.hides("ping sweep");
    // In the list: the counts may be there before.
    screen.shows("3 low      06-15 18:06 ICMP Time-To-Live");
    screen.types("\r");
    screen.shows("[**] [1:1000132:6] ICMP Time-To-Live Exceeded in Transit [**]");
    screen.shows("└─ IPv4 [14..34]");
    screen.shows("0000  02 00 5e");
    screen.types("G");
    screen.shows("alert.untrusted");
    screen.resize(20, 60);
    screen.shows("This terminal has 60 columns and 20 rows.");
    screen.resize(40, 120);
    screen.shows("alert.untrusted");
    screen.types("\x1b");
    screen.shows("only: filter");
    screen.types("?");
    screen.shows("any key goes back");
    screen.types("x/\x15\r");
    screen.shows("ping sweep");
    screen.types("q");
    assert_eq!(top.ends().code(), Some(0));
}

#[test]
fn alerts_that_another_pigear_stores_are_shown_at_once() {
    let mut top = Top::new(&[]);
    top.screen.shows("alerts, newest first");
    let room = std::mem::replace(&mut top.room, Room::new());
    let room = stored(room, vec![alert(b"the first of two"), alert(b"the second of two")]);
    top.screen.shows("1 high     01-01 00:00 the second of two");
    top.screen.shows("29 alerts");
    top.screen.types("p");
    top.screen.shows("paused");
    let _room = stored(room, vec![alert(b"a third")]);
    top.screen.shows("1 new");
    assert!(!top.screen.text().contains("a third"));
    top.screen.types("p");
    top.screen.shows("1 high     01-01 00:00 a third");
    top.screen.types("\x03");
    assert_eq!(top.ends().code(), Some(0));
}

#[test]
fn a_filter_that_fails_leaves_the_screen_as_it_is() {
    let filter = ["--filter", "alert.vlan[0] == 100"];
    let mut top = Top::over(stored(Room::new(), vec![alert(b"one"), alert(b"two")]), &filter);
    top.screen.shows("the filter failed for 2 alerts, which are left out");
    top.screen.shows("no stored alert meets all conditions");
    top.screen.types("q");
    assert_eq!(top.ends().code(), Some(0));
    let bytes = top.screen.bytes();
    assert!(!String::from_utf8_lossy(&bytes).contains("warning:"), "{}", top.screen.text());
}

#[test]
fn a_log_that_is_a_file_gets_lines_at_once() {
    let to_file =
        format!("exec {PIGEAR} top --store a.db --filter 'alert.vlan[0] == 100' 2>top.log");
    let room = stored(Room::new(), vec![alert(b"one")]);
    let mut top = Top::start(room, "sh", &["-c", &to_file]);
    top.screen.shows("the filter failed for 1 alert");
    let log = top.room.at("top.log");
    let warning = "warning: the filter failed on an alert, which is left out";
    until("the line is in the file", || fs::read_to_string(&log).unwrap().starts_with(warning));
    top.screen.types("q");
    assert_eq!(top.ends().code(), Some(0));
}

#[test]
fn alerts_are_acknowledged_starred_and_commented_on_by_keys() {
    let mut top = Top::over(stored(Room::new(), vec![alert(b"first"), alert(b"second")]), &[]);
    let screen = &mut top.screen;
    screen.shows(" 1 high     01-01 00:00 second");
    screen.types("e");
    screen.shows(" 1 high    +01-01 00:00 second");
    screen.shows("alert 2 is acknowledged; u undoes it");
    screen.types("s");
    screen.shows("*1 high    +01-01 00:00 second");
    screen.types("cseen before");
    screen.shows("comment: seen before");
    screen.types("\r");
    screen.shows("second (1 comment)");
    screen.types("h");
    screen.hides("second (1 comment)");
    screen.shows("acknowledged alerts are hidden (h)");
    screen.shows(" 1 high     01-01 00:00 first");
    screen.types("h");
    screen.shows("*1 high    +01-01 00:00 second (1 comment)");
    screen.types("u");
    screen.hides("(1 comment)");
    screen.types("u");
    screen.shows(" 1 high    +01-01 00:00 second");
    screen.types("q");
    assert_eq!(top.ends().code(), Some(0));
    let query = ["query", "--store", "a.db", "--packet", "2"];
    let output = program().args(query).current_dir(top.room.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\n[Acknowledged by "), "{text}");
    assert!(!text.contains("[Starred") && !text.contains("[Comment"), "{text}");
}

#[test]
fn signals_end_it_and_leave_the_terminal_as_it_was() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        let mut top = Top::new(&[]);
        top.screen.shows("alerts, newest first");
        top.signal(signal);
        let status = top.ends();
        assert_eq!(status.signal(), Some(signal as i32), "{signal}: {status}");
    }
}

#[test]
fn it_is_stopped_and_goes_on() {
    let room = stored(Room::new(), sent("v2919/icmp_ping"));
    let mut top = Top::start(room, "env", &["PS1=ready> ", "TZ=UTC", "sh", "-i"]);
    top.screen.shows("ready>");
    for (how, stop) in [("a key", "\x1a"), ("a signal", "")] {
        let settings = top.screen.settings();
        top.screen.enters(&format!("clear; {PIGEAR} top --store a.db; echo ended with $?"));
        top.screen.shows("alerts, newest first");
        assert_ne!(top.screen.settings(), settings);
        if stop.is_empty() {
            let group = top.screen.foreground();
            kill(group, Signal::SIGTSTP).unwrap();
        } else {
            top.screen.types(stop);
        }
        top.screen.is_left();
        until(how, || top.screen.settings() == settings);
        top.screen.enters("fg");
        top.screen.shows("2 medium   06-15 18:06 ICMP ping sweep");
        top.screen.types("j\r");
        top.screen.shows("Esc back");
        top.screen.types("q");
        top.screen.is_left();
        until("the terminal is as it was", || top.screen.settings() == settings);
        // A key that is typed before would still go to the program that ends.
        top.screen.prompts("ready>");
    }
    top.screen.enters("exit");
    until("the shell has ended", || top.child.try_wait().unwrap().is_some());
}

#[test]
fn where_nothing_could_continue_it_it_is_not_stopped() {
    let mut top = Top::new(&[]);
    top.screen.shows("alerts, newest first");
    top.screen.types("\x1a?");
    top.screen.shows("any key goes back");
    top.screen.types("q");
    assert_eq!(top.ends().code(), Some(0));
}

#[test]
fn a_store_that_goes_away_is_waited_for() {
    let mut top = Top::new(&[]);
    top.screen.shows("alerts, newest first");
    fs::rename(top.room.at("a.db"), top.room.at("away.db")).unwrap();
    top.screen.shows("cannot read the store: there is no store; waiting for it");
    fs::rename(top.room.at("away.db"), top.room.at("a.db")).unwrap();
    top.screen.hides("cannot read the store");
    top.screen.shows("ICMP ping sweep");
    top.screen.types("q");
    assert_eq!(top.ends().code(), Some(0));
}

#[test]
fn a_terminal_that_is_closed_ends_it() {
    let mut top = Top::new(&[]);
    top.screen.shows("alerts, newest first");
    let (other, _) = Screen::open();
    drop(std::mem::replace(&mut top.screen, other));
    until("the program has ended", || top.child.try_wait().unwrap().is_some());
}

#[test]
fn no_color_takes_the_colours_away_from_the_screen() {
    for (value, is_coloured) in [("NO_COLOR=", true), ("NO_COLOR=1", false)] {
        let room = stored(Room::new(), sent("v2919/icmp_ping"));
        let mut top = Top::start(room, "env", &[value, PIGEAR, "top", "--store", "a.db"]);
        top.screen.shows("2 medium");
        top.screen.shows("ping sweep");
        assert_eq!(top.screen.is_coloured(), is_coloured);
        top.screen.types("q");
        top.ends();
    }
}

#[test]
fn text_of_alerts_controls_no_terminal() {
    let mut top = Top::over(stored(Room::new(), vec![alert(b"a\x1b[2Jb\x9b1m\xe2\x80\xaec")]), &[]);
    // The emulator shows nothing for what is not UTF-8.
    let text = "a\\x1b[2Jb1m\\u{202e}c";
    top.screen.shows(&format!("1 high     01-01 00:00 {text}"));
    top.screen.types("\r");
    top.screen.shows(&format!("[**] [1:7:0] {text} [**]"));
    top.screen.types("q");
    top.ends();
    assert!(!String::from_utf8_lossy(&top.screen.bytes()).contains('\u{202e}'));
}

/// It fails without a screen, with this on standard error.
#[track_caller]
fn fails(args: &[&str], terminal: bool, stderr: &str) {
    let room = stored(Room::new(), vec![alert(b"one")]);
    if terminal {
        let args = [&[PIGEAR, "top"], args].concat();
        let mut top = Top::start(room, "env", &args);
        stderr.lines().for_each(|line| top.screen.shows(line));
        assert!(!top.ends().success());
        assert!(!String::from_utf8_lossy(&top.screen.bytes()).contains("\x1b[?1049h"));
        return;
    }
    let output = program().arg("top").args(args).current_dir(room.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((&*said, output.status.code(), output.stdout.len()), (stderr, Some(2), 0));
}

#[test]
fn without_a_terminal_it_says_what_to_do() {
    let hint = "hint: `pigear query --follow` shows new alerts without a screen\n";
    let error = "error: standard output is not a terminal, and pigear top needs one\n";
    fails(&["--store", "a.db"], false, &format!("{error}{hint}"));
}

#[test]
fn what_is_wrong_is_said_before_there_is_a_screen() {
    fails(&["--store", "none.db"], true, "error: cannot use the store none.db: there is no store");
    fails(
        &["--store", "a.db", "--filter", "msg.prio == 1"],
        true,
        "error: --filter: msg has no field `prio`",
    );
    let reversed = ["--store", "a.db", "--since", "today", "--until", "yesterday"];
    fails(&reversed, true, "--since must be the earlier one");
    fails(&["--store", "a.db", "--sid", "x"], true, "error: invalid value 'x' for '--sid <N>'");
}

/// tmux with a server of its own; it is ended when this is dropped.
struct Tmux(Room);

impl Tmux {
    fn run(&self, args: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(self.0.at("tmux")).args(["-f", "/dev/null"]).args(args);
        command.current_dir(self.0.path()).stdin(Stdio::null()).env("TZ", "UTC");
        command.env_remove("TMUX").env("LC_ALL", "C.UTF-8");
        let output = command.output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn types(&self, keys: &[&str]) {
        self.run(&[&["send-keys", "-t", "top"], keys].concat());
    }

    #[track_caller]
    fn shows(&self, text: &str) {
        let deadline = std::time::Instant::now() + DEADLINE;
        let screen = || self.run(&["capture-pane", "-p", "-t", "top"]);
        while !screen().contains(text) {
            assert!(std::time::Instant::now() < deadline, "no {text:?} on\n{}", screen());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

#[test]
fn a_session_in_tmux() {
    if Command::new("tmux").arg("-V").output().is_err() {
        missing("tmux isn't installed");
        return;
    }
    let tmux = Tmux(stored(Room::new(), sent("v2919/icmp_ping")));
    let shell =
        ["new-session", "-d", "-s", "top", "-x", "80", "-y", "24", "env", "PS1=ready> ", "sh"];
    tmux.run(&shell);
    tmux.shows("ready>");
    tmux.types(&["stty -g >before", "Enter"]);
    tmux.types(&[&format!("{PIGEAR} top --store a.db; stty -g >after"), "Enter"]);
    tmux.shows("alerts, newest first");
    tmux.shows("1:1000130 ICMP ping sweep");
    tmux.types(&["/"]);
    tmux.shows("filter:");
    tmux.types(&["-l", "msg.priority == 3 && alert.src_ip == \"198.51.100.254\""]);
    tmux.types(&["Enter"]);
    tmux.shows("only: filter msg.priority == 3");
    // In the list: the counts may be there before.
    tmux.shows("3 low      06-15 18:06 ICMP Time-To-Live");
    tmux.types(&["Enter"]);
    tmux.shows("└─ IPv4 [14..34]");
    tmux.run(&["resize-window", "-t", "top", "-x", "60", "-y", "20"]);
    tmux.shows("pigear top needs 80 columns and 24 rows.");
    tmux.run(&["resize-window", "-t", "top", "-x", "100", "-y", "30"]);
    tmux.shows("└─ IPv4 [14..34]");
    tmux.types(&["Escape"]);
    tmux.shows("alerts, newest first");
    tmux.types(&["q"]);
    tmux.shows("ready>");
    until("the shell goes on", || tmux.0.at("after").exists() && !tmux.0.read("after").is_empty());
    assert_eq!(tmux.0.read("after"), tmux.0.read("before"));
    assert!(!tmux.run(&["capture-pane", "-p", "-t", "top"]).contains("alerts, newest"));
}
