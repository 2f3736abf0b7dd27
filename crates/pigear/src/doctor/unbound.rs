//! Sockets of a source that no process has: one finding, and one line to type, for all that are alike.

use std::path::Path;

use super::finding::Finding;
use super::lines::ended;
use super::running::{restart, running, without_socket};
use super::snort_threads::is_misnamed;
use super::subject::Subject;
use crate::config::SourceConfig;

/// More sockets than these aren't listed.
const MOST_LISTED: usize = 4;

/// The paths of sockets that no process has.
#[derive(Default)]
pub(super) struct Unbound<'a> {
    /// Nothing is there.
    pub(super) missing: Vec<&'a Path>,
    /// A socket is there.
    pub(super) stale: Vec<&'a Path>,
}

impl Unbound<'_> {
    pub(super) fn findings(&self, source: &SourceConfig, subject: &Subject<'_>) -> Vec<Finding> {
        // How Pigear has to be started is said of the Snort.
        if is_misnamed(source, subject) {
            return Vec::new();
        }
        let missing = (!self.missing.is_empty()).then(|| of_missing(&self.missing, subject));
        let stale = (!self.stale.is_empty()).then(|| of_stale(&self.stale, subject));
        missing.into_iter().chain(stale).collect()
    }
}

fn of_missing(paths: &[&Path], subject: &Subject<'_>) -> Finding {
    let (shown, are) = listed(paths);
    if let Some(pigear) = paths.iter().find_map(|path| without_socket(path, subject)) {
        let id = pigear.id;
        let found =
            format!("{shown} {are} not there, but pigear (process {id}) listens on what was there");
        let why = format!(
            "Something removed it: process {id} lost its socket, gets no alerts, and has to be restarted."
        );
        let finding = Finding::wrong(found, why);
        return match restart(&pigear, subject) {
            Some(line) => finding.advise("restart it, then start Snort again").typed(line),
            None => finding
                .advise(format!(
                    "end it, and start it again as it was started, then start Snort again: {}",
                    pigear.arguments.join(" ")
                ))
                .typed(ended(id)),
        };
    }
    let found = format!("{shown} {are} not there");
    if let Some(pigear) = running(subject) {
        let id = pigear.id;
        let why =
            format!("pigear (process {id}) listens elsewhere only, and packet threads send there.");
        return Finding::wrong(found, why)
            .advise("start it with all its sockets, then start Snort again")
            .typed(format!("{} && {}", ended(id), subject.start()));
    }
    Finding::wrong(
        found,
        "Pigear doesn't listen. Snort looks for the socket when it starts, and sends nothing without it.",
    )
    .advise("start Pigear, then start Snort again")
    .typed(subject.start())
}

fn of_stale(paths: &[&Path], subject: &Subject<'_>) -> Finding {
    let (shown, are) = listed(paths);
    let it = if paths.len() == 1 { "it" } else { "them" };
    let finding = Finding::wrong(
        format!("{shown} {are} there, but no process has {it} open"),
        format!("A program left {it} behind; Snort's alerts are refused."),
    );
    match running(subject) {
        Some(pigear) => finding
            .advise("start Pigear with all its sockets, then start Snort again")
            .typed(format!("{} && {}", ended(pigear.id), subject.start())),
        None => finding
            .advise(format!("start Pigear, which replaces {it}, then start Snort again"))
            .typed(subject.start()),
    }
}

/// The paths, and whether they *is* or *are*.
fn listed(paths: &[&Path]) -> (String, &'static str) {
    let all: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    match all.as_slice() {
        [one] => (one.clone(), "is"),
        [first, .., last] if all.len() > MOST_LISTED => {
            (format!("{first} to {last} ({} sockets)", all.len()), "are")
        }
        _ => (all.join(", "), "are"),
    }
}
