//! How fast Snort's log is read.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use flate2::read::GzDecoder;
use pigear_alert::unified2;

use crate::Bench;
use crate::program::say;
use crate::table::{Pairs, Row};

const PAIRS: usize = 3;

/// A recorded log of Snort 2, over and over: idstools knows no records of Snort 3.
const RECORDED: &str = "../pigear-alert/tests/data/v2919noappid/icmp_ping/unified2.log.gz";
/// Bytes, at least.
const LARGE: usize = 64 << 20;

/// Where `make peers` installs idstools.
const IDSTOOLS: &str = "../../target/peers/formats/bin/idstools-u2json";

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<()> {
    let path = bench.dir.path().join("u2.log");
    let log = recorded()?;
    fs::write(&path, log.repeat(LARGE.div_ceil(log.len())))?;
    against_reading(&path)?;
    against_idstools(bench, &path)
}

fn recorded() -> anyhow::Result<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDED);
    let mut log = Vec::new();
    GzDecoder::new(File::open(&path).with_context(|| path.display().to_string())?)
        .read_to_end(&mut log)?;
    Ok(log)
}

/// Decoding what is in memory, against reading it there from the page cache.
fn against_reading(path: &Path) -> anyhow::Result<()> {
    let mut log = Vec::new();
    let pair = |_| {
        let begun = Instant::now();
        log.clear();
        let bytes = File::open(path)?.read_to_end(&mut log)?;
        let reading = begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        let mut rest = &log[..];
        while let Some((record, length)) = unified2::read(rest)? {
            black_box(record);
            rest = rest.get(length..).unwrap_or_default();
        }
        let decoding = begun.elapsed().as_secs_f64();
        let megabytes = f64::from(u32::try_from(bytes)?) / 1e6;
        Ok((megabytes / decoding, megabytes / reading))
    };
    let speeds = (0..PAIRS).map(pair).collect::<anyhow::Result<Pairs>>()?;
    Row {
        what: "unified2: decode, against reading from the cache",
        measured: format!("{:.0} MB/s", speeds.measured()),
        yardstick: format!("{:.0} MB/s", speeds.yardstick()),
        ratio: Some(speeds.ratio()),
        target: ">= 0.25",
        ok: Some(speeds.ratio() >= 0.25),
    }
    .print();
    Ok(())
}

/// The whole program writing JSON, against idstools in Python.
fn against_idstools(bench: &Bench, path: &Path) -> anyhow::Result<()> {
    let idstools = Path::new(env!("CARGO_MANIFEST_DIR")).join(IDSTOOLS);
    if !idstools.exists() {
        say("unified2: idstools is missing (make peers)");
        return Ok(());
    }
    let bookmark = bench.dir.path().join("bookmark");
    let pair = |_| {
        let mut pigear = Command::new(env!("CARGO_BIN_EXE_pigear"));
        pigear.args(["--socket-handler", "unified2", "--from-start", "--once", "format=json"]);
        pigear.arg("--from").arg(path).arg("--bookmark").arg(&bookmark);
        let mut python = Command::new(&idstools);
        python.arg(path);
        Ok((megabytes_a_second(&mut pigear, path)?, megabytes_a_second(&mut python, path)?))
    };
    let rates = (0..PAIRS).map(pair).collect::<anyhow::Result<Pairs>>()?;
    Row {
        what: "unified2: JSON lines, against idstools-u2json",
        measured: format!("{:.0} MB/s", rates.measured()),
        yardstick: format!("{:.2} MB/s", rates.yardstick()),
        ratio: Some(rates.ratio()),
        target: ">= 15",
        ok: Some(rates.ratio() >= 15.0),
    }
    .print();
    Ok(())
}

/// Megabytes of the log a second.
fn megabytes_a_second(command: &mut Command, path: &Path) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    ensure!(status.success(), "{command:?} failed: {status}");
    let seconds = begun.elapsed().as_secs_f64();
    Ok(f64::from(u32::try_from(fs::metadata(path)?.len())?) / 1e6 / seconds)
}
