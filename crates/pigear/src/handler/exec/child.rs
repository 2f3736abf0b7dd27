//! A running program, in its own process group.

use std::fmt::{self, Display};
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use pigear_alert::plural;

use super::children::{self, Group};
use crate::visible::visible;

/// How many bytes of a program's output are kept.
const MAX_OUTPUT: usize = 1_024;

/// How often to check whether a program has ended.
const TICK: Duration = Duration::from_millis(20);

/// A running program, in its own process group, which is killed when this is dropped.
pub(super) struct Running {
    child: Child,
    group: Group,
    stdin: Option<ChildStdin>,
    output: Option<PipeReader>,
    program_output: ProgramOutput,
    ended: bool,
}

/// The end of a program's output.
#[derive(Default)]
pub(super) struct ProgramOutput {
    end: Vec<u8>,
    /// How many bytes came before it.
    before: usize,
}

impl Running {
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        let (output, writer) = io::pipe()?;
        command.stdin(Stdio::piped()).stdout(writer.try_clone()?).stderr(writer);
        let (mut child, group) = children::spawn(&mut command)?;
        // This affects only our own ends of the pipes.
        let stdin = child.stdin.take();
        stdin.as_ref().map_or(Ok(()), set_nonblocking)?;
        set_nonblocking(&output)?;
        let (output, program_output) = (Some(output), ProgramOutput::default());
        Ok(Self { child, group, stdin, output, program_output, ended: false })
    }

    /// Writes as much of the program's input as possible without blocking, and returns how much. `None` if
    /// the program has closed its input.
    pub(super) fn feed(&mut self, input: &[u8]) -> Option<usize> {
        let Some(stdin) = &mut self.stdin else { return None };
        match stdin.write(input) {
            Ok(n) => Some(n),
            Err(error) if is_temporary(&error) => Some(0),
            Err(_) => {
                self.stdin = None;
                None
            }
        }
    }

    /// Closes the program's input.
    pub(super) fn end_input(&mut self) {
        self.stdin = None;
    }

    /// Waits a little for an event: the program has written or ended or, if there is more input for it, can
    /// read.
    pub(super) fn rest(&mut self, more: bool) {
        let stdin = self.stdin.as_ref().filter(|_| more);
        let stdin = stdin.map(|stdin| PollFd::new(stdin.as_fd(), PollFlags::POLLOUT));
        let output = self.output.as_ref();
        let output = output.map(|output| PollFd::new(output.as_fd(), PollFlags::POLLIN));
        let mut fds: Vec<_> = stdin.into_iter().chain(output).collect();
        let timeout = PollTimeout::try_from(TICK).unwrap_or(PollTimeout::ZERO);
        if fds.is_empty() {
            thread::sleep(TICK / 4);
        } else {
            // If this fails, so does the next call.
            let _ = poll(&mut fds, timeout);
        }
    }

    /// Reads the program's output.
    pub(super) fn listen(&mut self) {
        let mut buffer = [0; 16 * 1024];
        while let Some(output) = &mut self.output {
            match output.read(&mut buffer) {
                Ok(0) => self.output = None,
                Ok(n) => {
                    self.program_output.add(buffer.get(..n).unwrap_or_default());
                    // A flood of output must not prevent the timeout checks.
                    if n == buffer.len() {
                        return;
                    }
                }
                Err(error) if is_temporary(&error) => return,
                Err(_) => self.output = None,
            }
        }
    }

    /// How the program ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        // Waiting for one's own child always works.
        let status = self.child.try_wait().unwrap_or(None)?;
        self.ended = true;
        self.group.forget();
        self.listen();
        Some(status)
    }

    /// Waits for the program to end, at most this long.
    pub(super) fn ends_within(&mut self, time: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + time;
        self.ends_unless(|| Instant::now() >= deadline)
    }

    /// Waits for the program to end, until the deadline.
    pub(super) fn ends_unless(&mut self, time_is_up: impl Fn() -> bool) -> Option<ExitStatus> {
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if time_is_up() {
                return None;
            }
            self.rest(false);
            self.listen();
        }
    }

    /// Ends the program and its process group: with SIGTERM first, and then with SIGKILL.
    pub(super) fn stop(&mut self, timeout: Duration) {
        self.stdin = None;
        // It may have ended just now.
        let _ = killpg(self.group.0, Signal::SIGTERM);
        let _ = self.ends_within(timeout);
        let _ = killpg(self.group.0, Signal::SIGKILL);
        let _ = self.child.wait();
        self.ended = true;
    }

    pub(super) fn program_output(&self) -> &ProgramOutput {
        &self.program_output
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            self.stop(Duration::ZERO);
        }
    }
}

impl ProgramOutput {
    fn add(&mut self, output: &[u8]) {
        self.end.extend_from_slice(output);
        let surplus = self.end.len().saturating_sub(MAX_OUTPUT);
        self.end.drain(..surplus);
        self.before += surplus;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.end.is_empty()
    }
}

impl Display for ProgramOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        let end = self.end.trim_ascii_end();
        let mut lines = end.split(|&byte| byte == b'\n');
        // Of a traceback, the last line says what happened.
        let last = visible(lines.next_back().unwrap_or_default());
        match self.before {
            0 => write!(f, "; its output: {last}")?,
            n => write!(f, "; its output, after {}: {last}", plural::count(n, "byte"))?,
        }
        lines.try_for_each(|line| write!(f, "\n    {}", visible(line.trim_ascii_end())))
    }
}

/// `ended with status 3`, `was killed by SIGKILL`
pub(super) struct Ended(pub(super) ExitStatus);

impl Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.code(), self.0.signal()) {
            (Some(code), _) => write!(f, "ended with status {code}"),
            (None, signal) => {
                let signal = signal.and_then(|signal| Signal::try_from(signal).ok());
                write!(f, "was killed by {}", signal.map_or("a signal", Signal::as_str))
            }
        }
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn set_nonblocking(fd: &impl AsFd) -> io::Result<()> {
    fcntl(fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(())
}
