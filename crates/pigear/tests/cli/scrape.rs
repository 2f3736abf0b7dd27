//! Reads metrics as Prometheus does.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::harness::{Test, until};
use crate::running::Running;

/// Serves metrics at a free port.
pub(crate) fn measured(test: Test) -> Test {
    test.loud().args(["--serve-forever", "--metrics", "127.0.0.1:0"])
}

/// Where the metrics are.
pub(crate) fn address(running: &mut Running) -> SocketAddr {
    running.warns("/metrics\n");
    let stderr = running.stderr_so_far();
    let (_, from) = stderr.split_once("metrics at http://").unwrap();
    from.split_once('/').unwrap().0.parse().unwrap()
}

/// An answer: its head and its body.
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Asks once, with these headers.
pub(crate) fn ask(address: SocketAddr, path: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    let body = answer.split_off(end + 4);
    Answer { head: String::from_utf8(answer).unwrap(), body }
}

pub(crate) fn scrape(address: SocketAddr) -> String {
    ask(address, "/metrics", "").text().to_owned()
}

/// Waits until a sample is there.
pub(crate) fn shows(address: SocketAddr, sample: &str) -> String {
    let mut text = String::new();
    until(sample, || {
        text = scrape(address);
        text.lines().any(|line| line == sample)
    });
    text
}
