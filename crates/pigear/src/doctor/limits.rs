//! The limit of open files.

use nix::sys::resource::{Resource, getrlimit};

use super::check::Check;
use super::finding::Finding;
use super::lines::as_root;
use super::running::running;
use super::subject::Subject;

/// Each source, handler and visitor of the page needs some.
const FEW: u64 = 256;

pub(super) struct OpenFiles;

impl Check for OpenFiles {
    fn name(&self) -> &'static str {
        "limits"
    }

    fn is_of_machine(&self) -> bool {
        true
    }

    fn findings(&self, subject: &Subject<'_>) -> Vec<Finding> {
        if let Some(pigear) = running(subject)
            && let Some(limit) = pigear.limit("Max open files")
        {
            let typed = as_root(&[format!("prlimit --nofile=1024:1024 --pid {}", pigear.id)]);
            let finding = of(&format!("process {}", pigear.id), limit);
            return vec![if limit < FEW { finding.typed(typed) } else { finding }];
        }
        let limit = getrlimit(Resource::RLIMIT_NOFILE);
        limit.map(|(limit, _)| of("a process that you start", limit)).into_iter().collect()
    }
}

fn of(who: &str, limit: u64) -> Finding {
    let found = format!("{who} may have {limit} files open");
    if limit >= FEW {
        return Finding::ok(found);
    }
    let why = "A Pigear that can't open more files loses logs, receivers or visitors.";
    let advice = "LimitNOFILE=1024 in its unit, or ulimit -n 1024 in the shell that starts it";
    Finding::wrong(found, why).advise(advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn few_files_are_wrong() {
        let of = |limit| of("it", limit).status;
        assert_eq!([of(64), of(1024)], [Severity::Wrong, Severity::Ok]);
    }
}
