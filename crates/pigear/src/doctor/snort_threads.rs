//! Whether Pigear listens where the packet threads of a Snort 3 send.

use std::path::{Path, PathBuf};
use std::thread;

use super::finding::Finding;
use super::lines::{ended, quoted, whole, word};
use super::process::{Process, holders, snorts};
use super::running::{running, without_socket};
use super::snort_arguments::SnortArguments;
use super::subject::Subject;
use super::trust::{Standing, is_pigears};
use crate::config::{InstanceCount, SourceConfig, SourceKind};
use crate::listen::expected_sockets;

/// As many packet threads as `--instances` can have.
const MOST_THREADS: u32 = 1_024;

/// The sources, each with what says where a Pigear listens for the packet threads of a running Snort: that can't be
/// said with `--logdir`.
pub(super) fn as_bound(subject: &Subject<'_>) -> Vec<SourceConfig> {
    let snorts = snorts(&subject.proc);
    let of_source = |source: &SourceConfig| {
        if subject.file.is_some() || !names_only_directory(source) {
            return source.clone();
        }
        let wanted = snorts.iter().filter_map(|snort| wanted_by(snort, source, subject));
        let mut bound = wanted.filter(|source| is_bound(source, subject));
        bound.next().unwrap_or_else(|| source.clone())
    };
    subject.config.sources.iter().map(of_source).collect()
}

/// Whether the packet threads of a running Snort send elsewhere than this source says: what to do is said there.
pub(super) fn is_misnamed(source: &SourceConfig, subject: &Subject<'_>) -> bool {
    let is_plain = subject.file.is_none() && names_only_directory(source);
    is_plain
        && snorts(&subject.proc).iter().any(|snort| wanted_by(snort, source, subject).is_some())
}

/// Whether nothing but its directory is said of a source.
fn names_only_directory(source: &SourceConfig) -> bool {
    let says_more = source.instances.is_some() || source.run_prefix.is_some();
    source.kind == SourceKind::Unix
        && source.from.is_none()
        && !says_more
        && source.id_offset.is_none()
        && !source.id_subdir
}

/// A source for a Snort that logs to its directory, if that is another one.
fn wanted_by(
    snort: &Process,
    source: &SourceConfig,
    subject: &Subject<'_>,
) -> Option<SourceConfig> {
    if matches!(Standing::of(snort, subject), Standing::Unknown(_)) {
        return None;
    }
    let arguments = SnortArguments::of(snort);
    let dir = whole(&arguments.log_dir()?);
    let sockets = expected_sockets(source).ok()?;
    sockets.iter().find(|socket| whole(&socket.log_dir) == dir)?;
    let threads = threads(&arguments);
    if lacking(&arguments, source, threads).is_empty() {
        return None;
    }
    let given = |long| arguments.value("", long);
    Some(SourceConfig {
        instances: threads
            .filter(|threads| (2..=MOST_THREADS).contains(threads))
            .map(InstanceCount::Fixed),
        run_prefix: given("--run-prefix").map(str::to_owned),
        id_offset: given("--id-offset").and_then(|it| it.parse().ok()),
        id_subdir: arguments.has("--id-subdir"),
        ..source.clone()
    })
}

/// Whether a Pigear has one of its sockets.
fn is_bound(source: &SourceConfig, subject: &Subject<'_>) -> bool {
    let is_own = |it: &Process| it.is_pigear() && is_pigears(it, subject);
    let sockets = expected_sockets(source).unwrap_or_default();
    sockets.iter().any(|socket| {
        let holders = holders(&subject.proc, &socket.path).unwrap_or_default();
        holders.iter().any(is_own) || without_socket(&socket.path, subject).is_some()
    })
}

/// What is found if the names of its sockets differ from those where Pigear listens.
pub(super) fn of_threads(
    snort: &Process,
    arguments: &SnortArguments<'_>,
    subject: &Subject<'_>,
) -> Option<Finding> {
    let dir = arguments.log_dir();
    let is_its = |source: &&SourceConfig| {
        let sockets = expected_sockets(source).unwrap_or_default();
        let is_it = |dir: &PathBuf| sockets.iter().any(|it| whole(&it.log_dir) == whole(dir));
        dir.as_ref().is_none_or(is_it)
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
    let line = match running(subject) {
        Some(pigear) => format!("{} && {line}", ended(pigear.id)),
        None => line,
    };
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
