//! How quick the page and its API are, and how little listening notices of them.
//!
//! `cargo bench -p pigear --bench web [-- ROW…]`, with rows of `look api listen live`. The page is in Debian's
//! Chromium, driven by the scripts in `web/bench`; needs that, Node and wrk: `make peers`. What is looked at has a
//! million alerts, or as many as `PIGEAR_ALERTS` says. `live` takes ten minutes, or `PIGEAR_SECONDS`.
//!
//! Prints a table. That a target is missed is no failure of the benchmark.

mod api;
mod browser;
#[expect(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../listen/children.rs"]
mod children;
#[path = "../store/fill.rs"]
mod fill;
mod listen;
mod live;
mod look;
#[expect(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../listen/player.rs"]
mod player;
#[expect(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../listen/recordings.rs"]
mod recordings;
mod server;
#[path = "../listen/table.rs"]
mod table;

use std::env;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};

type Measure = fn(&Path) -> anyhow::Result<()>;

const ROWS: [(&str, Measure); 4] = [
    ("look", look::measure),
    ("api", api::measure),
    ("listen", listen::measure),
    ("live", live::measure),
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the table is what this is for")]
fn say(line: &str) {
    println!("{line}");
}

/// A number from the environment, or this one.
fn number(name: &str, usual: u32) -> anyhow::Result<u32> {
    env::var(name).map_or(Ok(usual), |text| text.parse().context(name.to_owned()))
}

fn run() -> anyhow::Result<()> {
    // Cargo adds `--bench`.
    let wanted: Vec<_> = env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    if let Some(unknown) = wanted.iter().find(|name| ROWS.iter().all(|(row, _)| row != name)) {
        bail!("unknown row {unknown:?}; known are {}", ROWS.map(|(row, _)| row).join(", "));
    }
    table::print_head();
    for (row, measure) in ROWS {
        if wanted.is_empty() || wanted.iter().any(|name| name == row) {
            let dir = tempfile::tempdir().context("cannot make a directory")?;
            measure(dir.path()).with_context(|| format!("cannot measure {row}"))?;
        }
    }
    Ok(())
}
