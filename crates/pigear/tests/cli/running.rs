//! The program while it runs.

use std::fmt::Display;
use std::io::Read;
use std::process::{Child, ChildStdout, Command};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::until;
use crate::room::Room;

/// The program while it runs; it is killed when this is dropped.
pub(crate) struct Running {
    room: Option<Room>,
    child: Child,
    stdout: Option<Stream>,
    stderr: Option<Stream>,
}

/// What a program says that found no list of classes: nearly every test would have to expect it.
pub(crate) const STOCK_CLASSES: &str = "warning: found no classification.config or snort.lua: classes have \
    the names in Snort's own list, which may be wrong above number 34; give Snort's file with \
    --class-config\n";

/// What a program says once that reads alerts from a log without a map.
pub(crate) const NO_RULES: &str = "warning: alerts have no message: Snort's log has none, and \
    sid-msg.map is missing; give it with --sid-msg-map\n";

/// The same of alerts of decoders and preprocessors.
const NO_GENERATORS: &str = "warning: alerts have no message: Snort's log has none, and \
    gen-msg.map is missing; give it with --gen-msg-map\n";

/// Standard error without these.
pub(crate) fn without_names(stderr: &str) -> String {
    stderr.replace(STOCK_CLASSES, "").replace(NO_RULES, "").replace(NO_GENERATORS, "")
}

/// What was left when the program had ended.
pub(crate) struct Ended {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// `None` if a signal ended it.
    pub(crate) status: Option<i32>,
}

impl Running {
    pub(crate) fn start(room: Room, mut command: Command) -> Self {
        let child = command.spawn().unwrap();
        Self { room: Some(room), child, stdout: None, stderr: None }
    }

    /// Reads standard output, if it is a pipe.
    pub(crate) fn read_stdout(mut self) -> Self {
        self.stdout = self.child.stdout.take().map(Stream::new);
        self
    }

    /// Reads standard error, if it is a pipe.
    pub(crate) fn read_stderr(mut self) -> Self {
        self.stderr = self.child.stderr.take().map(Stream::new);
        self
    }

    pub(crate) fn room(&self) -> &Room {
        self.room.as_ref().unwrap()
    }

    /// Sends a datagram to `log/snort_alert`, once the socket is there.
    pub(crate) fn send(&mut self, datagram: &[u8]) {
        self.listens();
        self.room().send_to("log/snort_alert", datagram);
    }

    /// Waits until the socket `log/snort_alert` is there.
    pub(crate) fn listens(&mut self) {
        let socket = self.room().socket();
        self.is_alive_until("the socket is there", || crate::snort::can_send(&socket));
    }

    /// Sends a signal, once the socket is there.
    pub(crate) fn signal(&mut self, signal: Signal) {
        self.listens();
        self.signal_now(signal);
    }

    pub(crate) fn signal_now(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Waits until a text was written to standard output.
    pub(crate) fn prints(&mut self, text: &str) {
        let stream = self.stdout.as_ref().unwrap().text.clone();
        self.is_alive_until(text, || stream.lock().unwrap().contains(text));
    }

    /// Waits until a text was written to standard error.
    pub(crate) fn warns(&mut self, text: &str) {
        let stream = self.stderr.as_ref().unwrap().text.clone();
        self.is_alive_until(text, || stream.lock().unwrap().contains(text));
    }

    pub(crate) fn stdout_so_far(&self) -> String {
        self.stdout.as_ref().unwrap().text.lock().unwrap().clone()
    }

    pub(crate) fn stderr_so_far(&self) -> String {
        self.stderr.as_ref().unwrap().text.lock().unwrap().clone()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn is_alive_until(&mut self, what: impl Display, mut holds: impl FnMut() -> bool) {
        let (child, stderr) = (&mut self.child, &self.stderr);
        until(&format!("{what}"), || {
            let ended = child.try_wait().unwrap();
            let holds = holds();
            if let Some(status) = ended.filter(|_| !holds) {
                let stderr = stderr.as_ref().map(|stream| stream.text.lock().unwrap().clone());
                panic!("waiting until {what}, but {status}: {stderr:?}");
            }
            holds
        });
    }

    /// Standard output, which the test reads itself.
    pub(crate) fn stdout(&mut self) -> &mut ChildStdout {
        self.child.stdout.as_mut().unwrap()
    }

    /// Nobody reads standard output any more.
    pub(crate) fn close_stdout(&mut self) {
        drop(self.child.stdout.take());
    }

    /// Nobody reads standard error any more.
    pub(crate) fn close_stderr(&mut self) {
        drop(self.child.stderr.take());
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until the program has ended by itself.
    pub(crate) fn end(mut self) -> (Room, Ended) {
        let mut status = None;
        until("the program has ended", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let text = |stream: Option<Stream>| stream.map(Stream::end).unwrap_or_default();
        let pid = format!("process {}", std::process::id());
        let ended = Ended {
            stdout: text(self.stdout.take()),
            stderr: without_names(&text(self.stderr.take()).replace(&pid, "process PID")),
            status: status.unwrap().code(),
        };
        (self.room.take().unwrap(), ended)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, as a rule.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An output of the program, read on a thread of its own.
struct Stream {
    text: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Stream {
    fn new(mut from: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let gathered = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = from.read(&mut bytes) {
                gathered.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..n]));
            }
        });
        Self { text, reader }
    }

    fn end(self) -> String {
        self.reader.join().unwrap();
        std::mem::take(&mut *self.text.lock().unwrap())
    }
}
