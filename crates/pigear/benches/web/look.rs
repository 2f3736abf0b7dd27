//! How long the page takes until it is drawn, and how many bytes it has.

use std::path::Path;

use serde::Deserialize;

use crate::browser;
use crate::server::Server;
use crate::table::{Row, median};

const TIMES: usize = 9;

/// The first paint, and each change of the filter, in milliseconds.
#[derive(Deserialize)]
struct Looks {
    paint: Vec<f64>,
    sid: Vec<f64>,
    src: Vec<f64>,
    priority: Vec<f64>,
    time: Vec<f64>,
    /// Of the page's files, compressed.
    bytes: u32,
}

pub(crate) fn measure(dir: &Path) -> anyhow::Result<()> {
    let server = Server::start(dir)?;
    let looks: Looks = browser::run("look.mjs", &[&server.url, &TIMES.to_string()])?;
    print("page: until rows and histogram are drawn", &looks.paint, 500.0);
    print("page: by signature, until drawn", &looks.sid, 150.0);
    print("page: by address, until drawn", &looks.src, 150.0);
    print("page: by priority, until drawn", &looks.priority, 150.0);
    print("page: by time, until drawn", &looks.time, 150.0);
    let kilobytes = f64::from(looks.bytes) / 1e3;
    Row {
        what: "page: bytes, compressed",
        measured: format!("{kilobytes:.1} KB"),
        yardstick: String::new(),
        ratio: None,
        target: "< 150 KB",
        ok: Some(kilobytes < 150.0),
    }
    .print();
    Ok(())
}

fn print(what: &str, times: &[f64], limit: f64) {
    let (middle, most) = (median(times.iter().copied()), times.iter().copied().fold(0.0, f64::max));
    Row {
        what,
        measured: format!("{middle:.0} ms, at most {most:.0}"),
        yardstick: String::new(),
        ratio: None,
        target: &format!("< {limit:.0} ms"),
        ok: Some(middle < limit),
    }
    .print();
}
