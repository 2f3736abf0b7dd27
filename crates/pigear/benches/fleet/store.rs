//! From the stream into the store.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use pigear::store::{Store, Unstorable};
use pigear_alert::Alert;
use pigear_pipeline::Handler;

use crate::alerts::{ALERTS, alerts};
use crate::print_rates;
use crate::publish::Publisher;
use crate::server::Server;

pub(crate) fn measure() -> anyhow::Result<()> {
    let (server, dir) = (Server::start()?, tempfile::tempdir()?);
    let alerts = alerts(ALERTS)?;
    Publisher::connect(&server.url())?.publish(&alerts)?;
    let mut number = 0;
    print_rates("read and store: against only storing", 0.6, || {
        number += 1;
        let start = read(&server.url(), dir.path(), (number, 1))?;
        let all = read(&server.url(), dir.path(), (number, ALERTS))?;
        let own = store(&dir.path().join(format!("{number}.db")), &alerts)?;
        Ok((all.saturating_sub(start), own))
    })
}

/// Reads so many with the program, by a consumer of its own. One alert takes as long to start.
fn read(url: &str, dir: &Path, (number, count): (u32, u32)) -> anyhow::Result<Duration> {
    let name = format!("c{number}-{count}");
    let mut pigear = Command::new(env!("CARGO_BIN_EXE_pigear"));
    pigear.args(["--socket-handler", "nats", "--from", &format!("{url}?consumer={name}")]);
    pigear.args(["--data-handler", "null", "--quiet", "--count", &count.to_string()]);
    pigear.arg("--store").arg(dir.join(format!("{name}.db"))).stdout(Stdio::null());
    let begin = Instant::now();
    ensure!(pigear.status().context("cannot start pigear")?.success(), "{pigear:?} failed");
    Ok(begin.elapsed())
}

/// Stores all.
fn store(path: &Path, alerts: &[Arc<Alert>]) -> anyhow::Result<Duration> {
    let store = Store::open(path)?;
    let mut handler = store.handler(Unstorable::HandOn);
    let begin = Instant::now();
    for batch in alerts.chunks(2_000) {
        handler.handle(batch)?;
    }
    handler.finish()?;
    let took = begin.elapsed();
    store.close();
    Ok(took)
}
