//! How fast alerts are received, and how little Snort notices of it.
//!
//! `cargo bench -p pigear --bench listen [-- ROW…]`, with rows of `speed json eve store held-up
//! memory start unified2 python`. Everything is measured against a yardstick that runs by turns with it, and the
//! median of several such pairs is taken: what the machine does besides slows down both. The sender
//! is `pigear play`, with datagrams of 65,864 bytes.
//!
//! Prints a table. That a target is missed is no failure of the benchmark.

mod children;
mod held_up;
mod memory;
mod player;
mod program;
mod recordings;
mod rows;
mod sleeper;
mod speed;
mod start;
mod store;
mod table;
mod unified2;

use std::process::ExitCode;

use anyhow::Context;
use tempfile::TempDir;

use recordings::Recordings;

/// What every measurement needs.
struct Bench {
    dir: TempDir,
    recordings: Recordings,
}

type Measure = fn(&Bench) -> anyhow::Result<()>;

const ROWS: [(&str, Measure); 9] = [
    ("speed", speed::null),
    ("json", speed::json),
    ("eve", speed::eve),
    ("store", store::measure),
    ("held-up", held_up::measure),
    ("memory", memory::measure),
    ("start", start::measure),
    ("unified2", unified2::measure),
    ("python", speed::python),
];

fn main() -> ExitCode {
    if sleeper::is_wanted() {
        return sleeper::main();
    }
    program::exit_code(run())
}

fn run() -> anyhow::Result<()> {
    let rows = rows::wanted(&ROWS)?;
    let dir = tempfile::tempdir().context("cannot make a directory")?;
    let recordings = Recordings::make(dir.path()).context("cannot make a recording")?;
    children::compile_yardstick(dir.path())?;
    let bench = Bench { dir, recordings };
    table::print_head();
    for (row, measure) in rows {
        measure(&bench).with_context(|| format!("cannot measure {row}"))?;
    }
    Ok(())
}
