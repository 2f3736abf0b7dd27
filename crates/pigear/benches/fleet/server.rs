//! A nats-server, and a proxy that counts bytes.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::ports::free_port;

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// Clock ticks a second in what the kernel says about processes.
const TICKS: f64 = 100.0;

/// A server with a directory of its own; it is killed when this is dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    child: Child,
    dir: TempDir,
}

impl Server {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers");
        let dir = tempfile::tempdir()?;
        let port = free_port();
        let child = Command::new(peers.join("nats/bin/nats-server"))
            .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
            .arg(dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("nats-server is missing; `make peers` installs it")?;
        let (server, started) = (Self { port, child, dir }, Instant::now());
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            ensure!(started.elapsed() < START_TIMEOUT, "nats-server doesn't listen");
            thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// How much processor time it has used, in seconds.
    pub(crate) fn used(&self) -> anyhow::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Behind the name, which may have spaces: the fields from the third on.
        let (_, fields) = stat.rsplit_once(')').context("a process without a name")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
        let ticks = ticks.sum::<Result<u32, _>>()?;
        Ok(f64::from(ticks) / TICKS)
    }

    /// Ends the server, and returns how many bytes its files have.
    pub(crate) fn end(mut self) -> anyhow::Result<u64> {
        kill(Pid::from_raw(i32::try_from(self.child.id())?), Signal::SIGTERM)?;
        self.child.wait()?;
        size(self.dir.path())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(dir: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { size(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

/// Hands connections on to a server, and counts what is sent both ways.
pub(crate) struct Counting {
    pub(crate) port: u16,
    there: Arc<AtomicU64>,
    back: Arc<AtomicU64>,
}

impl Counting {
    pub(crate) fn start(server: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let counting = Self { port, there: Arc::default(), back: Arc::default() };
        let (there, back) = (Arc::clone(&counting.there), Arc::clone(&counting.back));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if connect(client, server, &there, &back).is_err() {
                    return;
                }
            }
        });
        Ok(counting)
    }

    pub(crate) fn there(&self) -> u64 {
        self.there.load(Ordering::Relaxed)
    }

    pub(crate) fn back(&self) -> u64 {
        self.back.load(Ordering::Relaxed)
    }
}

fn connect(
    client: TcpStream,
    port: u16,
    there: &Arc<AtomicU64>,
    back: &Arc<AtomicU64>,
) -> std::io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let (from_server, to_client) = (server.try_clone()?, client.try_clone()?);
    let (there, back) = (Arc::clone(there), Arc::clone(back));
    thread::spawn(move || forward(client, server, &there));
    thread::spawn(move || forward(from_server, to_client, &back));
    Ok(())
}

fn forward(mut from: TcpStream, mut to: TcpStream, bytes: &AtomicU64) {
    let mut buffer = vec![0; 65_536];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        bytes.fetch_add(n as u64, Ordering::Relaxed);
        if to.write_all(buffer.get(..n).unwrap_or_default()).is_err() {
            return;
        }
    }
}
