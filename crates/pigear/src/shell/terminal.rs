use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{
    _POSIX_VDISABLE, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
};

/// Whether a shell uses the terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Ends bracketed paste mode, in which the terminal marks pasted text.
const PASTE_OFF: &str = "\x1b[?2004l";

/// How long the line editor may take to set up the terminal.
const SETUP_TIMEOUT: Duration = Duration::from_millis(200);

/// The terminal's original settings.
pub(super) struct Terminal {
    found: Termios,
    gate: Gate,
}

/// Controls who may set up the terminal for reading keys. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<Mutex<TerminalState>>);

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum TerminalState {
    #[default]
    Free,
    /// Keys are being read, or will be soon.
    Reading,
    /// No more keys are read.
    Closed,
}

impl Gate {
    /// Reads keys; `None` if no more may be read.
    pub(super) fn read<T>(&self, read: impl FnOnce() -> T) -> Option<T> {
        let mut state = self.state();
        if *state != TerminalState::Free {
            return None;
        }
        *state = TerminalState::Reading;
        drop(state);
        let read = read();
        let mut state = self.state();
        if *state == TerminalState::Reading {
            *state = TerminalState::Free;
        }
        Some(read)
    }

    fn state(&self) -> MutexGuard<'_, TerminalState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a shell can't use the terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TerminalError {
    /// Standard input or output is not a terminal.
    #[error(
        "standard {stream} is not a terminal, and a shell needs one; other handlers, such as \
         `print`, need none"
    )]
    NoTerminal {
        /// Which: `input` or `output`.
        stream: &'static str,
    },
    /// Another shell uses it.
    #[error("only one shell can use a terminal")]
    Taken,
    /// Its settings can't be read.
    #[error("cannot ask the terminal for its settings: {0}")]
    Settings(#[source] io::Error),
}

impl Terminal {
    pub(super) fn take() -> Result<Self, TerminalError> {
        for (stream, is_terminal) in
            [("input", io::stdin().is_terminal()), ("output", io::stdout().is_terminal())]
        {
            if !is_terminal {
                return Err(TerminalError::NoTerminal { stream });
            }
        }
        let found =
            tcgetattr(io::stdin()).map_err(|error| TerminalError::Settings(error.into()))?;
        if TAKEN.swap(true, Ordering::SeqCst) {
            return Err(TerminalError::Taken);
        }
        without_suspend(found.clone());
        Ok(Self { found, gate: Gate::default() })
    }

    /// The gate through which keys must be read.
    pub(super) fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// Restores the terminal, even while a thread still waits for a key, and prevents further reads.
    pub(super) fn restore(&self) {
        let before = std::mem::replace(&mut *self.gate.state(), TerminalState::Closed);
        let since = Instant::now();
        // A thread that was admitted just before has yet to set up the terminal.
        while before == TerminalState::Reading
            && self.is_as_found()
            && since.elapsed() < SETUP_TIMEOUT
        {
            thread::sleep(Duration::from_millis(1));
        }
        // A closed terminal needs no restoring.
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.found);
        let mut stdout = io::stdout();
        let _ = stdout.write_all(PASTE_OFF.as_bytes());
        let _ = stdout.write_all(b"\r\n").and_then(|()| stdout.flush());
    }

    fn is_as_found(&self) -> bool {
        tcgetattr(io::stdin()).is_ok_and(|now| now.local_flags == self.found.local_flags)
    }
}

/// Disables Ctrl-Z: a stopped program receives nothing, and Snort blocks.
fn without_suspend(mut settings: Termios) {
    settings.control_chars[SpecialCharacterIndices::VSUSP as usize] = _POSIX_VDISABLE;
    // If that fails, the shell works nevertheless.
    let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &settings);
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // No thread reads keys any more, or it was restored before.
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.found);
        TAKEN.store(false, Ordering::SeqCst);
    }
}

/// Whether a shell uses the terminal, and it was closed.
#[cfg(feature = "command")]
pub(crate) fn is_left() -> bool {
    TAKEN.load(Ordering::SeqCst) && is_gone()
}

/// Whether the terminal was closed: a window, or a connection.
pub(super) fn is_gone() -> bool {
    let stdin = io::stdin();
    let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
    let polled = poll(&mut fds, PollTimeout::ZERO);
    polled.is_err() || fds[0].revents().is_some_and(|revents| revents.intersects(gone))
}
