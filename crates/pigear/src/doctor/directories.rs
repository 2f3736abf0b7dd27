//! Directories that Snort has to get at.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use pigear_pipeline::file_kind;

use super::finding::Finding;
use super::lines::{changed, handed_over};
use super::making::{Way, of_missing, of_obstacle, to_make};
use super::subject::Subject;
use crate::account::{Account, owner_and_mode};
use crate::guarded::{leads_to, settled};

/// What is found about a directory for Snort's socket.
pub(super) fn of_directory(dir: &Path, snort: Option<&Account>, subject: &Subject<'_>) -> Finding {
    let shown = dir.display();
    let why = "Snort sends its alerts to a socket in this directory.";
    match fs::metadata(dir) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => hidden(dir, subject),
        Err(error) if error.kind() == ErrorKind::NotFound && Way::to(dir) == Way::Open => {
            to_make(Finding::wrong(format!("{shown}: {error}"), why), dir, snort)
        }
        Err(_) => of_missing(dir, &shown.to_string(), why, snort),
        Ok(found) if !found.is_dir() => {
            let found = format!("{shown} is not a directory but {}", file_kind(found.file_type()));
            of_obstacle(Finding::wrong(found, why), dir, dir, snort)
        }
        Ok(found) => of_snort(dir, snort)
            .or_else(|| {
                let whole = dir.canonicalize().ok()?;
                closed_above(whole.parent()?, dir, user_named(subject).as_ref()?)
            })
            .unwrap_or_else(|| Finding::ok(format!("{shown}: {}", owner_and_mode(&found)))),
    }
}

/// What is closed to the user who runs the doctor: it may be there, and well.
pub(super) fn hidden(path: &Path, subject: &Subject<'_>) -> Finding {
    let found = format!("not looked at: you may not look at {}", path.display());
    Finding::note(found, "Whether it is there, and as it should be, can't be seen.")
        .advise("run it as the user that runs Pigear, or as root")
        .typed(subject.look_as_root())
}

/// What is found if Snort's user may not pass a directory on the way to it, or it itself.
fn of_snort(dir: &Path, snort: Option<&Account>) -> Option<Finding> {
    let (snort, whole) = (snort?, dir.canonicalize().unwrap_or_else(|_| dir.to_owned()));
    let path = closed(&whole, snort)?;
    let found = fs::metadata(&path).ok()?;
    let finding = Finding::wrong(
        format!("{} is closed to {}: {}", path.display(), snort.name, owner_and_mode(&found)),
        "Snort runs as this user, and can't get at the socket.",
    );
    let advice = "open it to this user, or give another log directory";
    Some(if path == whole {
        finding.typed_or(handed_over(dir, snort, Some("u+rwx")), advice)
    } else {
        finding.advise(advice).typed_if(opened(&path, dir))
    })
}

/// What is found if Pigear's user may not pass a directory, which has no links, or one above it: a file is in it.
pub(super) fn closed_above(dir: &Path, file: &Path, user: &Account) -> Option<Finding> {
    let closed = closed(dir, user)?;
    let permissions = fs::metadata(&closed).map(|it| owner_and_mode(&it)).unwrap_or_default();
    let found = format!("{} is closed to {}: {permissions}", closed.display(), user.name);
    let why =
        format!("Pigear runs as this user, can't get at {}, and doesn't start.", file.display());
    let finding = Finding::wrong(found, why).advise("open it to this user, or give another path");
    Some(finding.typed_if(opened(&closed, file)))
}

/// The first directory on the way to one, and it itself, that the user may not pass.
fn closed(whole: &Path, user: &Account) -> Option<PathBuf> {
    let mut way: Vec<PathBuf> = whole.ancestors().map(Path::to_owned).collect();
    way.reverse();
    way.into_iter().find(|path| fs::metadata(path).is_ok_and(|found| !user.may(&found, 1)))
}

/// Lets all users pass a directory on the way to a file, where others can't make that lead elsewhere.
fn opened(dir: &Path, file: &Path) -> Option<String> {
    settled(dir, None).filter(|_| leads_to(file, dir)).and_then(|dir| changed(&dir, "o+x"))
}

/// As whom Pigear is to run.
fn user_named(subject: &Subject<'_>) -> Option<Account> {
    Account::named(subject.config.privileges.user.as_deref()?)
}
