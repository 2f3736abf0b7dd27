//! How many alerts a second `http` posts to a local nginx, against Python's `requests.post` for each,
//! as the program of 2012 did it.
//!
//! `cargo bench -p pigear --bench http`. Both run by turns, and the median of several such pairs is
//! taken. Needs nginx and Python with requests: `make peers`.

#[path = "../../tests/http/nginx/process.rs"]
mod nginx;
#[path = "../../../pigear-alert/tests/support/ports.rs"]
mod ports;
#[path = "../listen/program.rs"]
mod program;
#[path = "../listen/table.rs"]
mod table;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use pigear::keys::Keys;
use pigear::registry::Registry;
use pigear_alert::wire::{Decoder, Dialect, encode};
use pigear_alert::{Alert, AlertMessage};
use table::{Pairs, Row, print_head};

const PAIRS: usize = 5;
const PYTHON_ALERTS: u32 = 400;

const HTTP: &str = "
    keepalive_requests 1000000;
    server { listen 127.0.0.1:PORT; location / { return 204; } }
";

/// An alert with a packet of 300 bytes.
fn alert() -> anyhow::Result<Arc<Alert>> {
    let mut message = AlertMessage::default();
    message.msg = b"ICMP Echo Request".as_slice().into();
    message.pkt = (0..=u8::MAX).cycle().take(300).collect();
    (message.caplen, message.pktlen) = (300, 300);
    (message.sig_generator, message.sig_id, message.sig_rev) = (1, 1_000_134, 1);
    message.priority = 3;
    let decoded = Decoder::default().decode(&encode(&message, Dialect::Snort29))?;
    Ok(Arc::new(Alert::new(decoded, Arc::default(), Arc::default())))
}

/// Alerts a second.
fn pigear(url: &str, encoding: &str, alerts: u32) -> anyhow::Result<f64> {
    let mut keys = Keys::default();
    keys.set("url", url);
    keys.set("encoding", encoding);
    let mut handler = Registry::builtin().build("http", keys)?;
    let batch = (0..handler.needs().batch.most).map(|_| alert()).collect::<Result<Vec<_>, _>>()?;
    let begin = Instant::now();
    let mut left = usize::try_from(alerts)?;
    while left > 0 {
        let n = left.min(batch.len());
        handler.handle(batch.get(..n).unwrap_or_default())?;
        left -= n;
    }
    Ok(f64::from(alerts) / begin.elapsed().as_secs_f64())
}

/// Alerts a second.
fn python(program: &Path, url: &str) -> anyhow::Result<f64> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/http/as_in_2012.py");
    let output = Command::new(program)
        .arg(script)
        .args([url, &PYTHON_ALERTS.to_string()])
        .env_remove("http_proxy")
        .output()
        .context("cannot start Python")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    let seconds: f64 = String::from_utf8_lossy(&output.stdout).trim().parse()?;
    Ok(f64::from(PYTHON_ALERTS) / seconds)
}

fn run() -> anyhow::Result<()> {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers");
    let program = [peers.join("httpbin/bin/python"), PathBuf::from("python3")]
        .into_iter()
        .find(|path| path.exists())
        .unwrap_or_else(|| "python3".into());
    let nginx = nginx::program().context("nginx is missing; `make peers` installs it")?;
    let dir = tempfile::tempdir()?;
    let nginx = nginx::Process::start(nginx, dir.path(), HTTP)?;
    let url = format!("http://127.0.0.1:{}/", nginx.port);
    print_head();
    for (what, encoding, alerts, target, least) in [
        ("http: one request an alert, against Python's", "json", 5_000, ">= 10", 10.0),
        ("http: lines in batches, against Python's", "ndjson", 200_000, ">= 100", 100.0),
    ] {
        let pair = |_| Ok((pigear(&url, encoding, alerts)?, python(&program, &url)?));
        let rates = (0..PAIRS).map(pair).collect::<anyhow::Result<Pairs>>()?;
        Row {
            what,
            measured: format!("{:.0} a second", rates.measured()),
            yardstick: format!("{:.0} a second", rates.yardstick()),
            ratio: Some(rates.ratio()),
            target,
            ok: Some(rates.ratio() >= least),
        }
        .print();
    }
    Ok(())
}

fn main() -> ExitCode {
    program::exit_code(run())
}
