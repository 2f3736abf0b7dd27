//! `pigear web` over a large store.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::{fill, number};

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A server, which ends when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

impl Server {
    /// Fills a store, and serves it.
    pub(crate) fn start(dir: &Path) -> anyhow::Result<Self> {
        let store = dir.join("alerts.db");
        fill::fill(&store, number("PIGEAR_ALERTS", 1_000_000)?)?;
        let port = free_port()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_pigear"));
        command.arg("web").arg("--store").arg(store).arg("--listen");
        command.arg(format!("127.0.0.1:{port}")).stderr(Stdio::null());
        let child = command.spawn().context("cannot start pigear")?;
        let server = Self { child, url: url(port) };
        wait_for(port)?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nothing listens on.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

pub(crate) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/")
}

/// Waits until something listens.
pub(crate) fn wait_for(port: u16) -> anyhow::Result<()> {
    let (address, started) = (SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Instant::now());
    while TcpStream::connect(address).is_err() {
        ensure!(started.elapsed() < START_TIMEOUT, "nothing listens on {address}");
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
