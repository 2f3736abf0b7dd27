//! Directories that Snort has to get at.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::finding::Finding;
use super::guarded::settled;
use super::lines::{as_root, handed_over, moved_away, quoted, word};
use super::subject::Subject;
use crate::account::{Account, owner_and_mode};

/// What is found about a directory for Snort's socket.
pub(super) fn of_directory(dir: &Path, snort: Option<&Account>, subject: &Subject<'_>) -> Finding {
    let shown = dir.display();
    let why = "Snort sends its alerts to a socket in this directory.";
    let install = made(dir, snort);
    match fs::metadata(dir) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => hidden(dir, subject),
        Err(error) => Finding::wrong(format!("{shown}: {error}"), why).typed(install),
        Ok(found) if !found.is_dir() => Finding::wrong(format!("{shown} is not a directory"), why)
            .typed(format!("{} && {install}", moved_away(dir))),
        Ok(found) => match snort.and_then(|snort| closed_to(dir, snort)) {
            Some(finding) => finding,
            None => Finding::ok(format!("{shown}: {}", owner_and_mode(&found))),
        },
    }
}

/// What is closed to the user who runs the doctor: it may be there, and well.
pub(super) fn hidden(path: &Path, subject: &Subject<'_>) -> Finding {
    let found = format!("not looked at: you may not look at {}", path.display());
    Finding::note(found, "Whether it is there, and as it should be, can't be seen.")
        .advise("run it as the user that runs Pigear, or as root")
        .typed(subject.look_as_root())
}

/// The command that makes it.
fn made(dir: &Path, snort: Option<&Account>) -> String {
    let owner = snort.map(|snort| format!("-o {} ", word(&snort.name))).unwrap_or_default();
    as_root(&[format!("install -d {owner}-m 0750 {}", quoted(dir))])
}

/// The first directory on the way to it that the user may not pass.
fn closed_to(dir: &Path, snort: &Account) -> Option<Finding> {
    let whole = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let mut way: Vec<PathBuf> = whole.ancestors().map(Path::to_owned).collect();
    way.reverse();
    let closed = |path: &PathBuf| fs::metadata(path).is_ok_and(|found| !snort.may(&found, 1));
    let path = way.into_iter().find(closed)?;
    let (found, typed) = (fs::metadata(&path).ok()?, quoted(&path));
    let finding = Finding::wrong(
        format!("{} is closed to {}: {}", path.display(), snort.name, owner_and_mode(&found)),
        "Snort runs as this user, and can't get at the socket.",
    );
    let line = if path == whole {
        handed_over(&path, snort, "u+rwx")
    } else {
        settled(&path, None).map(|_| as_root(&[format!("chmod o+x {typed}")]))
    };
    Some(match line {
        Some(line) => finding.typed(line),
        None => finding,
    })
}
