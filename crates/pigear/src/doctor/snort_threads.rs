//! Whether Pigear listens where the packet threads of a Snort 3 send.

use std::path::Path;
use std::thread;

use super::finding::Finding;
use super::lines::{quoted, word};
use super::process::Process;
use super::snort_arguments::SnortArguments;
use super::subject::Subject;
use super::trust::Standing;
use crate::config::{InstanceCount, SourceConfig};
use crate::listen::expected_sockets;

/// What is found if the names of its sockets differ from those where Pigear listens.
pub(super) fn of_threads(
    snort: &Process,
    arguments: &SnortArguments<'_>,
    subject: &Subject<'_>,
) -> Option<Finding> {
    let dir = arguments.log_dir();
    let is_its = |source: &&SourceConfig| {
        let sockets = expected_sockets(source).unwrap_or_default();
        dir.as_ref().is_none_or(|dir| sockets.iter().any(|socket| socket.log_dir == *dir))
    };
    let source = subject.socket_sources().filter(|source| source.from.is_none()).find(is_its)?;
    let threads = threads(arguments);
    let lacking = lacking(arguments, source, threads);
    let id = snort.id;
    if lacking.is_empty() {
        let threads = threads.filter(|threads| *threads > 1)?;
        return Some(Finding::ok(format!(
            "process {id} has {threads} packet threads, each with a socket"
        )));
    }
    let found = format!("process {id} names its sockets otherwise than Pigear");
    let why = "Each packet thread sends to a socket of its own; its name has --run-prefix and --id-offset in it.";
    let finding = Finding::wrong(found, why);
    if let Some(file) = subject.file {
        let lines = lacking.iter().map(|(key, value)| match *key {
            "run_prefix" => format!("{key} = {value:?}"),
            _ => format!("{key} = {value}"),
        });
        let lines = lines.collect::<Vec<_>>().join(", ");
        return Some(finding.advise(format!("put into [[source]] of {}: {lines}", file.display())));
    }
    let line = started_with(&lacking, dir.as_deref());
    Some(match Standing::of(snort, subject) {
        Standing::Own => finding.typed(line),
        // Others may have changed its arguments.
        _ => finding.advise(format!("if these are its arguments: {line}")),
    })
}

/// How many packet threads it has; `None` if that isn't said.
fn threads(arguments: &SnortArguments<'_>) -> Option<u32> {
    let all = || thread::available_parallelism().ok().and_then(|n| u32::try_from(n.get()).ok());
    match arguments.value("-z", "--max-packet-threads")?.parse().ok()? {
        0 => all(),
        threads => Some(threads),
    }
}

/// The settings that the source lacks, as keys and values of the file.
fn lacking(
    arguments: &SnortArguments<'_>,
    source: &SourceConfig,
    threads: Option<u32>,
) -> Vec<(&'static str, String)> {
    let mut lacking = Vec::new();
    let has_all = |threads| match source.instances {
        Some(InstanceCount::Fixed(count)) => count >= threads,
        Some(InstanceCount::Auto) => true,
        None => threads <= 1,
    };
    if let Some(threads) = threads.filter(|threads| !has_all(*threads)) {
        lacking.push(("instances", threads.to_string()));
    }
    let prefix = arguments.value("", "--run-prefix").unwrap_or_default();
    if prefix != source.run_prefix.as_deref().unwrap_or_default() {
        lacking.push(("run_prefix", prefix.to_owned()));
    }
    let offset = arguments.value("", "--id-offset").and_then(|it| it.parse().ok()).unwrap_or(0_u32);
    if offset != source.id_offset.unwrap_or_default() {
        lacking.push(("id_offset", offset.to_string()));
    }
    let subdir = arguments.has("--id-subdir");
    if subdir != source.id_subdir {
        lacking.push(("id_subdir", subdir.to_string()));
    }
    lacking
}

/// A Pigear that listens there.
fn started_with(lacking: &[(&str, String)], dir: Option<&Path>) -> String {
    let dir = dir.map(|dir| format!(" --logdir {}", quoted(dir))).unwrap_or_default();
    // What it has too much is left out.
    let options = lacking.iter().filter(|(_, value)| value != "false").map(|(key, value)| {
        let name = key.replace('_', "-");
        if value == "true" { format!(" --{name}") } else { format!(" --{name}={}", word(value)) }
    });
    format!("pigear{dir}{}", options.collect::<String>())
}
