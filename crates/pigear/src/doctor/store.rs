//! The store: whether it can be used.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use bytesize::ByteSize;
use nix::unistd::{AccessFlags, Uid, access};

use super::check::Check;
use super::finding::Finding;
use super::lines::{self, as_root, is_of_kernel, is_of_system, quoted, sudo};
use super::making::of_missing;
use super::permissions::{Secrecy, unreadable, user_of_pigear};
use super::running::running;
use super::start::closed_to_pigear;
use super::store_growth::of_growth;
use super::store_writer::of_writer;
use super::subject::Subject;
use crate::guarded::fixed;
use crate::output_file::dir;
use crate::store::{
    FileKind, Inspection, StoreProblem, VERSION, copying_line, kind_without_trace, moving_line,
};

/// How long a store is checked for damage.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

const NO_START: &str = "Pigear doesn't start without its store.";

pub(super) struct StoreFile;

impl Check for StoreFile {
    fn name(&self) -> &'static str {
        "store"
    }

    fn findings(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let Some(path) = &subject.config.store.path else {
            if let Some(finding) = of_running(subject) {
                return vec![finding];
            }
            let why = "Alerts that a handler hasn't done when Pigear ends are lost.";
            let advice = "pigear --store /var/lib/pigear/alerts.db, or path = in [store]";
            return vec![Finding::note("there is none", why).advise(advice)];
        };
        let (finding, is_sound) = of_file(path, subject);
        let mut findings = vec![finding];
        if is_sound {
            findings.extend(of_writer(path, subject));
            findings.push(of_contents(path));
        }
        findings.extend(of_growth(path, &subject.config.store));
        findings
    }
}

/// What the Pigear that has the socket was told about a store, where what is looked at names none.
fn of_running(subject: &Subject<'_>) -> Option<Finding> {
    let pigear = running(subject)?;
    let id = pigear.id;
    if let Some(path) = pigear.values("--store").into_iter().next_back() {
        let path = pigear.resolved(Path::new(&path)).unwrap_or_else(|| path.into());
        let found = format!("process {id} was started with --store {}", path.display());
        return Some(Finding::ok(found));
    }
    if subject.file.is_some() || !pigear.has_option("--config") {
        return None;
    }
    let file = pigear.values("--config").into_iter().next_back().unwrap_or_default();
    let found =
        format!("not looked at: process {id} was started with --config {file}, which may name one");
    let why = "The doctor looks at the configuration that it is given.";
    Some(Finding::note(found, why).advise("pigear doctor --config FILE"))
}

/// What is found about the file, and whether it is a store that can be looked at.
fn of_file(path: &Path, subject: &Subject<'_>) -> (Finding, bool) {
    let (shown, typed) = (path.display(), quoted(path));
    let why = NO_START;
    let finding = match kind_without_trace(path) {
        Err(problem) => of_problem(path, problem, subject),
        Ok(FileKind::Nothing) => of_directory(path, subject),
        Ok(FileKind::Other) => {
            let finding = Finding::wrong(format!("{shown} is not a store"), why);
            if is_of_system(path) {
                finding.advise("correct the path (path = in [store], or --store)")
            } else {
                finding
                    .advise("give another path (path = in [store], or --store), or move it away")
                    .typed_if(moved_away(path))
            }
        }
        Ok(FileKind::Store(version)) if version > VERSION => Finding::wrong(
            format!("{shown} has version {version}, which this Pigear doesn't know"),
            "A newer Pigear wrote it.",
        )
        .advise(
            "install the newer Pigear again, or move it away with all its files: a new store begins then",
        )
        .typed_if(moved_away(path)),
        Ok(FileKind::Store(version)) if version < VERSION => Finding::note(
            format!("{shown} has the old version {version}"),
            "The next start converts it, and older Pigears can't read it then.",
        )
        .advise("with Pigear stopped, keep a copy of all its files")
        .typed_if(fixed(dir(path)).map(|_| copying_line(path, sudo()))),
        Ok(FileKind::Store(_))
            if access(path, AccessFlags::W_OK).is_err() && !other_may_write(path, subject) =>
        {
            Finding::wrong(format!("you may not write to {shown}"), why)
                .advise(owned_by_pigear(path, &format!("{typed}*")))
        }
        Ok(FileKind::Store(version)) => {
            let user = user_of_pigear(subject);
            if let Some(closed) = user.and_then(|user| closed_to_pigear(path, &user, subject)) {
                return (closed, true);
            }
            let size = fs::metadata(path).map_or(0, |metadata| metadata.len());
            let found = format!("{shown}: version {version}, {}", ByteSize(size));
            return (Finding::ok(found), true);
        }
    };
    (finding, false)
}

/// Of a file that can't be read as a store.
fn of_problem(path: &Path, problem: StoreProblem, subject: &Subject<'_>) -> Finding {
    let shown = path.display();
    match problem {
        StoreProblem::Damaged(problem) => damaged(path, &problem),
        StoreProblem::Io(error) | StoreProblem::Unreadable(error) => {
            if let Some(finding) = unreadable(path, &error, Secrecy::Secret, subject) {
                return finding;
            }
            if error.kind() == ErrorKind::NotADirectory {
                return of_directory(path, subject);
            }
            let found = format!("cannot read {shown}: {error}");
            Finding::wrong(found, NO_START)
                .advise("give another path (path = in [store], or --store)")
        }
        problem => {
            let finding = Finding::wrong(format!("cannot read {shown}: {problem}"), NO_START);
            finding.advise(problem.hint().unwrap_or("give another path"))
        }
    }
}

/// Moves all files of a store out of the way, where others can't make the way to their directory lead elsewhere.
fn moved_away(path: &Path) -> Option<String> {
    fixed(dir(path)).map(|_| moving_line(path, sudo()))
}

/// How Pigear's user gets files, or a directory.
fn owned_by_pigear(path: &Path, typed: &str) -> String {
    match fixed(dir(path)) {
        Some(_) => {
            let change = as_root(&[format!("chown -h USER {typed}")]);
            format!("{change}, where USER is Pigear's")
        }
        None => format!("have Pigear's user own {}", path.display()),
    }
}

fn damaged(path: &Path, problem: &str) -> Finding {
    let why = "Alerts may be missing, and Pigear stops storing where it finds damage.";
    Finding::wrong(format!("{} is damaged: {problem}", path.display()), why)
        .advise("with Pigear stopped, move it away with all its files, and keep them: a new store begins then")
        .typed_if(moved_away(path))
}

/// Whether Pigear runs as another user, who may write to it.
fn other_may_write(path: &Path, subject: &Subject<'_>) -> bool {
    let user = user_of_pigear(subject).filter(|user| !user.has_id(Uid::effective().as_raw()));
    user.is_some_and(|user| fs::metadata(path).is_ok_and(|metadata| user.may(&metadata, 2)))
}

/// Of a store that is to be made.
fn of_directory(path: &Path, subject: &Subject<'_>) -> Finding {
    let (shown, dir) = (path.display(), dir(path));
    let why = format!("{shown} can't be made.");
    if is_of_kernel(path) {
        let found = format!("{shown} is not a place for a store");
        return Finding::wrong(found, NO_START)
            .advise("correct the path (path = in [store], or --store)");
    }
    if !dir.is_dir() {
        let what = format!("the directory {}", dir.display());
        return of_missing(dir, &what, &why, user_of_pigear(subject).as_ref());
    }
    if let (Ok(target), false) = (fs::read_link(path), path.exists()) {
        let found = format!("{shown} is a link to {}, which is not there", target.display());
        let advice =
            "mount or put back what it leads to, or give another path, or move the link away";
        return Finding::wrong(found, NO_START).advise(advice).typed_if(lines::moved_away(path));
    }
    if let Some(closed) =
        user_of_pigear(subject).and_then(|user| closed_to_pigear(path, &user, subject))
    {
        return closed;
    }
    if access(dir, AccessFlags::W_OK).is_err() && !other_may_write(dir, subject) {
        let found = format!("you may not write to {}", dir.display());
        return Finding::wrong(found, why).advise(owned_by_pigear(dir, &quoted(dir)));
    }
    Finding::ok(format!("{shown} is not there yet; Pigear makes it"))
}

/// Whether it is damaged.
fn of_contents(path: &Path) -> Finding {
    let inspection = match Inspection::open(path) {
        Err(problem) => return of_damage(path, problem),
        Ok(inspection) => inspection,
    };
    match inspection.check(CHECK_TIMEOUT) {
        Some(Ok(())) => Finding::ok("no damage was found in it"),
        Some(Err(problem)) => of_damage(path, problem),
        None => Finding::ok(format!(
            "no damage was found in {CHECK_TIMEOUT:?}, in which not all of it was looked at"
        )),
    }
}

/// What a check for damage met.
fn of_damage(path: &Path, problem: StoreProblem) -> Finding {
    match problem {
        StoreProblem::Damaged(problem) => damaged(path, &problem),
        StoreProblem::Locked => Finding::ok(format!("not looked at for damage: {problem}")),
        problem => damaged(path, &problem.to_string()),
    }
}
