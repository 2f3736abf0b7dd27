//! What a live page costs, over time.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use pigear_alert::wire::{Dialect, encode};
use serde::Deserialize;

use crate::children::Receiver;
use crate::fill::{Numbers, message};
use crate::program::say;
use crate::server::{free_port, url, wait_for};
use crate::table::Row;
use crate::{browser, number};

const RATE: u32 = 1_000;

/// How often alerts are sent.
const TICK: Duration = Duration::from_millis(10);

/// What the script measures.
#[derive(Deserialize)]
struct Watched {
    samples: Vec<Sample>,
    /// Tasks of more than 50 ms.
    long: Vec<LongTask>,
}

#[derive(Deserialize)]
struct Sample {
    seconds: f64,
    heap: f64,
    nodes: f64,
    listeners: f64,
    server: f64,
    /// The newest alert that the page shows.
    newest: f64,
}

/// A figure of a sample.
type Figure = fn(&Sample) -> f64;

#[derive(Deserialize)]
struct LongTask {
    duration: f64,
}

pub(crate) fn measure(dir: &Path) -> anyhow::Result<()> {
    let (seconds, port) = (number("PIGEAR_SECONDS", 600)?, free_port()?);
    let (store, listen) = (dir.join("alerts.db"), format!("web.listen=127.0.0.1:{port}"));
    let args = ["--store", &*store.to_string_lossy(), "--data-handler", "web", &listen];
    let receiver = Receiver::pigear(dir, &args)?;
    wait_for(port)?;
    let ends = Arc::new(AtomicBool::new(false));
    let sender = {
        let (ends, socket) = (Arc::clone(&ends), receiver.socket.clone());
        thread::spawn(move || send(&socket, &ends))
    };
    let args = [&*url(port), &seconds.to_string(), &receiver.id().to_string()];
    let watched = browser::run::<Watched>("live.mjs", &args);
    ends.store(true, Ordering::Relaxed);
    let sent = sender.join().ok().context("the sender panicked")??;
    let dropped = receiver.end()?.dropped();
    let watched = watched?;
    say(&format!("{sent} alerts in {seconds} s, {dropped} dropped"));
    for Sample { seconds, heap, nodes, listeners, server, newest } in &watched.samples {
        let (heap, server) = (heap / 1e6, server / 1e6);
        say(&format!(
            "  after {seconds} s: tab {heap:.1} MB, {nodes} nodes, {listeners} listeners; server {server:.1} MB; \
             alert {newest} is shown"
        ));
    }
    print(&watched);
    Ok(())
}

fn print(Watched { samples, long }: &Watched) {
    let longest = long.iter().map(|task| task.duration).fold(0.0, f64::max);
    let over = long.iter().filter(|task| task.duration > 100.0).count();
    Row {
        what: "live page, 1,000 alerts a second: longest task",
        measured: if long.is_empty() { "below 50 ms".into() } else { format!("{longest:.0} ms") },
        yardstick: format!("{over} over 100 ms"),
        ratio: None,
        target: "<= 100 ms",
        ok: Some(over == 0),
    }
    .print();
    let rows: [(&str, Figure, f64, &str); 3] = [
        ("live page: memory of the tab", |sample| sample.heap, 1e6, " MB"),
        ("live page: nodes of the tab", |sample| sample.nodes, 1.0, ""),
        ("live page: memory of the server", |sample| sample.server, 1e6, " MB"),
    ];
    for (what, of, unit, name) in rows {
        let (middle, end) = (mean(samples, 1, of), mean(samples, 3, of));
        Row {
            what,
            measured: format!("{:.1}{name}", end / unit),
            yardstick: format!("{:.1}{name} before", middle / unit),
            ratio: Some(end / middle),
            target: "flat: <= 1.10",
            ok: Some(end <= 1.1 * middle),
        }
        .print();
    }
}

/// The mean of the n-th quarter of the samples. The first has the start.
fn mean(samples: &[Sample], quarter: usize, of: Figure) -> f64 {
    let len = samples.len() / 4;
    let chosen = samples.iter().skip(quarter * len).take(len).map(of);
    chosen.sum::<f64>() / f64::from(u32::try_from(len.max(1)).unwrap_or(u32::MAX))
}

/// Sends alerts as Snort does, each with its own time, until it is told to end; returns how many.
fn send(socket: &Path, ends: &AtomicBool) -> anyhow::Result<u32> {
    let (sender, mut numbers, begin) = (UnixDatagram::unbound()?, Numbers(1), Instant::now());
    let mut sent = 0;
    while !ends.load(Ordering::Relaxed) {
        let due = u32::try_from(begin.elapsed().as_millis() * u128::from(RATE) / 1_000)?;
        while sent < due {
            let second = u32::try_from(jiff::Timestamp::now().as_second())?;
            let alert = message(&mut numbers, second, sent);
            sender.send_to(&encode(&alert, Dialect::Snort29), socket)?;
            sent += 1;
        }
        thread::sleep(TICK);
    }
    Ok(sent)
}
