//! How many alerts a second, and for how much of the processor's time.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Bench;
use crate::children::Receiver;
use crate::player::play;
use crate::table::{Pairs, Row};

pub(crate) const ALERTS: u32 = 100_000;
const PAIRS: usize = 9;

/// One run: the sender's alerts a second, and the receiver's microseconds an alert.
pub(crate) struct Run {
    pub(crate) rate: f64,
    pub(crate) cost: f64,
}

pub(crate) fn run(bench: &Bench, receiver: Receiver, alerts: u32) -> anyhow::Result<Run> {
    let report = play(&bench.recordings.typical, &receiver.socket, alerts, 0)?;
    let seconds = receiver.wait()?;
    Ok(Run { rate: report.rate(), cost: seconds * 1e6 / f64::from(alerts) })
}

pub(crate) fn pigear(dir: &Path, args: &[&str]) -> anyhow::Result<Receiver> {
    Receiver::pigear(dir, &[args, &["--count", &ALERTS.to_string()]].concat())
}

/// Runs both by turns, and which goes first by turns too.
pub(crate) fn by_turns(
    mut one: impl FnMut() -> anyhow::Result<Run>,
    mut other: impl FnMut() -> anyhow::Result<Run>,
) -> anyhow::Result<Vec<(Run, Run)>> {
    let pair = |n| {
        if n % 2 == 0 {
            Ok((one()?, other()?))
        } else {
            let second = other()?;
            Ok((one()?, second))
        }
    };
    (0..PAIRS).map(pair).collect()
}

/// Receives, decodes and counts, against the C loop.
pub(crate) fn null(bench: &Bench) -> anyhow::Result<()> {
    let dir = bench.dir.path();
    let runs = by_turns(
        || run(bench, pigear(dir, &["--data-handler", "null"])?, ALERTS),
        || run(bench, Receiver::yardstick(dir, ALERTS)?, ALERTS),
    )?;
    let rates: Pairs = runs.iter().map(|(ours, c)| (ours.rate, c.rate)).collect();
    print_rates("null: alerts a second, against C's recv loop", &rates, 0.95);
    let costs: Pairs = runs.iter().map(|(ours, c)| (ours.cost, c.cost)).collect();
    Row {
        what: "null: processor time an alert, against C's",
        measured: format!("{:.2} µs", costs.measured()),
        yardstick: format!("{:.2} µs", costs.yardstick()),
        ratio: Some(costs.ratio()),
        target: "<= 1.15",
        ok: Some(costs.ratio() <= 1.15),
    }
    .print();
    Ok(())
}

/// Writes JSON, against counting only; and at a given rate.
pub(crate) fn json(bench: &Bench) -> anyhow::Result<()> {
    let rates = against_null(bench, || pigear(bench.dir.path(), &["format=json"]))?;
    print_rates("json: alerts a second, against null", &rates, 0.9);
    at_a_rate(bench)
}

/// Writes EVE to a file, against counting only.
pub(crate) fn eve(bench: &Bench) -> anyhow::Result<()> {
    let path = bench.dir.path().join("eve.json");
    let key = format!("path={}", path.display());
    let rates = against_null(bench, || {
        // Each run has a file of its own, and together they needn't fit on the disk.
        if path.exists() {
            fs::remove_file(&path)?;
        }
        pigear(bench.dir.path(), &["--data-handler", "file", "format=eve", &key])
    })?;
    print_rates("eve to a file: alerts a second, against null", &rates, 0.8);
    Ok(())
}

/// The rates of a receiver, against those of one that only counts.
fn against_null(
    bench: &Bench,
    start: impl Fn() -> anyhow::Result<Receiver>,
) -> anyhow::Result<Pairs> {
    let runs = by_turns(
        || run(bench, start()?, ALERTS),
        || run(bench, pigear(bench.dir.path(), &["--data-handler", "null"])?, ALERTS),
    )?;
    Ok(runs.iter().map(|(ours, null)| (ours.rate, null.rate)).collect())
}

fn print_rates(what: &str, rates: &Pairs, least: f64) {
    Row {
        what,
        measured: format!("{:.0}", rates.measured()),
        yardstick: format!("{:.0}", rates.yardstick()),
        ratio: Some(rates.ratio()),
        target: &format!(">= {least:.2}"),
        ok: Some(rates.ratio() >= least),
    }
    .print();
}

fn at_a_rate(bench: &Bench) -> anyhow::Result<()> {
    const RATE: u32 = 20_000;
    let receiver = Receiver::pigear(bench.dir.path(), &["format=json"])?;
    let report = play(&bench.recordings.typical, &receiver.socket, 10 * RATE, RATE)?;
    let counters = receiver.end()?;
    let dropped = counters.dropped();
    Row {
        what: "json: dropped at 20,000 alerts a second",
        measured: format!("{dropped} of {}", counters.received),
        yardstick: format!("at {:.0} a second", report.rate()),
        ratio: None,
        target: "0",
        ok: Some(dropped == 0 && counters.received == u64::from(10 * RATE)),
    }
    .print();
    Ok(())
}

/// For information: the way of 2012, where there is a Python.
pub(crate) fn python(bench: &Bench) -> anyhow::Result<()> {
    let version = Command::new("python3").arg("--version").stdout(Stdio::null()).status();
    if !version.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    let dir = bench.dir.path();
    let runs = by_turns(
        || run(bench, pigear(dir, &[])?, ALERTS),
        || run(bench, Receiver::python(dir, ALERTS)?, ALERTS),
    )?;
    let rates: Pairs = runs.iter().map(|(ours, python)| (ours.rate, python.rate)).collect();
    Row {
        what: "print: alerts a second, against Python",
        measured: format!("{:.0}", rates.measured()),
        yardstick: format!("{:.0}", rates.yardstick()),
        ratio: Some(rates.ratio()),
        target: "",
        ok: None,
    }
    .print();
    let costs: Pairs = runs.iter().map(|(ours, python)| (ours.cost, python.cost)).collect();
    Row {
        what: "print: processor time an alert, against Python",
        measured: format!("{:.2} µs", costs.measured()),
        yardstick: format!("{:.2} µs", costs.yardstick()),
        ratio: Some(costs.ratio()),
        target: "",
        ok: None,
    }
    .print();
    Ok(())
}
