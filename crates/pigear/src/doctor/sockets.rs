//! Snort's log directory, and the socket in it.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::unistd::Uid;
use pigear_pipeline::file_kind;

use super::check::Check;
use super::directories::{hidden, of_directory};
use super::finding::{Finding, Severity};
use super::lines::{as_root, handed_over, moved_away, quoted, word};
use super::process::{Process, holders};
use super::running::running;
use super::snort::account_of_snort;
use super::subject::Subject;
use super::trust::{is_pigears, is_snorts};
use super::unbound::Unbound;
use crate::account::{Account, owner_and_mode};
use crate::config::SourceConfig;
use crate::guarded::fixed;
use crate::listen::{ExpectedSocket, expected_sockets};

/// The most bytes in a socket's path: `sun_path` without the final 0.
const MAX_PATH: usize = 107;

pub(super) struct Sockets;

impl Check for Sockets {
    fn name(&self) -> &'static str {
        "socket"
    }

    fn findings(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let snort = account_of_snort(subject);
        let mut findings = Vec::new();
        let mut seen = None;
        for source in subject.socket_sources() {
            let sockets = match expected_sockets(source) {
                Ok(sockets) => sockets,
                Err(error) => {
                    let why = "Without it, it isn't known where the socket has to be.";
                    let advice = "correct what names it: snort_conf, or --snort-conf";
                    findings.push(Finding::wrong(error.to_string(), why).advise(advice));
                    continue;
                }
            };
            let mut unbound = Unbound::default();
            for socket in &sockets {
                for dir in directories_of(socket) {
                    if seen.as_deref() != Some(dir) {
                        findings.push(of_directory(dir, snort.as_ref(), subject));
                        seen = Some(dir.to_owned());
                    }
                }
                // What is to be done about a missing directory comes first, unless it has to be another one.
                if !is_too_long(&socket.path) && !socket.log_dir.is_dir() {
                    continue;
                }
                match of_socket(socket, subject, snort.as_ref()) {
                    Looked::Missing => unbound.missing.push(&socket.path),
                    Looked::Stale => unbound.stale.push(&socket.path),
                    Looked::Found(finding) => {
                        let sender = snort.as_ref().filter(|_| finding.status == Severity::Ok);
                        let refused = sender.and_then(|it| of_sender(socket, source, subject, it));
                        findings.push(finding);
                        findings.extend(refused);
                    }
                }
            }
            findings.extend(unbound.findings(source, subject));
        }
        findings
    }
}

/// The directories in which a socket is.
fn directories_of(socket: &ExpectedSocket) -> impl Iterator<Item = &Path> {
    let own = socket.path.parent().filter(|dir| *dir != socket.log_dir);
    // Pigear makes those of packet threads itself.
    let own = own.filter(|dir| dir.symlink_metadata().is_ok());
    std::iter::once(socket.log_dir.as_path()).chain(own)
}

/// What is seen of a socket.
enum Looked {
    /// Nothing is at its path.
    Missing,
    /// It is there, but no process has it.
    Stale,
    Found(Finding),
}

fn of_socket(socket: &ExpectedSocket, subject: &Subject<'_>, snort: Option<&Account>) -> Looked {
    let path = &socket.path;
    if is_too_long(path) {
        return Looked::Found(of_long_path(socket));
    }
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Looked::Found(hidden(path, subject))
        }
        Err(_) => Looked::Missing,
        Ok(found) if !found.file_type().is_socket() => Looked::Found(
            Finding::wrong(
                format!(
                    "{} is there, but is not a socket but {}",
                    path.display(),
                    file_kind(found.file_type())
                ),
                "Pigear doesn't replace what it did not make.",
            )
            .advise("move it away, if nothing needs it, or give another log directory")
            .typed_if(moved_away(path)),
        ),
        Ok(found) => of_bound(socket, &found, subject, snort).map_or(Looked::Stale, Looked::Found),
    }
}

fn is_too_long(path: &Path) -> bool {
    path.as_os_str().as_bytes().len() > MAX_PATH
}

fn of_long_path(socket: &ExpectedSocket) -> Finding {
    let length = socket.path.as_os_str().as_bytes().len();
    let shown = socket.path.display();
    let found = format!("the path has {length} bytes, and may have {MAX_PATH}: {shown}");
    let why = "The kernel takes no longer path for a socket.";
    let finding = Finding::wrong(found, why);
    match short_name(socket) {
        Some(short) if socket.log_dir.is_dir() => {
            let shown = short.display();
            let target = socket.log_dir.canonicalize().unwrap_or_else(|_| socket.log_dir.clone());
            finding
                .advise(format!(
                    "give the directory a short name, and use it: --logdir {shown} for Pigear, -l {shown} for Snort"
                ))
                .typed_if(fixed(&short).map(|link| {
                    as_root(&[format!("ln -s {} {}", quoted(&target), quoted(&link))])
                }))
        }
        _ => finding.advise("give a shorter log directory: snort -l DIR, pigear --logdir DIR"),
    }
}

/// A name for a long log directory, in the deepest directory above it where it is short enough.
fn short_name(socket: &ExpectedSocket) -> Option<PathBuf> {
    let rest = socket.path.strip_prefix(&socket.log_dir).ok()?;
    let fits = |link: &PathBuf| link.join(rest).as_os_str().as_bytes().len() <= MAX_PATH;
    let above = socket.log_dir.ancestors().skip(1).filter(|dir| dir.is_absolute());
    above.map(|dir| dir.join("snort-log")).find(fits).filter(|it| it.symlink_metadata().is_err())
}

/// A socket that a process has open.
fn of_bound(
    socket: &ExpectedSocket,
    found: &Metadata,
    subject: &Subject<'_>,
    snort: Option<&Account>,
) -> Option<Finding> {
    let shown = socket.path.display();
    let holders = holders(&subject.proc, &socket.path)?;
    let permissions = owner_and_mode(found);
    let own = holders.iter().find(|it| is_own(it, subject));
    if let (None, Some(other)) = (own, holders.first()) {
        return Some(of_other(&socket.path, other));
    }
    if let Some(snort) = snort.filter(|snort| !snort.may(found, 2)) {
        let found = format!("{shown} can't be written by {}: {permissions}", snort.name);
        let why = "Snort runs as this user, and can't send its alerts.";
        let finding = Finding::wrong(found, why)
            .advise("for the next time: --socket-group GROUP, a group of Snort's user");
        return Some(finding.typed_if(handed_over(&socket.path, snort, Some("u+rw"))));
    }
    Some(match own {
        Some(own) => {
            let (name, id) = (&own.name, own.id);
            Finding::ok(format!("{shown}: {permissions}, open in {name} (process {id})"))
        }
        None => Finding::ok(format!(
            "{shown}: {permissions}, open in a process that you may not look at"
        )),
    })
}

/// Whether Pigear refuses what Snort sends.
fn of_sender(
    socket: &ExpectedSocket,
    source: &SourceConfig,
    subject: &Subject<'_>,
    snort: &Account,
) -> Option<Finding> {
    let pigear = running(subject)?;
    let given = pigear.values("--allow-uid");
    let named = source.allow_uid.iter().chain(&given).any(|user| snort.is(user));
    let owner = fs::metadata(&socket.log_dir).ok()?.uid();
    // A configuration that isn't looked at may allow more.
    let is_unknown = subject.file.is_none() && pigear.has_option("--config");
    if named || is_unknown || [0, owner, pigear.uid].into_iter().any(|uid| snort.has_id(uid)) {
        return None;
    }
    let (name, dir) = (&snort.name, socket.log_dir.display());
    let found = format!("Pigear refuses what {name} sends");
    let why = format!(
        "Snort runs as this user, which is not root, Pigear's user or the owner of {dir}: its alerts are \
        counted as refused, and lost."
    );
    let finding =
        Finding::wrong(found, why).advise(format!("or start Pigear with {}", allowing(name)));
    Some(let_in(finding, snort, &socket.log_dir, subject))
}

/// What lets a user send: the log directory is this user's. Any user may have tried to send: only to Snort's is it
/// handed over.
pub(super) fn let_in(
    finding: Finding,
    user: &Account,
    log_dir: &Path,
    subject: &Subject<'_>,
) -> Finding {
    let is_snorts = is_snorts(user, subject);
    finding.typed_if(is_snorts.then(|| handed_over(log_dir, user, None)).flatten())
}

/// The option that lets a user send.
pub(super) fn allowing(user: &str) -> String {
    format!("--allow-uid {} (allow_uid)", word(user))
}

/// Whether it is a Pigear, or keeps the socket for one.
fn is_own(process: &Process, subject: &Subject<'_>) -> bool {
    let is_systemd = || {
        let is_trusted = process.uid == 0 || process.uid == Uid::effective().as_raw();
        process.name.starts_with("systemd") && is_trusted
    };
    process.is_pigear() && is_pigears(process, subject) || is_systemd()
}

fn of_other(socket: &Path, other: &Process) -> Finding {
    let (name, id) = (&other.name, other.id);
    let why = if other.is_pigear() {
        "Any user can start a program of this name, and this is not Pigear's: it gets Snort's alerts, and Pigear \
        can't start."
    } else {
        "This is not pigear: it gets Snort's alerts, and Pigear can't start."
    };
    let user = Account::numbered(other.uid).name;
    let found = format!("{} is open in {name} (process {id}), which {user} runs", socket.display());
    Finding::wrong(found, why)
        .advise(format!(
            "look what it is; unless it is your own program with Pigear in it, end it: kill {id}"
        ))
        .typed(format!("ps -fp {id}"))
}
