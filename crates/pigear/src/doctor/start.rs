//! What a start would refuse: the same functions look at it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::check::Check;
use super::directories::closed_above;
use super::finding::Finding;
use super::lines::{handed_over, is_of_system};
use super::making::{self, Way, made};
use super::permissions::{files_written, needs_credential, reads_fifo, user_of_pigear};
use super::refused::advised;
use super::running::running;
use super::subject::Subject;
use crate::account::{Account, owner_and_mode};
use crate::config::Config;
use crate::guarded::leads_to;
use crate::listen::{ListenError, MissingDirectory, name_of, refusals, written_files};
use crate::output_file::{dir, target};
use crate::probed::Ports;

const NO_START: &str = "Pigear doesn't start.";

pub(super) struct Start;

impl Check for Start {
    fn name(&self) -> &'static str {
        "start"
    }

    fn findings(&self, subject: &Subject<'_>) -> Vec<Finding> {
        // A running Pigear has the ports itself.
        let ports = if running(subject).is_some() { Ports::AreOwn } else { Ports::MustBeFree };
        let mut config = subject.config.clone();
        let user = user_of_pigear(subject);
        let mut findings = blocked(&mut config, subject, user.as_ref());
        // Only the service has its credentials, and a FIFO is not opened.
        config.handlers.retain(|handler| {
            !needs_credential(handler, subject.registry) && !reads_fifo(handler, subject.registry)
        });
        let refused = refusals(&config, subject.registry, ports);
        findings.extend(refused.into_iter().flat_map(|error| of_refusal(error, subject)));
        let store = subject.config.store.path.as_deref();
        let written = written_files(&config, subject.registry);
        let of_file = |path: &Path| closed_to_pigear(path, user.as_ref()?, subject);
        findings
            .extend(written.iter().filter(|it| Some(&***it) != store).filter_map(|it| of_file(it)));
        findings.dedup();
        findings
    }
}

/// What has something else in the way of its directory than directories, which is taken out of the configuration.
fn blocked(config: &mut Config, subject: &Subject<'_>, user: Option<&Account>) -> Vec<Finding> {
    let of_file = |path: &Path, what: &str| {
        let dir = dir(path);
        let what = format!("the directory {} for {what}", dir.display());
        let is_blocked = !matches!(Way::to(dir), Way::Open | Way::Linked { .. });
        is_blocked.then(|| making::of_missing(dir, &what, NO_START, user))
    };
    let mut findings = Vec::new();
    if let Some(finding) = config.stats.as_ref().and_then(|path| of_file(path, "the counters")) {
        config.stats = None;
        findings.push(finding);
    }
    config.handlers.retain(|handler| {
        let what = match &handler.place {
            Some(place) => format!("handler {} ({place})", name_of(handler, subject.registry)),
            None => format!("handler {}", name_of(handler, subject.registry)),
        };
        let mut files = files_written(handler, subject.registry);
        let finding = files.find_map(|path| of_file(path, &what));
        let is_free = finding.is_none();
        findings.extend(finding);
        is_free
    });
    findings
}

fn of_refusal(error: ListenError, subject: &Subject<'_>) -> Vec<Finding> {
    match error {
        ListenError::Directories { missing } => {
            // Other checks look at these.
            let missing = missing.into_iter().filter(|it| it.what != "the store");
            missing.map(|missing| of_missing(&missing, subject)).collect()
        }
        error => vec![advised(Finding::wrong(in_full(&error), NO_START), &error, subject)],
    }
}

fn of_missing(missing: &MissingDirectory, subject: &Subject<'_>) -> Finding {
    let MissingDirectory { what, path } = missing;
    let what = format!("the directory {} for {what}", path.display());
    making::of_missing(path, &what, NO_START, user_of_pigear(subject).as_ref())
}

/// What is found if Pigear's user may not write a file, or make it.
pub(super) fn closed_to_pigear(
    named: &Path,
    user: &Account,
    subject: &Subject<'_>,
) -> Option<Finding> {
    let path = target(named).ok()?;
    let dir = dir(&path).canonicalize().ok()?;
    let path = dir.join(path.file_name()?);
    if let Some(closed) = closed_above(&dir, named, user) {
        return Some(closed);
    }
    let may = |path: &Path, bits| fs::metadata(path).is_ok_and(|found| user.may(&found, bits));
    let what = match fs::metadata(&path) {
        Ok(found) if !found.is_file() || user.may(&found, 2) => return None,
        Ok(_) => &path,
        Err(_) if may(&dir, 3) => return None,
        Err(_) => &dir,
    };
    let (name, shown) = (&user.name, what.display());
    let permissions = fs::metadata(what).map(|it| owner_and_mode(&it)).unwrap_or_default();
    let found = format!("{shown} can't be written by {name}: {permissions}");
    let why =
        format!("Pigear runs as this user, and doesn't start. It writes to {}.", path.display());
    let finding = Finding::wrong(found, why);
    // Another user's link may have led there.
    let is_meant = !is_of_system(what) && leads_to(named, what);
    let is_pigears = is_meant && may_be_handed_over(what, user, subject);
    if let Some(line) = is_pigears.then(|| handed_over(what, user, None)).flatten() {
        return Some(
            finding.advise(format!("hand it over to {name}, or give another path")).typed(line),
        );
    }
    let own = own_dir(&dir, user, subject).filter(|_| is_meant);
    Some(match own.as_deref().and_then(|own| Some((own, made(own, Some(user))?))) {
        Some((own, line)) => {
            let own = own.display();
            finding
                .advise(format!("make a directory for it, and give a path there: {own}"))
                .typed(line)
        }
        None => finding.advise(format!("give another path, which {name} may write")),
    })
}

/// A directory for Pigear's files in one that other programs use, too, or beside one that Snort logs to.
fn own_dir(dir: &Path, user: &Account, subject: &Subject<'_>) -> Option<PathBuf> {
    let own = if subject.is_log_dir(dir) { dir.parent()? } else { dir }.join("pigear");
    let is_free = own.symlink_metadata().is_err() || may_be_handed_over(&own, user, subject);
    is_free.then_some(own)
}

/// Whether something of root's may be handed over to Pigear's user: a directory that is named for Pigear, and that no
/// Snort logs to; or a file in such a directory, or in one of this user's. Root may start what other directories have.
fn may_be_handed_over(path: &Path, user: &Account, subject: &Subject<'_>) -> bool {
    let Ok(found) = fs::symlink_metadata(path) else { return false };
    if found.uid() != 0 {
        return false;
    }
    if found.is_dir() {
        let name = path.file_name().and_then(|name| name.to_str());
        let is_named = name.is_some_and(|name| name.starts_with("pigear"));
        let has_data = || {
            fs::read_dir(path).is_ok_and(|mut all| path.starts_with("/var") || all.next().is_none())
        };
        return is_named && !subject.is_log_dir(path) && has_data();
    }
    let Some(dir) = path.parent() else { return false };
    let is_users = fs::metadata(dir).is_ok_and(|dir| user.has_id(dir.uid()));
    // Another name of the same file may be another program's.
    found.is_file() && found.nlink() == 1 && (is_users || may_be_handed_over(dir, user, subject))
}

/// An error with its causes.
pub(super) fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
