//! What can go wrong between Snort and Pigear, looked at without changing anything.

mod check;
mod clock;
mod configuration;
mod files;
mod finding;
mod kernel;
mod limits;
mod process;
mod quoted;
mod report;
mod snort;
mod sockets;
#[cfg(feature = "store")]
mod store;
mod subject;
mod users;

pub(crate) use report::Report;
pub(crate) use subject::Subject;

use check::Check;

/// All checks, in the order of the report.
const CHECKS: &[&dyn Check] = &[
    &configuration::Configuration,
    &sockets::Sockets,
    &snort::SnortProcesses,
    &kernel::Queue,
    #[cfg(feature = "store")]
    &store::StoreFile,
    &files::Files,
    &limits::OpenFiles,
    &clock::Clock,
];

/// Carries out all checks.
pub(crate) fn examine(subject: &Subject<'_>) -> Report {
    let findings = |check: &&dyn Check| {
        let name = check.name();
        check.findings(subject).into_iter().map(move |finding| (name, finding))
    };
    Report { findings: CHECKS.iter().flat_map(findings).collect() }
}
