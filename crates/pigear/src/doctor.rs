//! What can go wrong between Snort and Pigear, looked at without changing anything.

#[cfg(feature = "store")]
mod bound_sockets;
mod check;
mod clock;
mod configuration;
mod directories;
mod disks;
mod files;
mod finding;
mod heard;
mod kernel;
mod limits;
mod lines;
mod listening;
mod making;
mod observed;
mod permissions;
mod process;
mod receivers;
mod refused;
mod report;
mod restarting;
mod running;
mod snort;
mod snort_arguments;
mod snort_threads;
mod snort_version;
mod sockets;
mod start;
#[cfg(feature = "store")]
mod store;
#[cfg(feature = "store")]
mod store_growth;
#[cfg(feature = "store")]
mod store_writer;
mod subject;
mod tally;
mod trust;
mod unbound;

pub(crate) use report::Report;
pub(crate) use subject::Subject;

use std::time::Duration;

use check::Check;
use finding::{Finding, Severity};

/// All checks, in the order of the report.
const CHECKS: &[&dyn Check] = &[
    &configuration::Configuration,
    &sockets::Sockets,
    &snort::SnortProcesses,
    &running::RunningPigear,
    &kernel::Queue,
    #[cfg(feature = "store")]
    &store::StoreFile,
    &disks::Disks,
    &files::Files,
    &receivers::Receivers,
    &start::Start,
    &limits::OpenFiles,
    &clock::Clock,
];

/// Carries out all checks, and then listens for a while, if that is wanted.
pub(crate) fn examine(mut subject: Subject<'_>, listen: Option<Duration>) -> Report {
    subject.config.sources = snort_threads::as_bound(&subject);
    let subject = &subject;
    let findings = |check: &&dyn Check| {
        let name = check.name();
        check.findings(subject).into_iter().map(move |finding| (name, finding))
    };
    let checks = CHECKS.iter().filter(|check| subject.is_known || check.is_of_machine());
    let mut all: Vec<_> = checks.flat_map(findings).collect();
    let heard = listen
        .filter(|_| subject.is_known)
        .map(|time| listening::findings(subject, time))
        .unwrap_or_default();
    all.extend(heard.into_iter().map(|finding| ("alerts", finding)));
    if subject.is_of_others() {
        for (_, finding) in &mut all {
            finding.line = None;
        }
    }
    // What is wrong stands together, before the line that counts it. Pigear starts only once the rest is well.
    let start = subject.start();
    let is_start = |finding: &Finding| finding.line.as_ref() == Some(&start);
    all.sort_by_key(|(_, finding)| (finding.status == Severity::Wrong, is_start(finding)));
    Report { findings: all }
}
