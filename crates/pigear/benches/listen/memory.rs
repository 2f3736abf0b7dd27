//! How much memory is taken.

use std::path::Path;

use crate::children::Receiver;
use crate::player::play;
use crate::table::Row;
use crate::{Bench, sleeper};

const MB: u64 = 1_000_000;

/// At rest.
const AT_REST: u64 = 30 * MB;

/// What a lane's queue may hold.
const QUEUE: u64 = 64 << 20;

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<()> {
    at_rest(bench)?;
    let (typical, largest) = (bench.recordings.typical.clone(), bench.recordings.largest.clone());
    full(bench, "memory, queue full", &typical, 1)?;
    full(bench, "memory, queue full of the largest packets", &largest, 1)?;
    full(bench, "memory, two queues full", &typical, 2)?;
    full(bench, "memory, two queues full of the largest packets", &largest, 2)
}

fn at_rest(bench: &Bench) -> anyhow::Result<()> {
    let receiver = Receiver::pigear(bench.dir.path(), &[])?;
    // The first alert has touched everything that the others will.
    play(&bench.recordings.typical, &receiver.socket, 1, 0)?;
    row("memory, at rest", receiver.memory("VmRSS")?, AT_REST);
    receiver.end()?;
    Ok(())
}

/// How many alerts are sent to fill a queue: some 50,000 fit.
const MORE_THAN_FIT: u32 = 200_000;

fn full(bench: &Bench, what: &str, recording: &Path, lanes: usize) -> anyhow::Result<()> {
    let receiver = sleeper::start(bench.dir.path(), lanes)?;
    play(recording, &receiver.socket, MORE_THAN_FIT, 0)?;
    let peak = receiver.memory("VmHWM")?;
    receiver.end()?;
    row(what, peak, AT_REST + QUEUE * u64::try_from(lanes)?);
    Ok(())
}

fn row(what: &str, measured: u64, limit: u64) {
    let megabytes = |bytes: u64| format!("{}.{} MB", bytes / MB, bytes % MB / (MB / 10));
    Row {
        what,
        measured: megabytes(measured),
        yardstick: String::new(),
        ratio: None,
        target: &format!("< {}", megabytes(limit)),
        ok: Some(measured < limit),
    }
    .print();
}
