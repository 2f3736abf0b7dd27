//! From the stream into the store.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use nix::sys::resource::UsageWho;
use pigear::store::{Store, Unstorable};
use pigear_alert::Alert;
use pigear_pipeline::Handler;

use crate::alerts::{ALERTS, alerts};
use crate::children::used;
use crate::print_rates;
use crate::publish::Publisher;
use crate::server::Server;
use crate::table::Row;

pub(crate) fn measure() -> anyhow::Result<()> {
    let (server, dir) = (Server::start()?, tempfile::tempdir()?);
    let alerts = alerts(ALERTS)?;
    Publisher::connect(&server.url())?.publish(&alerts)?;
    let (mut number, mut times) = (0, Times::default());
    print_rates("read and store: against only storing", 0.6, || {
        number += 1;
        let read = |count| read(&server.url(), dir.path(), (number, count));
        let (start, one) = times_of(&server, || read(1))?;
        let (all, many) = times_of(&server, || read(ALERTS))?;
        let path = dir.path().join(format!("{number}.db"));
        let (own, alone) = times_of(&server, || store(&path, &alerts))?;
        times.alone += alone.here;
        times.pigear += many.children - one.children;
        times.server += many.server;
        Ok((all.saturating_sub(start), own))
    })?;
    times.print(number);
    Ok(())
}

/// Processor times of all runs, in seconds.
#[derive(Default)]
struct Times {
    /// Of only storing.
    alone: f64,
    pigear: f64,
    server: f64,
}

impl Times {
    fn print(&self, runs: u32) {
        let an_alert = |time: f64| time * 1e6 / f64::from(runs) / f64::from(ALERTS);
        let row = |what, time, yardstick, ratio| {
            let measured = format!("{:.1} µs an alert", an_alert(time));
            Row { what, measured, yardstick, ratio, target: "", ok: None }.print();
        };
        let yardstick = format!("{:.1} µs an alert", an_alert(self.alone));
        let ratio = Some(self.alone / self.pigear);
        row("read and store: Pigear's processor time", self.pigear, yardstick, ratio);
        row("read and store: the server's", self.server, String::new(), None);
    }
}

/// Processor times of a piece of work, in seconds.
struct Used {
    here: f64,
    children: f64,
    server: f64,
}

fn times_of<T>(
    server: &Server,
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, Used)> {
    let now = || {
        let (here, children) = (used(UsageWho::RUSAGE_SELF)?, used(UsageWho::RUSAGE_CHILDREN)?);
        anyhow::Ok(Used { here, children, server: server.used()? })
    };
    let before = now()?;
    let done = work()?;
    let after = now()?;
    let used = Used {
        here: after.here - before.here,
        children: after.children - before.children,
        server: after.server - before.server,
    };
    Ok((done, used))
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
