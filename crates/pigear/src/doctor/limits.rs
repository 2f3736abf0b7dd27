//! The limit of open files.

use nix::sys::resource::{Resource, getrlimit};

use super::check::Check;
use super::finding::Finding;
use super::subject::Subject;

/// Each source, handler and visitor of the page needs some.
const FEW: u64 = 256;

pub(super) struct OpenFiles;

impl Check for OpenFiles {
    fn name(&self) -> &'static str {
        "limits"
    }

    fn findings(&self, _: &Subject<'_>) -> Vec<Finding> {
        let limit = getrlimit(Resource::RLIMIT_NOFILE);
        limit.map(|(limit, _)| of(limit)).into_iter().collect()
    }
}

fn of(limit: u64) -> Finding {
    let found = format!("a process that you start may have {limit} files open");
    if limit >= FEW {
        return Finding::ok(found);
    }
    let why = "A Pigear that can't open more files loses logs, receivers or visitors.";
    Finding::wrong(found, why).advise("ulimit -n 1024, or LimitNOFILE=1024 in the unit")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn few_files_are_wrong() {
        assert_eq!([of(64), of(1024)].map(|it| it.status), [Severity::Wrong, Severity::Ok]);
    }
}
