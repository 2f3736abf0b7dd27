//! How many alerts a second go into a stream of NATS and from it into a store, and what a sensor costs.
//!
//! `cargo bench -p pigear --bench fleet [-- ROW…]`, with rows of `publish store wire sensor`. The nats-server is one
//! on this machine, with its stream in files (`make peers`). A rate and its yardstick run by turns, and the median of
//! several such pairs is taken. `sensor` takes a minute.
//!
//! Prints a table. That a target is missed is no failure of the benchmark.

mod alerts;
#[expect(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../listen/children.rs"]
mod children;
#[expect(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../store/fill.rs"]
mod fill;
#[expect(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../listen/player.rs"]
mod player;
#[path = "../../../pigear-alert/tests/support/ports.rs"]
mod ports;
#[path = "../listen/program.rs"]
mod program;
mod publish;
#[expect(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../listen/recordings.rs"]
mod recordings;
#[path = "../listen/rows.rs"]
mod rows;
mod sensor;
mod server;
mod store;
#[path = "../listen/table.rs"]
mod table;
mod wire;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;

use alerts::ALERTS;
use table::{Pairs, Row};

const PAIRS: usize = 5;

type Measure = fn() -> anyhow::Result<()>;

const ROWS: [(&str, Measure); 4] = [
    ("publish", publish::measure),
    ("store", store::measure),
    ("wire", wire::measure),
    ("sensor", sensor::measure),
];

fn main() -> ExitCode {
    program::exit_code(run())
}

fn run() -> anyhow::Result<()> {
    let rows = rows::wanted(&ROWS)?;
    table::print_head();
    for (row, measure) in rows {
        measure().with_context(|| format!("cannot measure {row}"))?;
    }
    Ok(())
}

/// Prints a rate and its yardstick's, of so many pairs.
fn print_rates(
    what: &str,
    least: f64,
    mut pair: impl FnMut() -> anyhow::Result<(Duration, Duration)>,
) -> anyhow::Result<()> {
    let rate = |took: Duration| f64::from(ALERTS) / took.as_secs_f64();
    let rates = (0..PAIRS)
        .map(|_| pair().map(|(measured, yardstick)| (rate(measured), rate(yardstick))))
        .collect::<anyhow::Result<Pairs>>()?;
    Row {
        what,
        measured: format!("{:.0} a second", rates.measured()),
        yardstick: format!("{:.0} a second", rates.yardstick()),
        ratio: Some(rates.ratio()),
        target: &format!(">= {least:.1}"),
        ok: Some(rates.ratio() >= least),
    }
    .print();
    Ok(())
}
