//! How many alerts a second `http` posts to a local nginx, against Python's `requests.post` for each,
//! as the program of 2012 did it.
//!
//! `cargo bench -p pigear --bench http`. Both run by turns, and the median of several such pairs is
//! taken. Needs nginx and Python with requests: `make peers`.

#[path = "../listen/table.rs"]
mod table;

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, bail};
use pigear::keys::Keys;
use pigear::registry::Registry;
use pigear_alert::wire::{Decoder, Dialect, encode};
use pigear_alert::{Alert, AlertMessage};
use table::{Pairs, Row, print_head};
use tempfile::TempDir;

const PAIRS: usize = 5;
const PYTHON_ALERTS: u32 = 400;

const CONF: &str = "
daemon off;
pid DIR/pid;
error_log DIR/error.log;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path DIR/body;
    proxy_temp_path DIR/proxy;
    fastcgi_temp_path DIR/fastcgi;
    uwsgi_temp_path DIR/uwsgi;
    scgi_temp_path DIR/scgi;
    client_max_body_size 8m;
    keepalive_requests 1000000;
    server { listen 127.0.0.1:PORT; location / { return 204; } }
}
";

struct Nginx {
    _dir: TempDir,
    child: Child,
    url: String,
}

impl Nginx {
    fn start() -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let conf = CONF.replace("DIR", &dir.path().to_string_lossy());
        let path = dir.path().join("nginx.conf");
        fs::write(&path, conf.replace("PORT", &port.to_string()))?;
        let child = Command::new("/usr/sbin/nginx")
            .args(["-e", "error.log", "-p"])
            .arg(dir.path())
            .arg("-c")
            .arg(path)
            .spawn()
            .context("cannot start nginx")?;
        let url = format!("http://127.0.0.1:{port}/");
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > deadline {
                bail!("nginx doesn't listen");
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(Self { _dir: dir, child, url })
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers end with it when it is asked to end.
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

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
    let batch = (0..handler.gather().most).map(|_| alert()).collect::<Result<Vec<_>, _>>()?;
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
    let nginx = Nginx::start()?;
    print_head();
    for (what, encoding, alerts, target, least) in [
        ("http: one request an alert, against Python's", "json", 5_000, ">= 10", 10.0),
        ("http: lines in batches, against Python's", "ndjson", 200_000, ">= 100", 100.0),
    ] {
        let pair = |_| Ok((pigear(&nginx.url, encoding, alerts)?, python(&program, &nginx.url)?));
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
