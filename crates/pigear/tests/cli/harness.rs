//! A test as a transcript: arguments and datagrams in; standard output, standard error and status out.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Uid;

use crate::requirements::missing;
use crate::room::Room;
use crate::running::Running;

/// Nothing that a test waits for takes longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A user without any rights.
pub(crate) const NOBODY: u32 = 65_534;

/// What is typed and sent, and what should come of it. Output that isn't expected fails the test.
///
/// The program runs in an empty directory of its own, and listens in `log`.
pub(crate) struct Test {
    room: Room,
    args: Vec<OsString>,
    steps: Vec<Step>,
    stdout: String,
    stderr: String,
    stats: Option<String>,
    user: Option<u32>,
    file_size: Option<u64>,
    preload: Option<PathBuf>,
    env: Vec<(&'static str, OsString)>,
    quiet: bool,
}

enum Step {
    Send(Vec<u8>),
    Signal(Signal),
}

impl Test {
    /// `pigear --logdir log`
    pub(crate) fn new() -> Self {
        Self::bare().args(["--logdir", "log"])
    }

    /// `pigear`
    pub(crate) fn bare() -> Self {
        Self {
            room: Room::new(),
            args: Vec::new(),
            steps: Vec::new(),
            stdout: String::new(),
            stderr: String::new(),
            stats: None,
            user: None,
            file_size: None,
            preload: None,
            env: Vec::new(),
            quiet: true,
        }
    }

    pub(crate) fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// A variable of the program's environment.
    pub(crate) fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// Without `--quiet`: where the program listens and its counters are on standard error too.
    pub(crate) fn loud(mut self) -> Self {
        self.quiet = false;
        self
    }

    /// Writes a file before the start.
    pub(crate) fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        self.room.write(name, text);
        self
    }

    /// Does something to the directory before the start.
    pub(crate) fn with(self, prepare: impl FnOnce(&Room)) -> Self {
        prepare(&self.room);
        self
    }

    /// The directory of this test.
    pub(crate) fn room(&self) -> &Room {
        &self.room
    }

    /// Lets no file of the program grow beyond so many bytes.
    pub(crate) fn limited_to(mut self, bytes: u64) -> Self {
        self.file_size = Some(bytes);
        self
    }

    /// Compiles this C, and has its functions called in place of the system's.
    pub(crate) fn preloading(mut self, c: &str) -> Self {
        let (source, library) = (self.room.at("preloaded.c"), self.room.at("preloaded.so"));
        self.room.write("preloaded.c", c);
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-o"]).args([&library, &source]);
        assert!(cc.status().unwrap().success());
        self.preload = Some(library);
        self
    }

    /// Runs the program as a user without any rights, if this process is root.
    pub(crate) fn without_rights(mut self) -> Self {
        self.user = Uid::effective().is_root().then_some(NOBODY);
        self
    }

    /// Sends a datagram to `log/snort_alert`, once the socket is there.
    pub(crate) fn send(mut self, datagram: impl Into<Vec<u8>>) -> Self {
        self.steps.push(Step::Send(datagram.into()));
        self
    }

    pub(crate) fn send_all(self, datagrams: impl IntoIterator<Item = Vec<u8>>) -> Self {
        datagrams.into_iter().fold(self, Self::send)
    }

    /// Sends a signal, once the socket is there.
    pub(crate) fn signal(mut self, signal: Signal) -> Self {
        self.steps.push(Step::Signal(signal));
        self
    }

    /// What is written to standard output.
    pub(crate) fn stdout(mut self, text: impl Into<String>) -> Self {
        self.stdout = text.into();
        self
    }

    /// What is written to standard error; this process's number is `PID` there.
    pub(crate) fn stderr(mut self, text: impl Into<String>) -> Self {
        self.stderr = text.into();
        self
    }

    /// What `--stats` writes in the end, see [`counters`].
    pub(crate) fn stats(mut self, text: impl Into<String>) -> Self {
        self.stats = Some(text.into());
        self.args(["--stats", "stats.json"])
    }

    /// Runs the test: the program ends with status 0.
    pub(crate) fn success(self) -> Room {
        self.status(0)
    }

    /// Runs the test: the program ends with this status. Returns the directory as it is then.
    pub(crate) fn status(mut self, status: i32) -> Room {
        let (stdout, stderr) = (self.stdout.clone(), self.stderr.clone());
        let (steps, stats) = (std::mem::take(&mut self.steps), self.stats.take());
        let mut running = self.start();
        for step in steps {
            match step {
                Step::Send(datagram) => running.send(&datagram),
                Step::Signal(signal) => running.signal(signal),
            }
        }
        let (room, ended) = running.end();
        let written = (&*ended.stdout, &*ended.stderr, ended.status);
        assert_eq!(written, (&*stdout, &*stderr, Some(status)));
        if let Some(stats) = stats {
            assert_eq!(room.read("stats.json"), stats);
        }
        room
    }

    /// Starts the program, for tests that look at it while it runs.
    pub(crate) fn start(self) -> Running {
        self.start_piped().read_stdout().read_stderr()
    }

    /// Starts the program with another standard output.
    pub(crate) fn start_with(self, stdout: impl Into<Stdio>) -> Running {
        self.spawn(stdout.into(), Stdio::piped()).read_stderr()
    }

    /// Starts the program with another standard error.
    pub(crate) fn start_with_stderr(self, stderr: impl Into<Stdio>) -> Running {
        self.spawn(Stdio::piped(), stderr.into()).read_stdout()
    }

    /// Starts the program, whose outputs are pipes that nobody reads.
    pub(crate) fn start_piped(self) -> Running {
        self.spawn(Stdio::piped(), Stdio::piped())
    }

    /// Starts the program with a command that its arguments belong behind.
    #[cfg(feature = "shell")]
    pub(crate) fn start_through(self, mut command: Command) -> Running {
        command.args(&self.args).current_dir(self.room.path());
        Running::start(self.room, command)
    }

    fn spawn(self, stdout: Stdio, stderr: Stdio) -> Running {
        let mut command = match (self.user, self.file_size) {
            (Some(uid), _) => program_as(uid, &self.room),
            (None, Some(bytes)) => limited_program(bytes),
            (None, None) => program(),
        };
        command.args(&self.args).args(self.quiet.then_some("--quiet"));
        command.current_dir(self.room.path()).stdout(stdout).stderr(stderr);
        command.envs(self.env);
        command.envs(self.preload.map(|library| ("LD_PRELOAD", library)));
        Running::start(self.room, command)
    }
}

/// The program, untouched by what this process's environment says.
pub(crate) fn program() -> Command {
    untouched(Command::new(env!("CARGO_BIN_EXE_pigear")))
}

fn untouched(mut command: Command) -> Command {
    command
        .env_remove("NO_COLOR")
        .env_remove("PIGEAR_STORE")
        .env_remove("PIGEAR_REQUIRE_PEERS")
        .stdin(Stdio::null());
    command
}

/// The program, run by another user, who gets at the directory of the test: where the program was
/// built may be below a directory of root's.
pub(crate) fn program_as(uid: u32, room: &Room) -> Command {
    let path = room.at("pigear");
    room.set_mode("", 0o755);
    if !path.exists() && fs::hard_link(env!("CARGO_BIN_EXE_pigear"), &path).is_err() {
        // Not by this process: a file that a child inherits open for writing can't be executed.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_pigear")).arg(&path).status();
        assert!(copied.unwrap().success());
    }
    let mut command = untouched(Command::new(path));
    command.uid(uid).gid(uid);
    command
}

/// The program, none of whose files may grow beyond so many bytes; what goes beyond is an error, not a
/// signal.
fn limited_program(bytes: u64) -> Command {
    let mut command = Command::new("sh");
    let pigear = env!("CARGO_BIN_EXE_pigear");
    command.args(["-c", "trap '' XFSZ && exec prlimit --fsize=$0: \"$@\""]);
    command.arg(bytes.to_string()).arg(pigear);
    untouched(command)
}

/// The counters of a program as `--stats` writes them: received, malformed, refused, missed, and for
/// each handler handled, dropped, failed.
pub(crate) fn counters(all: [u64; 4], handlers: &[(&str, [u64; 3])]) -> String {
    let [received, malformed, refused, missed] = all;
    let handlers = handlers.iter().map(|(name, [handled, dropped, failed])| {
        let counted = format!(r#""handled":{handled},"dropped":{dropped},"failed":{failed}"#);
        let waiting = received - handled - dropped - failed;
        format!(r#""{name}":{{{counted},"received":{received},"waiting":{waiting}}}"#)
    });
    let handlers = handlers.collect::<Vec<_>>().join(",");
    format!(
        r#"{{"received":{received},"malformed":{malformed},"refused":{refused},"missed":{missed},"handlers":{{{handlers}}}}}
"#
    )
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Whether this process is root; if not, the caller skips what only root can do.
#[track_caller]
pub(crate) fn is_root(to: &str) -> bool {
    let root = Uid::effective().is_root();
    if !root {
        missing(format_args!("only root can {to}"));
    }
    root
}

/// Whether this process can run the program as another user; if not, the caller skips its test.
#[track_caller]
pub(crate) fn can_change_user() -> bool {
    is_root("run the program as another user")
}
