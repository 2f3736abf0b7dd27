//! What to do about what a start refuses.

use std::path::Path;

use super::finding::Finding;
use super::lines::{as_root, changed, is_of_system, moved_away, quoted};
use super::permissions::files_written;
use super::subject::Subject;
use crate::config::HandlerConfig;
use crate::listen::ListenError;

/// Adds what to do to what was found.
pub(super) fn advised(finding: Finding, error: &ListenError, subject: &Subject<'_>) -> Finding {
    match error {
        ListenError::Stats { path, .. } if path.is_dir() => {
            of_place(finding, path, "give the path of a file: stats =, or --stats")
        }
        ListenError::Stats { .. } => {
            finding.advise("give a path that can be written: stats =, or --stats")
        }
        ListenError::Metrics { address, problem } if problem.contains(ANOTHER) => finding
            .advise("give another port: metrics =, or --metrics; or end that program, if it isn't needed")
            .typed(as_root(&[format!("ss -ltnp sport = :{}", address.port())])),
        ListenError::Metrics { .. } => finding
            .advise("give an address that this machine has: metrics =, or --metrics")
            .typed("ip -brief address"),
        ListenError::Handler { place, .. } => match handler_at(place.as_deref(), subject) {
            Some(handler) => of_handler(finding, handler, subject),
            None => finding.advise("correct the keys of this handler, or leave it out"),
        },
        ListenError::Log { .. } => {
            finding.advise("give the path of Snort's log in unified2, in a directory that is there")
        }
        ListenError::Recording { .. } => {
            finding.advise("give the path of a recording (from =, or --from)")
        }
        _ => match subject.file {
            Some(file) => {
                finding.advise(format!("correct it, and see: pigear config check {}", quoted(file)))
            }
            None => finding.advise("correct it"),
        },
    }
}

/// As errors of the system say that an address is in use.
const ANOTHER: &str = "in use";

fn handler_at<'a>(place: Option<&str>, subject: &'a Subject<'_>) -> Option<&'a HandlerConfig> {
    let mut all = subject.config.handlers.iter().filter(|it| it.place.as_deref() == place);
    let first = all.next();
    // Several may be in one line.
    first.filter(|_| all.next().is_none())
}

fn of_handler(finding: Finding, handler: &HandlerConfig, subject: &Subject<'_>) -> Finding {
    if let Some(path) = files_written(handler, subject.registry).find(|path| path.exists()) {
        return of_place(finding, path, "give another path (the key path)");
    }
    match subject.registry.resolve(&handler.kind) {
        Ok("exec") => {
            let found = finding.found.clone();
            // The error has the command that mends it at its end.
            match found.rsplit_once(": chmod +x ") {
                Some((_, program)) => finding
                    .advise("make it executable, or give another program (the key command)")
                    .typed_if(made_executable(program)),
                None => finding
                    .advise("install the program, or give its path (the key command), or leave the handler out"),
            }
        }
        Ok("web") => finding.advise(
            "give an address that is free (listen), and files that are there (users, tls_cert, tls_key, token_file)",
        ),
        _ => finding.advise("correct the keys of this handler, or leave it out"),
    }
}

/// Lets all users run a program, whose path is quoted.
fn made_executable(program: &str) -> Option<String> {
    let [program] = &*shlex::split(program)? else { return None };
    changed(Path::new(program), "+x")
}

/// Of what is in the place of a file.
fn of_place(finding: Finding, path: &Path, advice: &str) -> Finding {
    if is_of_system(path) {
        return finding.advise(advice);
    }
    finding
        .advise(format!("{advice}; or move it away, if nothing needs it"))
        .typed_if(moved_away(path))
}
