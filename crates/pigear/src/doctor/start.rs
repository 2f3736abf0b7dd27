//! What a start would refuse: the same functions look at it.

use std::fs;
use std::path::Path;

use super::check::Check;
use super::directories::of_closed;
use super::finding::Finding;
use super::guarded::settled;
use super::lines::{as_root, quoted, word};
use super::making::{self, Way, made};
use super::permissions::{files_written, needs_credential, reads_fifo, user_of_pigear};
use super::refused::advised;
use super::running::running;
use super::subject::Subject;
use crate::account::{Account, owner_and_mode};
use crate::config::{Config, HandlerConfig};
use crate::listen::{ListenError, MissingDirectory, refusals, written_files};
use crate::output_file::{dir, target};
use crate::probed::Ports;
use crate::registry::Registry;

const NO_START: &str = "Pigear doesn't start.";

/// Fewer names than these lead to a directory that others use, too: /var/log.
const LEAST_NAMES: usize = 4;

/// Directories in which each has one of its own.
const DIRS_OF_SERVICES: [&str; 4] = ["/srv", "/opt", "/mnt", "/media"];

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
        let of_file = |path: &Path| closed_to_pigear(path, user.as_ref()?);
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

fn name_of<'a>(handler: &'a HandlerConfig, registry: &'a Registry) -> &'a str {
    let kind = || registry.resolve(&handler.kind).unwrap_or(&handler.kind);
    handler.name.as_deref().unwrap_or_else(kind)
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
pub(super) fn closed_to_pigear(path: &Path, user: &Account) -> Option<Finding> {
    let path = target(path).ok()?;
    let dir = dir(&path).canonicalize().ok()?;
    let path = dir.join(path.file_name()?);
    let name = &user.name;
    let may = |path: &Path, bits| fs::metadata(path).is_ok_and(|found| user.may(&found, bits));
    let shown = |path: &Path| fs::metadata(path).map(|it| owner_and_mode(&it)).unwrap_or_default();
    let mut way: Vec<_> = dir.ancestors().collect();
    way.reverse();
    if let Some(closed) = way.into_iter().find(|dir| !may(dir, 1)) {
        return Some(of_closed(closed, &path, user));
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
    let finding = Finding::wrong(found, why);
    let is_settled = what.parent().is_some_and(|above| settled(above, Some(user)).is_some());
    Some(match () {
        () if !is_settled => finding.advise(format!("give another path, which {name} may write")),
        () if may_be_handed_over(&what) => finding
            .advise(format!("hand it over to {name}, or give another path"))
            .typed(as_root(&[format!("chown -h {} {}", word(name), quoted(&what))])),
        // Others use it, too.
        () => {
            let shared = if what.is_dir() { &what } else { what.parent()? };
            let own = shared.join("pigear");
            let advice =
                format!("make a directory for it, and give a path there: {}", own.display());
            finding.advise(advice).typed(made(&own, Some(user)))
        }
    })
}

/// Whether a file or directory isn't one that others use, too, such as /var/log.
fn may_be_handed_over(path: &Path) -> bool {
    let is_below = |dir: &str| path.parent() == Some(Path::new(dir));
    path.components().count() >= LEAST_NAMES || DIRS_OF_SERVICES.iter().any(|dir| is_below(dir))
}

/// An error with its causes.
pub(super) fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
