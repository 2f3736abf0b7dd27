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
#[path = "../listen/program.rs"]
mod program;
#[expect(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../listen/recordings.rs"]
mod recordings;
#[path = "../listen/rows.rs"]
mod rows;
mod server;
#[path = "../listen/table.rs"]
mod table;

use std::env;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

type Measure = fn(&Path) -> anyhow::Result<()>;

const ROWS: [(&str, Measure); 4] = [
    ("look", look::measure),
    ("api", api::measure),
    ("listen", listen::measure),
    ("live", live::measure),
];

fn main() -> ExitCode {
    program::exit_code(run())
}

/// A number from the environment, or this one.
fn number(name: &str, usual: u32) -> anyhow::Result<u32> {
    env::var(name).map_or(Ok(usual), |text| text.parse().context(name.to_owned()))
}

fn run() -> anyhow::Result<()> {
    let rows = rows::wanted(&ROWS)?;
    table::print_head();
    for (row, measure) in rows {
        let dir = tempfile::tempdir().context("cannot make a directory")?;
        measure(dir.path()).with_context(|| format!("cannot measure {row}"))?;
    }
    Ok(())
}
