//! The terminal: taken for the screen, and left as it was found.

use std::io::{self, Stdout, Write};
use std::panic;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::{getpgrp, getsid};
use ratatui::Frame;
use ratatui::backend::TermionBackend;
use ratatui::termion::cursor::{Hide, Show};
use ratatui::termion::screen::{ToAlternateScreen, ToMainScreen};
use ratatui::termion::style::Reset;
use signal_hook::consts::SIGTSTP;
use signal_hook::low_level::emulate_default_handler;

use crate::{killed, standard_error};

/// The terminal's settings before it was taken, while it is.
static FOUND: Mutex<Option<Termios>> = Mutex::new(None);

/// The terminal while the screen is shown. It is restored when this is dropped, and before a panic is
/// reported.
pub(super) struct Terminal(ratatui::Terminal<TermionBackend<Stdout>>);

impl Terminal {
    /// # Errors
    /// If the terminal can't be used.
    pub(super) fn open() -> io::Result<Self> {
        restore_before_a_panic_is_reported();
        let terminal = ratatui::Terminal::new(TermionBackend::new(io::stdout()))?;
        // From now on it is restored in any case.
        let mut terminal = Self(terminal);
        take()?;
        terminal.clear()?;
        Ok(terminal)
    }

    /// Draws, unless the terminal was restored because a thread panicked.
    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        if found().is_none() {
            return Ok(());
        }
        self.0.draw(draw).map(drop)
    }

    /// Draws everything the next time.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        // Unlike `clear`, this doesn't ask the terminal where its cursor is: the answer would come as keys.
        let area = self.0.size()?.into();
        self.0.resize(area)
    }

    /// Stops the program, as Ctrl-Z does elsewhere. Returns when it goes on. Without a shell that could continue
    /// it, such as in a window of its own, it isn't stopped.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        // A shell gives each of its jobs a process group of its own.
        if getsid(None)? == getpgrp() {
            return Ok(());
        }
        restore();
        emulate_default_handler(SIGTSTP)?;
        self.resume()
    }

    /// Takes the terminal after the program was stopped: another one may have changed it meanwhile.
    pub(super) fn resume(&mut self) -> io::Result<()> {
        take()?;
        self.clear()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Leaves the terminal as it was found, and ends the program by a signal.
pub(super) fn die(signal: i32) -> ! {
    restore();
    killed::end(signal)
}

/// The same while another thread may be waiting for a terminal that takes no output: only the terminal's
/// settings are restored.
pub(super) fn die_at_once(signal: i32) -> ! {
    restore_settings();
    killed::end(signal)
}

/// Takes the terminal, also if it is taken. No key that is typed meanwhile is lost.
fn take() -> io::Result<()> {
    let mut found = found();
    let settings = match &*found {
        Some(settings) => settings.clone(),
        None => tcgetattr(io::stdin())?,
    };
    let mut raw = settings.clone();
    cfmakeraw(&mut raw);
    *found = Some(settings);
    tcsetattr(io::stdin(), SetArg::TCSANOW, &raw)?;
    drop(found);
    standard_error::hold();
    write(&format!("{ToAlternateScreen}{Hide}"))
}

fn restore() {
    // First the settings, which need no terminal that takes output.
    if restore_settings() {
        // What a style may have left is undone too.
        let _ = write(&format!("{Reset}{ToMainScreen}{Show}"));
        standard_error::release();
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Restores the terminal's settings, and returns whether it was taken.
fn restore_settings() -> bool {
    let found = found().take();
    if let Some(settings) = &found {
        // A closed terminal needs nothing.
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, settings);
    }
    found.is_some()
}

fn found() -> MutexGuard<'static, Option<Termios>> {
    FOUND.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A panic is reported on the terminal, where it would otherwise be drawn over, or vanish with the screen.
fn restore_before_a_panic_is_reported() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            restore();
            report(panic);
        }));
    });
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::process::Command;

    use nix::pty::openpty;
    use nix::sys::termios::tcgetattr;

    use super::*;

    /// Only for the test below, which runs this in a terminal of its own.
    #[test]
    #[ignore = "it panics, and needs a terminal: another test runs it"]
    fn a_panic_while_the_screen_is_shown() {
        let mut terminal = Terminal::open().unwrap();
        terminal.draw(|_| panic!("in the middle of a frame")).unwrap();
    }

    /// Only for the test below.
    #[test]
    #[ignore = "it needs a terminal: another test runs it"]
    fn a_line_is_logged_while_the_screen_is_shown() {
        let terminal = Terminal::open().unwrap();
        standard_error::write(b"warning: a line of the log\n").unwrap();
        write("the screen goes on").unwrap();
        drop(terminal);
        standard_error::write(b"warning: a later line\n").unwrap();
        assert!(standard_error::has_screen(), "what a search logs that ends now was on the screen");
    }

    /// What a terminal gets while an ignored test of this module runs in it, and whether that succeeds. The
    /// terminal is as it was then.
    fn run_in_a_terminal(test: &str) -> (String, bool) {
        let pty = openpty(None, None).unwrap();
        let before = tcgetattr(&pty.slave).unwrap();
        let name = format!("top::terminal::tests::{test}");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", &name, "--ignored", "--nocapture", "--test-threads=1"]);
        let terminal = || pty.slave.try_clone().unwrap();
        command.stdin(terminal()).stdout(terminal()).stderr(terminal());
        let succeeds = command.status().unwrap().success();
        drop(command);
        assert_eq!(tcgetattr(&pty.slave).unwrap(), before);
        drop(pty.slave);
        let mut bytes = Vec::new();
        // A terminal without a writer ends with an error.
        let _ = File::from(pty.master).read_to_end(&mut bytes);
        (String::from_utf8_lossy(&bytes).into_owned(), succeeds)
    }

    /// These are in a text, in this order.
    #[track_caller]
    fn are_in_order(text: &str, parts: &[&str]) {
        let place =
            |part: &&str| text.find(part).unwrap_or_else(|| panic!("no {part:?} in {text:?}"));
        let places: Vec<_> = parts.iter().map(place).collect();
        assert!(places.is_sorted(), "{text:?}");
    }

    #[test]
    fn a_panic_leaves_the_terminal_as_it_was_and_is_seen() {
        let (text, succeeds) = run_in_a_terminal("a_panic_while_the_screen_is_shown");
        assert!(!succeeds);
        are_in_order(&text, &["\x1b[?1049h", "\x1b[?1049l", "in the middle of a frame"]);
        are_in_order(&text, &["\x1b[?25h", "in the middle of a frame"]);
    }

    #[test]
    fn what_is_logged_while_the_screen_is_shown_is_printed_behind_it() {
        let (text, succeeds) = run_in_a_terminal("a_line_is_logged_while_the_screen_is_shown");
        assert!(succeeds, "{text:?}");
        let (left, line) = ("\x1b[?1049l", "warning: a line of the log");
        are_in_order(&text, &["\x1b[?1049h", "the screen goes on", left, line, "a later line"]);
    }
}
