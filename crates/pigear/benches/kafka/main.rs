//! How many alerts a second go into a topic of Kafka, and come out of it.
//!
//! `cargo bench -p pigear --bench kafka`. The brokers are librdkafka's mock cluster on this machine, which keeps
//! messages in memory (`make peers`). Each row and its yardstick run by turns, and the median of several such pairs is
//! taken. A name on the command line chooses a row.

#[path = "../../tests/peers/kafka/brokers.rs"]
mod brokers;
#[path = "../listen/program.rs"]
mod program;
#[path = "../listen/rows.rs"]
mod rows;
#[path = "../listen/table.rs"]
mod table;
mod yardstick;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use pigear::keys::Keys;
use pigear::registry::Registry;
use pigear::store::{Store, Unstorable};
use pigear_alert::wire::{Decoded, Dialect};
use pigear_alert::{Alert, AlertMessage};
use pigear_pipeline::Handler;

use brokers::{Brokers, TOPIC};
use table::{Pairs, Row, print_head};

const PAIRS: usize = 3;

/// The mock cluster keeps 5 MB of a partition: these take 4 MB, compressed.
const ALERTS: u32 = 150_000;

/// How many alerts are handed to the handler at once.
const BATCH: usize = 4_096;

/// Of the yardsticks.
const LEAST: f64 = 0.6;

/// Alerts with a packet of 300 bytes.
fn alerts() -> Vec<Arc<Alert>> {
    let alert = |event_id| {
        let mut message = AlertMessage::default();
        message.msg = b"ICMP Echo Request".as_slice().into();
        message.pkt = (0..=u8::MAX).cycle().take(300).collect();
        (message.caplen, message.pktlen) = (300, 300);
        (message.sig_generator, message.sig_id, message.sig_rev) = (1, 1_000_134, 1);
        (message.priority, message.event_id) = (3, event_id);
        // A source looks in the store for an alert by its time, so each has its own.
        (message.ts_sec, message.ts_usec) = (1_800_000_000 + event_id / 1_000, event_id % 1_000);
        let decoded = Decoded::new(message, Dialect::Snort29);
        Arc::new(Alert::new(decoded, Arc::default(), Arc::default()))
    };
    (0..ALERTS).map(alert).collect()
}

fn a_second(took: Duration) -> f64 {
    f64::from(ALERTS) / took.as_secs_f64()
}

/// Publishes with the handler.
fn publish(brokers: &Brokers, alerts: &[Arc<Alert>]) -> anyhow::Result<Duration> {
    let mut keys = Keys::default();
    keys.set("url", &brokers.url());
    let mut handler = Registry::builtin().build("kafka", keys)?;
    let begin = Instant::now();
    for batch in alerts.chunks(BATCH) {
        handler.handle(batch)?;
    }
    Ok(begin.elapsed())
}

/// Reads all with the program, without its start: one alert takes as long to start.
fn read(brokers: &Brokers, store: Option<&Path>) -> anyhow::Result<Duration> {
    let run = |count: u32| {
        let mut pigear = Command::new(env!("CARGO_BIN_EXE_pigear"));
        let from = format!("{}/{TOPIC}?begin=start&name={count}", brokers.url());
        pigear.args(["--socket-handler", "kafka", "--from", &from, "--data-handler", "null"]);
        pigear.args(["--quiet", "--count", &count.to_string()]);
        if let Some(dir) = store {
            let path = dir.join(format!("{count}.db"));
            let _ = std::fs::remove_file(&path);
            pigear.arg("--store").arg(path);
        }
        let begin = Instant::now();
        ensure!(pigear.stdout(Stdio::null()).status()?.success(), "{pigear:?} failed");
        Ok(begin.elapsed())
    };
    let start = run(1)?;
    Ok(run(ALERTS)?.saturating_sub(start))
}

/// Stores all.
fn store(dir: &Path, alerts: &[Arc<Alert>]) -> anyhow::Result<Duration> {
    let path = dir.join("yardstick.db");
    let _ = std::fs::remove_file(&path);
    let store = Store::open(&path)?;
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

fn published() -> anyhow::Result<()> {
    let alerts = alerts();
    let records = yardstick::records(&alerts);
    row("publish: alerts a second, against a bare client", || {
        let brokers = start()?;
        let measured = publish(&brokers, &alerts)?;
        Ok((measured, yardstick::publish(&brokers, records.clone())?))
    })
}

fn consumed() -> anyhow::Result<()> {
    let brokers = start()?;
    publish(&brokers, &alerts())?;
    row("read: alerts a second, against a bare client", || {
        Ok((read(&brokers, None)?, yardstick::read(&brokers, ALERTS)?))
    })
}

fn stored() -> anyhow::Result<()> {
    let (brokers, alerts, dir) = (start()?, alerts(), tempfile::tempdir()?);
    publish(&brokers, &alerts)?;
    row("read and store: against only storing", || {
        Ok((read(&brokers, Some(dir.path()))?, store(dir.path(), &alerts)?))
    })
}

fn row(
    what: &str,
    mut pair: impl FnMut() -> anyhow::Result<(Duration, Duration)>,
) -> anyhow::Result<()> {
    let mut rates = Vec::new();
    for _ in 0..PAIRS {
        let (measured, yardstick) = pair()?;
        rates.push((a_second(measured), a_second(yardstick)));
    }
    let rates: Pairs = rates.into_iter().collect();
    Row {
        what,
        measured: format!("{:.0} a second", rates.measured()),
        yardstick: format!("{:.0} a second", rates.yardstick()),
        ratio: Some(rates.ratio()),
        target: ">= 0.6",
        ok: Some(rates.ratio() >= LEAST),
    }
    .print();
    Ok(())
}

fn start() -> anyhow::Result<Brokers> {
    Brokers::start(1)?.context("the mock cluster is missing; `make peers` builds it")
}

type Measure = fn() -> anyhow::Result<()>;

const ROWS: [(&str, Measure); 3] =
    [("publish", published as Measure), ("read", consumed), ("store", stored)];

fn run() -> anyhow::Result<()> {
    let rows = rows::wanted(&ROWS)?;
    print_head();
    rows.into_iter().try_for_each(|(_, measure)| measure())
}

fn main() -> ExitCode {
    program::exit_code(run())
}
