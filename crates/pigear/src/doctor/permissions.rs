//! Files that Pigear needs, and that the user who runs the doctor may not read: Pigear's user may.

use std::env;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use nix::unistd::Uid;
use pigear_pipeline::file_kind;

use super::directories::{closed_above, hidden};
use super::finding::Finding;
use super::lines::{changed, handed_over};
use super::running::running;
use super::subject::Subject;
use super::trust::is_known_as_pigears;
use crate::account::{Account, owner_and_mode};
use crate::config::HandlerConfig;
use crate::registry::{FileUse, Registry};

/// Who besides Pigear may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrecy {
    /// Anyone.
    Public,
    /// It may have secrets.
    Secret,
}

/// What is found about a file that the user who runs the doctor may not read; none if that isn't the error.
pub(super) fn unreadable(
    path: &Path,
    error: &io::Error,
    secrecy: Secrecy,
    subject: &Subject<'_>,
) -> Option<Finding> {
    if error.kind() != io::ErrorKind::PermissionDenied {
        return None;
    }
    let (Some(user), Ok(metadata)) = (user_of_pigear(subject), fs::metadata(path)) else {
        return Some(hidden(path, subject));
    };
    if !user.has_id(Uid::effective().as_raw()) && user.may(&metadata, 4) {
        let (shown, permissions, name) = (path.display(), owner_and_mode(&metadata), &user.name);
        return Some(Finding::ok(format!("{shown}: {permissions}, so {name} may read it")));
    }
    Some(not_for(&user, path, &metadata, secrecy))
}

/// What is found about a file that root may read, but not the user as whom Pigear reads it. The groups that a service
/// has besides are not known here.
pub(super) fn closed_to_reader(
    path: &Path,
    secrecy: Secrecy,
    subject: &Subject<'_>,
) -> Option<Finding> {
    let user = Account::named(subject.config.privileges.user.as_deref()?)?;
    let whole = path.canonicalize().ok()?;
    if let Some(closed) = closed_above(whole.parent()?, path, &user) {
        return Some(closed);
    }
    let metadata = fs::metadata(&whole).ok()?;
    let bits = if metadata.is_dir() { 5 } else { 4 };
    (!user.may(&metadata, bits)).then(|| not_for(&user, path, &metadata, secrecy))
}

/// Of a file that Pigear's user may not read.
fn not_for(user: &Account, path: &Path, metadata: &Metadata, secrecy: Secrecy) -> Finding {
    let (shown, permissions) = (path.display(), owner_and_mode(metadata));
    let name = &user.name;
    let found = format!("{shown} can't be read by {name}: {permissions}");
    let line = match secrecy {
        Secrecy::Public if metadata.is_dir() => changed(path, "o+rx"),
        Secrecy::Public => changed(path, "o+r"),
        // Another user's program needs it, too.
        Secrecy::Secret if metadata.uid() != 0 => None,
        Secrecy::Secret => handed_over(path, user, Some("u+r")),
    };
    let finding = Finding::wrong(found, "Pigear runs as this user, and doesn't start.");
    finding.typed_or(line, format!("give another path, which {name} may read"))
}

/// What is found about a FIFO. It is not opened: that would take what is written to it from Pigear. A pipe that the
/// doctor was started with is its own.
pub(super) fn of_fifo(path: &Path) -> Option<Finding> {
    let kind = fs::metadata(path).ok()?.file_type();
    if !kind.is_fifo() || path.canonicalize().is_err() {
        return None;
    }
    let found = format!("{} is {}, not a regular file", path.display(), file_kind(kind));
    let why = "Pigear doesn't start unless something writes to it at that moment.";
    Some(Finding::wrong(found, why).advise("give the path of a regular file"))
}

/// Whether a handler reads a FIFO.
pub(super) fn reads_fifo(handler: &HandlerConfig, registry: &Registry) -> bool {
    files_of(handler, registry).any(|path| of_fifo(path).is_some())
}

/// The files that a handler reads.
pub(super) fn files_of<'h>(
    handler: &'h HandlerConfig,
    registry: &Registry,
) -> impl Iterator<Item = &'h Path> {
    files_used(handler, registry, |file_use| file_use == FileUse::Reads)
}

/// The files that a handler writes to.
pub(super) fn files_written<'h>(
    handler: &'h HandlerConfig,
    registry: &Registry,
) -> impl Iterator<Item = &'h Path> {
    files_used(handler, registry, |file_use| {
        matches!(file_use, FileUse::Writes | FileUse::WritesNew)
    })
}

fn files_used<'h>(
    handler: &'h HandlerConfig,
    registry: &Registry,
    is_wanted: impl Fn(FileUse) -> bool,
) -> impl Iterator<Item = &'h Path> {
    let kind = registry.resolve(&handler.kind).unwrap_or_default();
    let used = registry.files(kind).iter().filter(move |(_, file_use)| is_wanted(*file_use));
    used.filter_map(|(key, _)| handler.keys.text(key).map(Path::new))
}

/// Whether a handler reads a credential of the service, which only the service gets.
pub(super) fn needs_credential(handler: &HandlerConfig, registry: &Registry) -> bool {
    credential_of(handler, registry).is_some() && env::var_os("CREDENTIALS_DIRECTORY").is_none()
}

/// The key of a handler that names a credential, and its value.
pub(super) fn credential_of<'h>(
    handler: &'h HandlerConfig,
    registry: &Registry,
) -> Option<(&'static str, &'h str)> {
    let kind = registry.resolve(&handler.kind).ok()?;
    let named = |key| handler.keys.text(key).filter(|text| text.starts_with("credential:"));
    registry.files(kind).iter().find_map(|(key, _)| Some((*key, named(key)?)))
}

/// As whom Pigear runs, if that is known.
pub(super) fn user_of_pigear(subject: &Subject<'_>) -> Option<Account> {
    match &subject.config.privileges.user {
        Some(name) => Account::named(name),
        // A file with secrets may be handed over to this user.
        None => running(subject)
            .filter(|pigear| is_known_as_pigears(pigear, subject))
            .map(|pigear| Account::numbered(pigear.uid)),
    }
}
