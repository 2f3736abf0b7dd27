//! The scripts that drive a browser.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, ensure};
use serde::de::DeserializeOwned;

/// A script of `web/bench`, with these arguments.
fn script(name: &str, args: &[&str]) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/bench").join(name);
    let mut command = Command::new("node");
    command.arg(script).args(args);
    command
}

/// Runs a script to its end, and reads what it prints.
pub(crate) fn run<T: DeserializeOwned>(name: &str, args: &[&str]) -> anyhow::Result<T> {
    let output = script(name, args)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start Node; `make peers` installs it")?;
    ensure!(output.status.success(), "{name} failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Live pages in a browser, which are closed when this is dropped.
pub(crate) struct Tabs {
    child: Child,
    input: Option<ChildStdin>,
}

impl Tabs {
    pub(crate) fn open(url: &str, count: usize) -> anyhow::Result<Self> {
        let mut command = script("tabs.mjs", &[url, &count.to_string()]);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start Node; `make peers` installs it")?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let tabs = Self { child, input };
        let mut line = String::new();
        BufReader::new(output.context("no output")?).read_line(&mut line)?;
        ensure!(line == "open\n", "the pages did not open");
        Ok(tabs)
    }
}

impl Drop for Tabs {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}
