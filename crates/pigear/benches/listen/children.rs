//! The receivers, as processes of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use anyhow::{Context, bail, ensure};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;
use serde::Deserialize;

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A process that has bound the socket.
pub(crate) struct Receiver {
    child: Child,
    pub(crate) socket: PathBuf,
    /// How long it took from the start of the process to the bound socket.
    pub(crate) bound_after: Duration,
    stats: PathBuf,
}

/// Pigear's counters.
#[derive(Deserialize)]
pub(crate) struct Counters {
    pub(crate) received: u64,
    handlers: BTreeMap<String, Lane>,
}

#[derive(Deserialize)]
struct Lane {
    handled: u64,
    dropped: u64,
    failed: u64,
}

impl Counters {
    /// Alerts that some handler didn't get.
    pub(crate) fn dropped(&self) -> u64 {
        self.handlers.values().map(|lane| lane.dropped).sum()
    }

    /// How many alerts a handler dealt with.
    pub(crate) fn handled(&self, name: &str) -> u64 {
        self.handlers.get(name).map_or(0, |lane| lane.handled)
    }

    /// By how many alerts the counters are off, if so many were sent.
    pub(crate) fn unaccounted(&self, sent: u64) -> u64 {
        let known = self.handlers.values().map(|lane| lane.handled + lane.dropped + lane.failed);
        known.chain([self.received]).map(|known| known.abs_diff(sent)).sum()
    }
}

impl Receiver {
    /// The C loop; ends after so many alerts.
    pub(crate) fn yardstick(dir: &Path, count: u32) -> anyhow::Result<Self> {
        let mut command = Command::new(dir.join("yardstick"));
        command.arg(socket_in(dir)).arg(count.to_string()).stdout(Stdio::null());
        Self::start(dir, command)
    }

    /// The Python loop; ends after so many alerts.
    pub(crate) fn python(dir: &Path, count: u32) -> anyhow::Result<Self> {
        let mut command = Command::new("python3");
        command.args(["-c", include_str!("as_in_2012.py")]);
        command.arg(socket_in(dir)).arg(count.to_string()).stdout(Stdio::null());
        Self::start(dir, command)
    }

    /// Pigear with these arguments.
    pub(crate) fn pigear(dir: &Path, args: &[&str]) -> anyhow::Result<Self> {
        Self::pigear_to(dir, args, Stdio::null())
    }

    /// Pigear with these arguments, and an output.
    pub(crate) fn pigear_to(dir: &Path, args: &[&str], output: Stdio) -> anyhow::Result<Self> {
        Self::program(dir, Command::new(env!("CARGO_BIN_EXE_pigear")), args, output)
    }

    /// A program with Pigear's command line.
    pub(crate) fn program(
        dir: &Path,
        mut program: Command,
        args: &[&str],
        output: Stdio,
    ) -> anyhow::Result<Self> {
        program.args(args).arg("--logdir").arg(dir).arg("--stats").arg(stats_in(dir));
        // That queues are full is what some of this is about.
        program.stdout(output).stderr(Stdio::null());
        Self::start(dir, program)
    }

    fn start(dir: &Path, mut command: Command) -> anyhow::Result<Self> {
        let socket = socket_in(dir);
        remove(&socket)?;
        let started = Instant::now();
        let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        while !socket.exists() {
            if let Some(status) = child.try_wait()? {
                bail!("{command:?} ended too early: {status}");
            }
            ensure!(started.elapsed() < START_TIMEOUT, "no socket after {START_TIMEOUT:?}");
            thread::sleep(Duration::from_micros(100));
        }
        let bound_after = started.elapsed();
        Ok(Self { child, socket, bound_after, stats: stats_in(dir) })
    }

    /// Waits for the end of a receiver that ends by itself, and returns how much processor time it
    /// took, in seconds.
    pub(crate) fn wait(mut self) -> anyhow::Result<f64> {
        let before = used(UsageWho::RUSAGE_CHILDREN)?;
        let deadline = Instant::now() + START_TIMEOUT;
        while self.child.try_wait()?.is_none() {
            ensure!(Instant::now() < deadline, "not all alerts arrived");
            thread::sleep(Duration::from_millis(1));
        }
        Ok(used(UsageWho::RUSAGE_CHILDREN)? - before)
    }

    /// Asks Pigear to end, waits for that, and returns its counters.
    pub(crate) fn end(mut self) -> anyhow::Result<Counters> {
        kill(self.pid()?, Signal::SIGTERM)?;
        self.child.wait()?;
        read_counters(&self.stats)
    }

    /// The counters of the Pigear that ended last.
    pub(crate) fn counters(dir: &Path) -> anyhow::Result<Counters> {
        read_counters(&stats_in(dir))
    }

    /// A line of the kernel's about the process, such as `VmRSS`, in bytes.
    pub(crate) fn memory(&self, line: &str) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let rest = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
        let kilobytes = rest.and_then(|rest| rest.split_whitespace().next());
        Ok(kilobytes.context("no such line")?.parse::<u64>()? * 1024)
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn pid(&self) -> anyhow::Result<Pid> {
        Ok(Pid::from_raw(i32::try_from(self.id())?))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // Most have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Compiles the C loop.
pub(crate) fn compile_yardstick(dir: &Path) -> anyhow::Result<()> {
    let source = dir.join("yardstick.c");
    fs::write(&source, include_str!("yardstick.c"))?;
    let mut command = Command::new("cc");
    command.arg("-O2").arg("-o").arg(dir.join("yardstick")).arg(source);
    let status = command.status().context("cannot start cc")?;
    ensure!(status.success(), "cc failed");
    Ok(())
}

fn read_counters(path: &Path) -> anyhow::Result<Counters> {
    let text = fs::read(path).context("cannot read the counters")?;
    Ok(serde_json::from_slice(&text)?)
}

fn socket_in(dir: &Path) -> PathBuf {
    dir.join("snort_alert")
}

fn stats_in(dir: &Path) -> PathBuf {
    dir.join("stats.json")
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// The processor time of this process, or of all children that have ended, in seconds.
pub(crate) fn used(by: UsageWho) -> anyhow::Result<f64> {
    let usage: Usage = getrusage(by)?;
    let microseconds = (usage.user_time() + usage.system_time()).num_microseconds();
    Ok(Duration::from_micros(u64::try_from(microseconds)?).as_secs_f64())
}
