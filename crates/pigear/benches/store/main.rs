//! How long questions about a large store take, and how large it is.
//!
//! `cargo bench -p pigear --bench store`. The store has a million alerts, or as many as `PIGEAR_ALERTS`
//! says: of 2,000 signatures, some frequent and most rare, from and to 100,000 addresses, over 90 days.
//! Questions are asked with `pigear query`, as a user does, so the start of the program counts too. Each
//! is asked several times, and the median is taken. `PIGEAR_STORE` names a store to keep: it is filled if it
//! isn't there yet. `PIGEAR_QUESTIONS` is a part of the names of the questions to ask, and leaves out the rest.

mod fill;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use pigear::store::{Store, Unstorable};
use pigear_alert::wire::{Decoded, Dialect};
use pigear_alert::{Alert, AlertMessage};
use pigear_pipeline::Handler;

use fill::{Numbers, fill, message};

const TIMES: usize = 5;

/// How many alerts of one rule are stored, for comparison with as many revisions of it.
const FEW: u32 = 20_000;

/// Each question, and how long the answer may take at ten million alerts.
const QUESTIONS: [(&str, &[&str], u64); 32] = [
    ("newest 100", &[], 50),
    ("newest 100 of a frequent sid", &["--sid", "1000"], 50),
    ("newest 100 of a rare sid", &["--sid", "2990"], 50),
    ("newest 100 of an address", &["--src", "10.0.17.4"], 50),
    ("newest 100 of a network", &["--host", "10.0.17.0/24"], 50),
    ("newest 100 with a text", &["--text", "rule 1987"], 2_000),
    ("newest 100 of a rare address", &["--src", "10.1.95.144"], 50),
    ("newest 100 with a filter", &["--filter", "msg.priority == 1 && alert.dst_port == 80"], 2_000),
    ("newest 100 to a port in a rare sid", &["--port", "80", "--sid", "2950"], 2_000),
    ("count by sid", &["--count-by", "sid"], 2_000),
    ("count by source", &["--count-by", "src"], 2_000),
    ("count by hour", &["--count-by", "hour"], 2_000),
    ("count by sid, of 10 days", &["--count-by", "sid", "--since", "10d"], 2_000),
    ("filter: a rare sid", &["--filter", "msg.sig_id == 2990"], 300),
    ("filter: rare sids or an address", &["--filter", RARE_OR_ADDRESS], 300),
    ("filter: a text in few messages", &["--filter", "msg.msg.contains(\"rule 299\")"], 300),
    ("filter: a rare address", &["--filter", "alert.src_ip == \"10.1.95.144\""], 300),
    ("filter: a rare network", &["--filter", NETWORK], 300),
    ("filter: no sid that there is", &["--filter", "msg.sig_id == 1 && alert.dst_port == 80"], 300),
    ("filter: no priority that there is", &["--filter", "!(msg.priority in [1, 2, 3])"], 300),
    ("filter: no time that there is", &["--filter", "alert.timestamp < \"2001\""], 300),
    ("filter: a port that no alert has", &["--filter", "alert.dst_port == 81"], 2_000),
    ("filter: a length that no alert has", &["--filter", "msg.caplen > 9000"], 2_000),
    ("filter: a priority, and that port", &["--filter", PRIORITY_AND_PORT], 2_000),
    ("filter: a text that no payload has", &["--filter", PAYLOAD], 2_000),
    ("count by sid, filter: a priority", &["--count-by", "sid", "--filter", PRIORITY], 2_000),
    ("count by hour, filter: a priority", &["--count-by", "hour", "--filter", PRIORITY], 2_000),
    (
        "count by src, filter: a rare sid",
        &["--count-by", "src", "--filter", "msg.sig_id == 2990"],
        2_000,
    ),
    (
        "count by src, filter: that port",
        &["--count-by", "src", "--filter", "alert.dst_port == 81"],
        2_000,
    ),
    (
        "count by hour, filter: that length",
        &["--count-by", "hour", "--filter", "msg.caplen > 9000"],
        2_000,
    ),
    ("count by port, filter: a rare network", &["--count-by", "port", "--filter", NETWORK], 2_000),
    ("count by port", &["--count-by", "port"], 2_000),
];

const PRIORITY: &str = "msg.priority == 1";
const PRIORITY_AND_PORT: &str = "msg.priority == 1 && alert.dst_port == 81";
const NETWORK: &str = "ip_in(alert.src_ip, \"10.1.134.0/25\")";
const RARE_OR_ADDRESS: &str =
    "msg.sig_id in [2990, 2995] || (alert.src_ip == \"10.1.95.144\" && msg.priority != 9)";
const PAYLOAD: &str = "alert.payload.contains(\"cmd.exe\")";

fn main() -> anyhow::Result<()> {
    let alerts = env::var("PIGEAR_ALERTS").map_or(Ok(1_000_000), |alerts| alerts.parse())?;
    let dir = tempfile::tempdir().context("cannot make a directory")?;
    let kept = env::var_os("PIGEAR_STORE").map(PathBuf::from);
    let path = kept.unwrap_or_else(|| dir.path().join("alerts.db"));
    if !path.exists() {
        let started = Instant::now();
        let packets = fill(&path, alerts)?;
        let seconds = started.elapsed().as_secs_f64();
        say(&format!("{alerts} alerts stored in {seconds:.1} s"));
        let size = fs::metadata(&path)?.len();
        let more = size.saturating_sub(packets) / u64::from(alerts);
        say(&format!(
            "{:<45} {more:>8} bytes, at most 120",
            "on disk an alert, besides its packet"
        ));
    }
    let part = env::var("PIGEAR_QUESTIONS").unwrap_or_default();
    if part.is_empty() {
        storing(dir.path())?;
    }
    for (what, args, limit) in QUESTIONS.into_iter().filter(|(what, ..)| what.contains(&part)) {
        let took = median(&path, args)?;
        let verdict = if took <= Duration::from_millis(limit) { "" } else { "  TOO LONG" };
        let milliseconds = took.as_secs_f64() * 1e3;
        say(&format!("{what:<45} {milliseconds:>8.1} ms, at most {limit}{verdict}"));
    }
    Ok(())
}

/// How long storing a few alerts of one rule takes.
fn storing(dir: &Path) -> anyhow::Result<()> {
    let one = fill_with(&dir.join("one.db"), |_, _| ())?;
    let revisions = fill_with(&dir.join("revisions.db"), |message, n| message.sig_rev = n)?;
    for (what, took) in
        [("alerts of one rule stored", one), ("revisions of one rule stored", revisions)]
    {
        let what = format!("{FEW} {what}");
        say(&format!("{what:<45} {:>8.1} ms", took.as_secs_f64() * 1e3));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the table is what this is for")]
fn say(line: &str) {
    println!("{line}");
}

fn median(store: &Path, args: &[&str]) -> anyhow::Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let mut query = Command::new(env!("CARGO_BIN_EXE_pigear"));
        query.arg("query").arg("--store").arg(store).args(args).stdout(Stdio::null());
        let started = Instant::now();
        ensure!(query.status()?.success(), "{args:?} failed");
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(TIMES / 2).copied().unwrap_or_default())
}

/// Stores alerts of one rule, each changed, and returns how long that took.
fn fill_with(path: &Path, change: impl Fn(&mut AlertMessage, u32)) -> anyhow::Result<Duration> {
    let (store, mut numbers, names) = (Store::open(path)?, Numbers(1), Arc::default());
    let alert = |n| {
        let mut message = message(&mut numbers, 1_700_000_000, n);
        (message.sig_id, message.msg) = (1_000, b"SERVER-WEBAPP attempt".as_slice().into());
        change(&mut message, n);
        let decoded = Decoded::new(message, Dialect::Snort29);
        Arc::new(Alert::new(decoded, Arc::default(), Arc::clone(&names)))
    };
    let alerts: Vec<_> = (0..FEW).map(alert).collect();
    let (mut handler, started) = (store.handler(Unstorable::HandOn), Instant::now());
    for batch in alerts.chunks(2_000) {
        handler.handle(batch)?;
    }
    let took = started.elapsed();
    handler.finish()?;
    store.close();
    Ok(took)
}
