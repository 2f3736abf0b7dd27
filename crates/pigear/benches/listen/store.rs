//! How fast alerts are stored.

use std::fs;
use std::path::Path;

use crate::Bench;
use crate::children::Receiver;
use crate::player::play;
use crate::speed::{ALERTS, by_turns, pigear, run};
use crate::table::{Pairs, Row};

const MB: u64 = 1_000_000;

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<()> {
    full_speed(bench)?;
    at_a_rate(bench)
}

/// Stores, against counting only.
fn full_speed(bench: &Bench) -> anyhow::Result<()> {
    let dir = bench.dir.path();
    let mut kept = Vec::new();
    let runs = by_turns(
        || {
            let store = new_store(dir);
            let args = ["--store", &*store, "--data-handler", "null"];
            let run = run(bench, pigear(dir, &args)?, ALERTS)?;
            kept.push(Receiver::counters(dir)?.handled("store"));
            Ok(run)
        },
        || run(bench, pigear(dir, &["--data-handler", "null"])?, ALERTS),
    )?;
    let rates: Pairs = runs.iter().map(|(store, null)| (store.rate, null.rate)).collect();
    Row {
        what: "store: alerts a second, against null",
        measured: format!("{:.0}", rates.measured()),
        yardstick: format!("{:.0}", rates.yardstick()),
        ratio: Some(rates.ratio()),
        target: ">= 0.40",
        ok: Some(rates.ratio() >= 0.4),
    }
    .print();
    Row {
        what: "store: stored of them, in the worst run",
        measured: kept.iter().min().copied().unwrap_or_default().to_string(),
        yardstick: format!("of {ALERTS}"),
        ratio: None,
        target: "",
        ok: None,
    }
    .print();
    Ok(())
}

fn at_a_rate(bench: &Bench) -> anyhow::Result<()> {
    const RATE: u32 = 10_000;
    let dir = bench.dir.path();
    let receiver = Receiver::pigear(dir, &["--store", &new_store(dir), "--data-handler", "null"])?;
    let report = play(&bench.recordings.typical, &receiver.socket, 20 * RATE, RATE)?;
    let peak = receiver.memory("VmHWM")?;
    let counters = receiver.end()?;
    let dropped = counters.dropped();
    Row {
        what: "store: dropped at 10,000 alerts a second",
        measured: format!("{dropped} of {}", counters.received),
        yardstick: format!("at {:.0} a second", report.rate()),
        ratio: None,
        target: "0",
        ok: Some(dropped == 0 && counters.received == u64::from(20 * RATE)),
    }
    .print();
    Row {
        what: "store: memory meanwhile",
        measured: format!("{}.{} MB", peak / MB, peak % MB / (MB / 10)),
        yardstick: String::new(),
        ratio: None,
        target: "< 100 MB",
        ok: Some(peak < 100 * MB),
    }
    .print();
    Ok(())
}

/// Where a store is begun.
fn new_store(dir: &Path) -> String {
    for name in ["alerts.db", "alerts.db-wal", "alerts.db-shm"] {
        // It isn't there the first time.
        let _ = fs::remove_file(dir.join(name));
    }
    dir.join("alerts.db").to_string_lossy().into_owned()
}
