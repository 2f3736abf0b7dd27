//! The sender: `pigear play`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde::Deserialize;

/// What the player reports.
#[derive(Deserialize)]
pub(crate) struct Report {
    sent: u32,
    pub(crate) refused: u64,
    seconds: f64,
    held_up_us: HeldUp,
}

#[derive(Deserialize)]
struct HeldUp {
    #[serde(rename = "p99.9")]
    p999: f64,
}

impl Report {
    /// Alerts a second.
    pub(crate) fn rate(&self) -> f64 {
        f64::from(self.sent) / self.seconds
    }

    /// In microseconds: 99.9 % of the sends took no longer.
    pub(crate) fn held_up(&self) -> f64 {
        self.held_up_us.p999
    }
}

/// Sends `count` alerts, so many a second, or with a rate of 0 as many as the receiver takes.
pub(crate) fn play(
    recording: &Path,
    socket: &Path,
    count: u32,
    rate: u32,
) -> anyhow::Result<Report> {
    let output = Command::new(env!("CARGO_BIN_EXE_pigear"))
        .args(["play", "--loop", "--json", "--count", &count.to_string()])
        .args(["--rate", &rate.to_string(), "--socket"])
        .args([socket, recording])
        .output()
        .context("cannot start the player")?;
    ensure!(output.status.success(), "the player failed: {}", output.stderr.escape_ascii());
    serde_json::from_slice(&output.stdout).context("cannot read the player's report")
}
