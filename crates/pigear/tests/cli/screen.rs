//! A terminal with somebody in front of it: the test types, and reads what the screen shows.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::termios::{_POSIX_VDISABLE, LocalFlags, SpecialCharacterIndices, tcgetattr};
use nix::unistd::{Pid, tcgetpgrp};

use crate::harness::{Test, until};
use crate::room::Room;
use crate::running::Running;

/// Lines and columns.
const SIZE: [u16; 2] = [120, 118];

/// Between these a program draws what belongs together.
const DRAWING: &[u8] = b"\x1b[?2026h";
const DRAWN: &[u8] = b"\x1b[?2026l";

/// A terminal with somebody in front of it.
pub(crate) struct Screen {
    keyboard: File,
    /// The terminal's path.
    path: String,
    shown: Arc<Mutex<Shown>>,
    /// Dropped with this, so that whoever reads leaves the terminal too.
    _closed: Sender<()>,
}

struct Shown {
    emulator: vt100::Parser,
    bytes: Vec<u8>,
}

/// Starts the program in a terminal of its own, as its only program, with environment variables.
pub(crate) fn start(test: Test, environment: &[(&str, &str)]) -> (Running, Screen) {
    let (screen, terminal) = Screen::open();
    let mut command = Command::new("setsid");
    command.arg("--ctty").arg(env!("CARGO_BIN_EXE_pigear"));
    command.env("HOME", test.room().path()).env("TERM", "xterm-256color");
    command.env_remove("NO_COLOR").env_remove("XDG_STATE_HOME");
    command.envs(environment.iter().copied());
    command.stdin(terminal.try_clone().unwrap()).stdout(terminal.try_clone().unwrap());
    command.stderr(terminal);
    (test.start_through(command), screen)
}

/// Starts another program in a terminal of its own, in the directory of a test.
pub(crate) fn start_other(room: &Room, program: &str, args: &[&str]) -> (Child, Screen) {
    let (screen, terminal) = Screen::open();
    let mut command = Command::new("setsid");
    command.arg("--ctty").arg(program).args(args).current_dir(room.path());
    command.env("HOME", room.path()).env("TERM", "xterm-256color");
    command.stdin(terminal.try_clone().unwrap()).stdout(terminal.try_clone().unwrap());
    (command.stderr(terminal).spawn().unwrap(), screen)
}

/// Both ends of a terminal. No program inherits them by chance, or it would keep them open.
fn new_terminal() -> (PtyMaster, OwnedFd, String) {
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname_r(&master).unwrap();
    let mut options = File::options();
    options.read(true).write(true).custom_flags(OFlag::O_NOCTTY.bits());
    let terminal = options.open(&path).unwrap();
    let [lines, columns] = SIZE.map(|n| n.to_string());
    let sized = Command::new("stty").args(["-F", &path, "rows", &lines, "cols", &columns]).status();
    assert!(sized.unwrap().success());
    (master, terminal.into(), path)
}

/// Waits until there is something to read; false if the terminal is closed before.
fn wait_for(output: &File, is_closed: &Receiver<()>) -> bool {
    while is_closed.try_recv() == Err(TryRecvError::Empty) {
        let mut fds = [PollFd::new(output.as_fd(), PollFlags::POLLIN)];
        if poll(&mut fds, 20_u16).unwrap() > 0 {
            return true;
        }
    }
    false
}

impl Screen {
    /// A terminal, and the end of it that a program gets.
    pub(crate) fn open() -> (Self, OwnedFd) {
        let (master, terminal, path) = new_terminal();
        let [lines, columns] = SIZE.map(|n| NonZero::new(n).unwrap());
        let emulator = vt100::Parser::new(lines, columns, 0);
        let shown = Arc::new(Mutex::new(Shown { emulator, bytes: Vec::new() }));
        let keyboard = File::from(OwnedFd::from(master));
        let mut output = keyboard.try_clone().unwrap();
        let gathered = Arc::clone(&shown);
        let (closed, is_closed) = channel::<()>();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Reading ends with an error once no program has the terminal any more.
            while wait_for(&output, &is_closed)
                && let Ok(n @ 1..) = output.read(&mut bytes)
            {
                let mut shown = gathered.lock().unwrap();
                shown.emulator.process(&bytes[..n]);
                shown.bytes.extend(&bytes[..n]);
            }
        });
        (Self { keyboard, path, shown, _closed: closed }, terminal)
    }

    /// Presses keys.
    pub(crate) fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Types a line and Enter.
    pub(crate) fn enters(&mut self, line: &str) {
        self.types(line);
        self.types("\r");
    }

    /// What is on the screen, without what is empty at its end.
    pub(crate) fn text(&self) -> String {
        self.shown.lock().unwrap().emulator.screen().contents()
    }

    /// Everything that was ever written to the terminal.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.shown.lock().unwrap().bytes.clone()
    }

    /// Waits until the screen shows a text.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        let deadline = std::time::Instant::now() + crate::harness::DEADLINE;
        while !self.text().contains(text) {
            assert!(std::time::Instant::now() < deadline, "no {text:?} on\n{}", self.text());
            thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    /// Enters nothing until a prompt is this: it doesn't change by itself.
    pub(crate) fn comes_to(&mut self, prompt: &str) {
        until(prompt, || {
            let there = self.last_line() == prompt;
            if !there && self.last_line().ends_with('>') {
                self.enters("");
            }
            there
        });
    }

    /// What is in the last line, once nothing is just being drawn.
    fn last_line(&self) -> String {
        let shown = self.shown.lock().unwrap();
        let last = |part: &[u8]| shown.bytes.windows(part.len()).rposition(|bytes| bytes == part);
        if last(DRAWING) > last(DRAWN) {
            return String::new();
        }
        let text = shown.emulator.screen().contents();
        text.lines().last().unwrap_or_default().trim_end().to_owned()
    }

    /// Waits until the screen shows a text in its last line.
    #[track_caller]
    pub(crate) fn prompts(&self, prompt: &str) {
        let deadline = std::time::Instant::now() + crate::harness::DEADLINE;
        while self.last_line() != prompt {
            assert!(std::time::Instant::now() < deadline, "no {prompt:?} last on\n{}", self.text());
            thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    /// Makes the terminal as large as this.
    pub(crate) fn resize(&self, lines: u16, columns: u16) {
        let [height, width] = [lines, columns].map(|n| NonZero::new(n).unwrap());
        self.shown.lock().unwrap().emulator.screen_mut().set_size(height, width);
        let size = [lines, columns].map(|n| n.to_string());
        let args = ["-F", &self.path, "rows", &size[0], "cols", &size[1]];
        assert!(Command::new("stty").args(args).status().unwrap().success());
    }

    /// Waits until the screen doesn't show a text any more.
    #[track_caller]
    pub(crate) fn hides(&self, text: &str) {
        until(&format!("{text:?} is gone"), || !self.text().contains(text));
    }

    /// The terminal's settings, as `stty -g` writes them.
    pub(crate) fn settings(&self) -> String {
        let settings = Command::new("stty").args(["-F", &self.path, "-g"]).output().unwrap();
        assert!(settings.status.success());
        String::from_utf8(settings.stdout).unwrap()
    }

    /// Waits until a program has left the whole screen: what was there before is shown, with a cursor.
    pub(crate) fn is_left(&self) {
        until("the screen is left", || {
            let shown = self.shown.lock().unwrap();
            let screen = shown.emulator.screen();
            !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
        });
    }

    /// The processes in the foreground.
    pub(crate) fn foreground(&self) -> Pid {
        let group = tcgetpgrp(&self.keyboard).unwrap();
        Pid::from_raw(-group.as_raw())
    }

    /// Whether anything on the screen has a colour.
    pub(crate) fn is_coloured(&self) -> bool {
        let shown = self.shown.lock().unwrap();
        let screen = shown.emulator.screen();
        let (lines, columns) = (screen.size().0.get(), screen.size().1.get());
        let mut cells = (0..lines).flat_map(|line| (0..columns).map(move |column| (line, column)));
        cells.any(|(line, column)| {
            let plain = vt100::Color::Default;
            screen
                .cell(line, column)
                .is_some_and(|it| (it.fgcolor(), it.bgcolor()) != (plain, plain))
        })
    }

    /// Whether Ctrl-Z halts the program in the foreground.
    pub(crate) fn suspends(&self) -> bool {
        let settings = tcgetattr(&self.keyboard).unwrap();
        settings.control_chars[SpecialCharacterIndices::VSUSP as usize] != _POSIX_VDISABLE
    }

    /// Waits until the terminal is as a command line wants it: it shows what is typed, line by line.
    pub(crate) fn is_restored(&self) {
        let usual = LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG;
        until("the terminal is restored", || {
            tcgetattr(&self.keyboard).unwrap().local_flags.contains(usual)
        });
    }
}
