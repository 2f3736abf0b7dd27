//! Snort's log directory, and the socket in it.

use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use super::check::Check;
use super::finding::Finding;
use super::process::{Process, bound_to};
use super::quoted::quoted;
use super::snort::account_of_snort;
use super::subject::Subject;
use super::users::{Account, owner_and_mode};
use crate::config::SourceKind;
use crate::listen::{ExpectedSocket, expected_sockets};

/// The most bytes in a socket's path: `sun_path` without the final 0.
const MAX_PATH: usize = 107;

/// Pigear's own name, and that of a process that keeps the socket for it.
const OWN: [&str; 2] = ["pigear", "systemd"];

pub(super) struct Sockets;

impl Check for Sockets {
    fn name(&self) -> &'static str {
        "socket"
    }

    fn findings(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let snort = account_of_snort(&subject.proc);
        let mut findings = Vec::new();
        let mut seen = None;
        for source in subject.config.sources.iter().filter(|it| it.kind == SourceKind::Unix) {
            let sockets = match expected_sockets(source) {
                Ok(sockets) => sockets,
                Err(error) => {
                    let why = "Without it, it isn't known where the socket has to be.";
                    findings.push(Finding::wrong(error.to_string(), why));
                    continue;
                }
            };
            for socket in sockets {
                let mut dirs = vec![socket.log_dir.as_path()];
                dirs.extend(socket.path.parent().filter(|dir| *dir != socket.log_dir));
                for dir in dirs {
                    if seen.as_deref() != Some(dir) {
                        findings.push(of_directory(dir, snort.as_ref()));
                        seen = Some(dir.to_owned());
                    }
                }
                findings.push(of_socket(&socket, subject, snort.as_ref()));
            }
        }
        findings
    }
}

fn of_directory(dir: &Path, snort: Option<&Account>) -> Finding {
    let (shown, typed) = (dir.display(), quoted(dir));
    let why = "Snort sends its alerts to a socket in this directory.";
    match fs::metadata(dir) {
        Err(error) => {
            let finding = Finding::wrong(format!("{shown}: {error}"), why);
            match snort {
                Some(snort) => {
                    finding.advise(format!("sudo install -d -o {} -m 0750 {typed}", snort.name))
                }
                None => finding.advise(format!("sudo install -d -m 0750 {typed}")),
            }
        }
        Ok(found) if !found.is_dir() => Finding::wrong(format!("{shown} is not a directory"), why)
            .advise(format!("sudo mv {typed} {typed}.old && sudo install -d -m 0750 {typed}")),
        Ok(found) => match snort.filter(|snort| !snort.may(&found, 1)) {
            Some(snort) => Finding::wrong(
                format!("{shown} is closed to {}: {}", snort.name, owner_and_mode(&found)),
                "Snort runs as this user, and can't get at the socket.",
            )
            .advise(format!("sudo chown {} {typed} && sudo chmod u+rwx {typed}", snort.name)),
            None => Finding::ok(format!("{shown}: {}", owner_and_mode(&found))),
        },
    }
}

fn of_socket(socket: &ExpectedSocket, subject: &Subject<'_>, snort: Option<&Account>) -> Finding {
    let path = &socket.path;
    let (shown, typed) = (path.display(), quoted(path));
    let length = path.as_os_str().as_bytes().len();
    if length > MAX_PATH {
        let found = format!("the path has {length} bytes, and may have {MAX_PATH}: {shown}");
        return Finding::wrong(found, "The kernel takes no longer path for a socket.")
            .advise("give a shorter log directory: snort -l DIR, pigear --logdir DIR");
    }
    let start = format!("pigear --logdir {}", quoted(&socket.log_dir));
    match fs::symlink_metadata(path) {
        Err(_) => Finding::wrong(
            format!("{shown} is not there"),
            "Pigear doesn't listen. Snort looks for the socket when it starts, and sends nothing without it.",
        )
        .advise(format!("{start} (or systemctl start pigear.socket), then start Snort again")),
        Ok(found) if !found.file_type().is_socket() => Finding::wrong(
            format!("{shown} is there, but is not a socket"),
            "Pigear doesn't replace what it did not make.",
        )
        .advise(format!("sudo mv {typed} {typed}.old")),
        Ok(found) => of_bound(socket, &found, subject, snort).unwrap_or_else(|| {
            Finding::wrong(
                format!("{shown} is there, but no process has it open"),
                "A program left it behind; Snort's alerts are refused.",
            )
            .advise(format!("{start}, which replaces it, then start Snort again"))
        }),
    }
}

/// A socket that a process has open.
fn of_bound(
    socket: &ExpectedSocket,
    found: &Metadata,
    subject: &Subject<'_>,
    snort: Option<&Account>,
) -> Option<Finding> {
    let (shown, typed) = (socket.path.display(), quoted(&socket.path));
    let real = socket.path.canonicalize().unwrap_or_else(|_| socket.path.clone());
    let all = Process::all(&subject.proc);
    let inodes = bound_to(&subject.proc, &real, &all);
    let holders = |inode: &u64| all.iter().filter(|process| process.has_socket(*inode)).collect();
    let holders: Vec<&Process> = inodes.iter().flat_map(|it| -> Vec<_> { holders(it) }).collect();
    if inodes.is_empty() {
        return None;
    }
    if let Some(snort) = snort.filter(|snort| !snort.may(found, 2)) {
        let found =
            format!("{shown} can't be written by {}: {}", snort.name, owner_and_mode(found));
        let why = "Snort runs as this user, and can't send its alerts.";
        let advice =
            format!("sudo chown {} {typed}; for the next time --socket-group GROUP", snort.name);
        return Some(Finding::wrong(found, why).advise(advice));
    }
    let permissions = owner_and_mode(found);
    let is_own = |process: &&&Process| OWN.iter().any(|own| process.name == *own);
    Some(match (holders.iter().find(is_own), holders.first()) {
        (Some(own), _) => Finding::ok(format!(
            "{shown}: {permissions}, open in {} (process {})",
            own.name, own.id
        )),
        (None, Some(other)) => Finding::note(
            format!("{shown} is open in {} (process {})", other.name, other.id),
            "If this is not a Pigear, it gets Snort's alerts, and Pigear can't start.",
        )
        .advise(format!("ps -fp {}; end it if it isn't yours to keep: kill {0}", other.id)),
        (None, None) => Finding::ok(format!(
            "{shown}: {permissions}, open in a process that you may not look at"
        )),
    })
}
