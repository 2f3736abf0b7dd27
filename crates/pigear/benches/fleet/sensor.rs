//! What a sensor's Pigear costs.

use std::path::Path;

use anyhow::ensure;

use crate::children::Receiver;
use crate::player::play;
use crate::recordings::Recordings;
use crate::server::Server;
use crate::table::Row;

const RATE: u32 = 100;
const SECONDS: u32 = 30;
const MB: u64 = 1_000_000;

/// Of memory.
const MOST: u64 = 40 * MB;

/// Of a processor's time, in percent.
const MOST_TIME: f64 = 5.0;

pub(crate) fn measure() -> anyhow::Result<()> {
    let (server, dir) = (Server::start()?, tempfile::tempdir()?);
    let recording = Recordings::make(dir.path())?.typical;
    let publish = ["--data-handler", "nats", &format!("url={}", server.url()), "create=yes"];
    sensor("a sensor at 100 a second", dir.path(), &recording, &publish)?;
    let store = dir.path().join("alerts.db");
    let stores = ["--store", &store.to_string_lossy()];
    let args = [&stores[..], &publish].concat();
    sensor("a sensor with a store at 100 a second", dir.path(), &recording, &args)
}

fn sensor(what: &str, dir: &Path, recording: &Path, args: &[&str]) -> anyhow::Result<()> {
    let alerts = RATE * SECONDS;
    let count = (alerts + 1).to_string();
    let sensor = Receiver::pigear(dir, &[&["--count", &count], args].concat())?;
    let report = play(recording, &sensor.socket, alerts, RATE)?;
    let peak = sensor.memory("VmHWM")?;
    // With the last one it ends.
    play(recording, &sensor.socket, 1, 0)?;
    let time = sensor.wait()? / f64::from(SECONDS) * 100.0;
    ensure!(report.refused == 0, "{} alerts were refused", report.refused);
    let handled = Receiver::counters(dir)?.handled("nats");
    ensure!(handled == u64::from(alerts) + 1, "{handled} alerts of {count} were published");
    print(&format!("{what}: memory"), megabytes(peak), "< 40 MB", peak < MOST);
    let time_met = time < MOST_TIME;
    print(&format!("{what}: of a core"), format!("{time:.1} %"), "< 5 %", time_met);
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / MB, bytes % MB / (MB / 10))
}

fn print(what: &str, measured: String, target: &str, ok: bool) {
    let (yardstick, ratio, ok) = (String::new(), None, Some(ok));
    Row { what, measured, yardstick, ratio, target, ok }.print();
}
