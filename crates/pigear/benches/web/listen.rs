//! How little listening notices of live pages.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::thread;

use anyhow::ensure;

use crate::browser::Tabs;
use crate::children::Receiver;
use crate::player::play;
use crate::recordings::Recordings;
use crate::server::{free_port, url, wait_for};
use crate::table::{Pairs, Row};

const ALERTS: u32 = 300_000;
const PAIRS: u32 = 5;
const PAGES: usize = 10;

/// What is open meanwhile.
#[derive(Clone, Copy)]
enum Watchers {
    Nothing,
    /// Clients of the live stream, which read as fast as they can.
    Streams,
    /// Pages in a browser on the same machine.
    Pages,
}

pub(crate) fn measure(dir: &Path) -> anyhow::Result<()> {
    let recordings = Recordings::make(dir)?;
    for (what, watchers) in [
        ("listening with 10 live streams, against none", Watchers::Streams),
        ("listening with 10 live pages in Chromium", Watchers::Pages),
    ] {
        let run = |watchers| rate(dir, &recordings, watchers);
        let pair = |n| {
            if n % 2 == 0 {
                return Ok((run(watchers)?, run(Watchers::Nothing)?));
            }
            let without = run(Watchers::Nothing)?;
            Ok((run(watchers)?, without))
        };
        let rates = (0..PAIRS).map(pair).collect::<anyhow::Result<Pairs>>()?;
        Row {
            what,
            measured: format!("{:.0} a second", rates.measured()),
            yardstick: format!("{:.0} a second", rates.yardstick()),
            ratio: Some(rates.ratio()),
            target: ">= 0.95",
            ok: Some(rates.ratio() >= 0.95),
        }
        .print();
    }
    Ok(())
}

/// How many alerts a second are received and stored.
fn rate(dir: &Path, recordings: &Recordings, watchers: Watchers) -> anyhow::Result<f64> {
    let (store, port) = (dir.join("alerts.db"), free_port()?);
    for end in ["", "-wal", "-shm"] {
        // It isn't there the first time.
        let _ = fs::remove_file(dir.join(format!("alerts.db{end}")));
    }
    let listen = format!("web.listen=127.0.0.1:{port}");
    let args = ["--store", &store.to_string_lossy(), "--data-handler", "web", &listen];
    let receiver = Receiver::pigear(dir, &args)?;
    wait_for(port)?;
    let tabs = match watchers {
        Watchers::Nothing => None,
        Watchers::Streams => {
            (0..PAGES).try_for_each(|_| read_stream(port))?;
            None
        }
        Watchers::Pages => Some(Tabs::open(&url(port), PAGES)?),
    };
    let report = play(&recordings.typical, &receiver.socket, ALERTS, 0)?;
    ensure!(report.refused == 0, "{} alerts were refused", report.refused);
    drop(tabs);
    receiver.end()?;
    Ok(report.rate())
}

/// Reads a live stream to its end, on a thread of its own.
fn read_stream(port: u16) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    write!(stream, "GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")?;
    let mut buffer = vec![0; 64 << 10];
    ensure!(stream.read(&mut buffer)? > 0, "the stream ended at once");
    ensure!(buffer.starts_with(b"HTTP/1.1 200"), "{}", buffer.escape_ascii());
    thread::spawn(move || while matches!(stream.read(&mut buffer), Ok(1..)) {});
    Ok(())
}
