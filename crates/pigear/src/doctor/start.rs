//! What a start would refuse: the same functions look at it.

use std::fs;
use std::path::Path;

use super::check::Check;
use super::finding::Finding;
use super::guarded::settled;
use super::lines::{as_root, quoted, word};
use super::permissions::{needs_credential, reads_fifo, user_of_pigear};
use super::running::running;
use super::subject::Subject;
use crate::account::{Account, owner_and_mode};
use crate::listen::{ListenError, MissingDirectory, refusals, written_files};
use crate::output_file::{dir, target};
use crate::probed::Ports;

const NO_START: &str = "Pigear doesn't start.";

/// Fewer names than these lead to a directory that others use, too: /var/log.
const LEAST_NAMES: usize = 4;

pub(super) struct Start;

impl Check for Start {
    fn name(&self) -> &'static str {
        "start"
    }

    fn findings(&self, subject: &Subject<'_>) -> Vec<Finding> {
        // A running Pigear has the ports itself.
        let ports = if running(subject).is_some() { Ports::AreOwn } else { Ports::MustBeFree };
        let mut config = subject.config.clone();
        // Only the service has its credentials, and a FIFO is not opened.
        config.handlers.retain(|handler| {
            !needs_credential(handler, subject.registry) && !reads_fifo(handler, subject.registry)
        });
        let refused = refusals(&config, subject.registry, ports);
        let mut findings: Vec<_> =
            refused.into_iter().flat_map(|error| of_refusal(error, subject)).collect();
        let user = user_of_pigear(subject);
        let store = subject.config.store.path.as_deref();
        let written = written_files(&config, subject.registry);
        let of_file = |path: &Path| closed_to_pigear(path, user.as_ref()?);
        findings
            .extend(written.iter().filter(|it| Some(&***it) != store).filter_map(|it| of_file(it)));
        findings.dedup();
        findings
    }
}

fn of_refusal(error: ListenError, subject: &Subject<'_>) -> Vec<Finding> {
    match error {
        ListenError::Directories { missing } => {
            // Other checks look at these.
            let missing = missing.into_iter().filter(|it| it.what != "the store");
            missing.map(|missing| of_missing(&missing, subject)).collect()
        }
        error => vec![Finding::wrong(in_full(&error), NO_START)],
    }
}

fn of_missing(missing: &MissingDirectory, subject: &Subject<'_>) -> Finding {
    let MissingDirectory { what, path } = missing;
    let found = format!("the directory {} for {what} is not there", path.display());
    Finding::wrong(found, NO_START).typed(made(path, subject))
}

/// The command that makes a directory for Pigear.
pub(super) fn made(dir: &Path, subject: &Subject<'_>) -> String {
    let owner = user_of_pigear(subject).map(|user| format!("-o {} ", word(&user.name)));
    as_root(&[format!("install -d {}-m 0750 {}", owner.unwrap_or_default(), quoted(dir))])
}

/// What is found if Pigear's user may not write a file, or make it.
pub(super) fn closed_to_pigear(path: &Path, user: &Account) -> Option<Finding> {
    let path = target(path).ok()?;
    let dir = dir(&path).canonicalize().ok()?;
    let path = dir.join(path.file_name()?);
    let name = &user.name;
    let may = |path: &Path, bits| fs::metadata(path).is_ok_and(|found| user.may(&found, bits));
    let shown = |path: &Path| fs::metadata(path).map(|it| owner_and_mode(&it)).unwrap_or_default();
    if let Some(closed) = dir.ancestors().find(|dir| !may(dir, 1)) {
        let found = format!("{} is closed to {name}: {}", closed.display(), shown(closed));
        let why = format!(
            "Pigear runs as this user, can't get at {}, and doesn't start.",
            path.display()
        );
        return Some(
            Finding::wrong(found, why).advise("open it to this user, or give another path"),
        );
    }
    let why =
        format!("Pigear runs as this user, and doesn't start. It writes to {}.", path.display());
    let what = match fs::metadata(&path) {
        Ok(found) if !found.is_file() || user.may(&found, 2) => return None,
        Ok(_) => path,
        Err(_) if may(&dir, 3) => return None,
        Err(_) => dir,
    };
    let found = format!("{} can't be written by {name}: {}", what.display(), shown(&what));
    let finding = Finding::wrong(found, why).advise("or give another path");
    let is_own = what.components().count() >= LEAST_NAMES;
    let is_settled = what.parent().is_some_and(|above| settled(above, Some(user)).is_some());
    Some(if is_own && is_settled {
        finding.typed(as_root(&[format!("chown -h {} {}", word(name), quoted(&what))]))
    } else {
        finding
    })
}

/// An error with its causes.
pub(super) fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
