//! How long clients of the API wait, when there are many.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::server::Server;
use crate::table::Row;

const CLIENTS: &str = "50";
const LIMIT: f64 = 10.0;

pub(crate) fn measure(dir: &Path) -> anyhow::Result<()> {
    let server = Server::start(dir)?;
    for (what, query) in [
        ("API: newest page of 100, 50 clients", "limit=100"),
        ("API: the same without packets, as the page", "limit=100&packet=no"),
    ] {
        let (median, rate) = wrk(&format!("{}api/v1/alerts?{query}", server.url))?;
        Row {
            what,
            measured: format!("{median:.1} ms"),
            yardstick: format!("{rate:.0} a second"),
            ratio: None,
            target: &format!("median < {LIMIT:.0} ms"),
            ok: Some(median < LIMIT),
        }
        .print();
    }
    Ok(())
}

/// The median in milliseconds, and the requests a second.
fn wrk(url: &str) -> anyhow::Result<(f64, f64)> {
    let mut command = Command::new("wrk");
    command.args([
        "--threads",
        "1",
        "--connections",
        CLIENTS,
        "--duration",
        "5s",
        "--latency",
        url,
    ]);
    let output = command.output().context("wrk is missing; `make peers` installs it")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let wrong =
        text.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors"));
    ensure!(output.status.success() && wrong.is_none(), "{text}");
    let find = |name| {
        let mut words = text.lines().map(|line| line.trim().split_once(char::is_whitespace));
        let found = words.find_map(|words| words.filter(|(word, _)| *word == name));
        found
            .map(|(_, value)| value.trim().to_owned())
            .with_context(|| format!("no {name} in {text}"))
    };
    Ok((milliseconds(&find("50%")?)?, find("Requests/sec:")?.parse()?))
}

/// A time as wrk writes it.
fn milliseconds(text: &str) -> anyhow::Result<f64> {
    let units = [("us", 1e-3), ("ms", 1.0), ("s", 1e3)];
    let found = units.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, size)));
    let (number, size) = found.with_context(|| format!("{text} is no time"))?;
    Ok(number.parse::<f64>()? * size)
}
