//! How long Snort is held up while a handler stands still.

use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::children::{Counters, Receiver};
use crate::player::{Report, play};
use crate::table::{Pairs, Row};
use crate::{Bench, sleeper};

const RATE: u32 = 1_000;
const ALERTS: u32 = 10 * RATE;
const PAIRS: usize = 3;

/// What became of the alerts of some runs.
#[derive(Default)]
struct Fates {
    refused: u64,
    unaccounted: u64,
}

impl Fates {
    fn note(&mut self, report: &Report, counters: &Counters) {
        self.refused += report.refused;
        self.unaccounted += counters.unaccounted(u64::from(ALERTS));
    }
}

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<()> {
    against_c(bench, "a handler sleeps", |bench, fates| {
        let receiver = sleeper::start(bench.dir.path(), 1)?;
        held_up(bench, receiver, fates)
    })?;
    against_c(bench, "its output isn't read", |bench, fates| {
        let mut reader = StoppedReader::start()?;
        let output = reader.take_input()?;
        let receiver = Receiver::pigear_to(bench.dir.path(), &["format=json"], output.into())?;
        held_up(bench, receiver, fates)
    })
}

fn against_c(
    bench: &Bench,
    standstill: &str,
    run: impl Fn(&Bench, &mut Fates) -> anyhow::Result<f64>,
) -> anyhow::Result<()> {
    let mut fates = Fates::default();
    let pair = |_| Ok((run(bench, &mut fates)?, yardstick(bench)?));
    let pairs = (0..PAIRS).map(pair).collect::<anyhow::Result<Pairs>>()?;
    Row {
        what: &format!("held up (p99.9), {standstill}"),
        measured: format!("{:.0} µs", pairs.measured()),
        yardstick: format!("{:.0} µs", pairs.yardstick()),
        ratio: Some(pairs.ratio()),
        target: "<= 5, < 1000 µs",
        ok: Some(pairs.ratio() <= 5.0 && pairs.measured() < 1_000.0),
    }
    .print();
    Row {
        what: "  alerts refused, alerts unaccounted for",
        measured: format!("{}, {}", fates.refused, fates.unaccounted),
        yardstick: String::new(),
        ratio: None,
        target: "0, 0",
        ok: Some(fates.refused == 0 && fates.unaccounted == 0),
    }
    .print();
    Ok(())
}

fn held_up(bench: &Bench, receiver: Receiver, fates: &mut Fates) -> anyhow::Result<f64> {
    let report = play(&bench.recordings.typical, &receiver.socket, ALERTS, RATE)?;
    fates.note(&report, &receiver.end()?);
    Ok(report.held_up())
}

fn yardstick(bench: &Bench) -> anyhow::Result<f64> {
    let receiver = Receiver::yardstick(bench.dir.path(), ALERTS)?;
    let report = play(&bench.recordings.typical, &receiver.socket, ALERTS, RATE)?;
    receiver.wait()?;
    Ok(report.held_up())
}

/// A process at the end of a pipe that is stopped before it has read anything.
struct StoppedReader(Child);

impl StoppedReader {
    fn start() -> anyhow::Result<Self> {
        let child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGSTOP)?;
        Ok(Self(child))
    }

    fn take_input(&mut self) -> anyhow::Result<ChildStdin> {
        self.0.stdin.take().context("the reader has no input")
    }
}

impl Drop for StoppedReader {
    fn drop(&mut self) {
        // Nothing can be done if it doesn't end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
