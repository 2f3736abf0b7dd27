//! Running Snorts: what they were told, and when they started.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::Uid;

use super::check::Check;
use super::finding::Finding;
use super::lines::{as_root, quoted, word};
use super::process::{Process, snorts};
use super::restarting::started_again;
use super::snort_arguments::{SnortArguments, Told};
use super::snort_threads::of_threads;
use super::snort_version::Versions;
use super::subject::Subject;
use super::trust::{Standing, unit_of};
use crate::account::Account;
use crate::guarded::guarded;

/// The clock ticks a second in /proc, on all architectures that Linux has today.
const TICKS: u64 = 100;

pub(super) struct SnortProcesses;

impl Check for SnortProcesses {
    fn name(&self) -> &'static str {
        "snort"
    }

    fn findings(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let snorts = snorts(&subject.proc);
        if snorts.is_empty() {
            let why = "Without it there are no alerts; in another container it can't be seen.";
            let advice =
                "snort -A unsock -l DIR (Snort 2), snort -A alert_unixsock -l DIR (Snort 3)";
            return vec![Finding::note("no process named snort runs", why).advise(advice)];
        }
        let mut versions = Versions::default();
        let of_snort = |snort| {
            if let Standing::Unknown(cause) = Standing::of(snort, subject) {
                return vec![of_stranger(snort, &cause)];
            }
            if let Some(finding) = logs_elsewhere(snort, subject) {
                return vec![finding];
            }
            let version = of_version(snort, &mut versions, subject);
            [version].into_iter().chain(of_snort(snort, subject)).collect()
        };
        snorts.iter().flat_map(of_snort).collect()
    }
}

/// The user as whom Snort runs, or would run.
pub(super) fn account_of_snort(subject: &Subject<'_>) -> Option<Account> {
    let snorts = snorts(&subject.proc);
    let is_known = |snort: &&Process| !matches!(Standing::of(snort, subject), Standing::Unknown(_));
    let mut known = snorts.iter().filter(is_known);
    let running = known.find(|snort| logs_elsewhere(snort, subject).is_none());
    let named = || Account::named(subject.snort_user.as_deref().unwrap_or("snort"));
    running.map(|it| Account::numbered(it.uid)).or_else(named)
}

/// A process that any user may have started.
fn of_stranger(process: &Process, cause: &str) -> Finding {
    let (id, user) = (process.id, Account::numbered(process.uid).name);
    let found = format!("process {id} of user {user} is named snort, but is not taken for Snort");
    let why = format!("Any user can start a program of that name, with any arguments; {cause}.");
    let advice = "if Snort runs as another user, name it: pigear doctor --snort-user USER";
    Finding::note(found, why).advise(advice)
}

/// A note, if its alerts are for another Pigear.
fn logs_elsewhere(snort: &Process, subject: &Subject<'_>) -> Option<Finding> {
    let dir = SnortArguments::of(snort).log_dir()?;
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let sockets = subject.sockets();
    if sockets.iter().any(|socket| whole(&socket.log_dir) == whole(&dir)) {
        return None;
    }
    let found =
        format!("process {} logs to {}, where Pigear doesn't listen", snort.id, dir.display());
    let advice = format!("if it should, give Pigear this log directory: --logdir {}", quoted(&dir));
    Some(Finding::note(found, "Its alerts don't come to this Pigear.").advise(advice))
}

fn of_snort(snort: &Process, subject: &Subject<'_>) -> Vec<Finding> {
    let arguments = SnortArguments::of(snort);
    let named = format!("process {} ({})", snort.id, snort.arguments.join(" "));
    let mut findings = vec![of_request(snort, &named, &arguments, subject)];
    findings.extend(of_unified2(snort, &arguments));
    findings.extend(of_threads(snort, &arguments, subject));
    for socket in subject.sockets() {
        findings.extend(of_root(snort, &socket.path));
        if started_before(snort, &socket.path, &subject.proc) {
            let found = format!("process {} is older than {}", snort.id, socket.path.display());
            let why = "Snort 2 looks for the socket only when it starts, so it may send nothing.";
            let finding = Finding::note(found, why).advise("start Snort again if no alerts come");
            findings.push(match restart(snort, subject) {
                Some(line) => finding.typed(line),
                None => finding,
            });
        }
    }
    findings
}

/// Which version it is.
fn of_version(snort: &Process, versions: &mut Versions, subject: &Subject<'_>) -> Finding {
    let id = snort.id;
    let unknown = |cause| format!("the version of process {id} is not known: {cause}");
    match versions.of(snort) {
        Ok(Some(version)) => Finding::ok(format!("process {id} is Snort {version}")),
        Ok(None) => Finding::ok(unknown("its program doesn't say it".to_owned())),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Finding::ok(unknown("you may not look at its program".to_owned()))
                .typed(subject.look_as_root())
        }
        Err(error) => Finding::ok(unknown(format!("its program can't be read: {error}"))),
    }
}

/// Whether it was told to send alerts.
fn of_request(
    snort: &Process,
    named: &str,
    arguments: &SnortArguments<'_>,
    subject: &Subject<'_>,
) -> Finding {
    match arguments.asks_for_socket() {
        Told::Yes => Finding::ok(format!("{named} was told to send alerts to a socket")),
        Told::Unknown => {
            let finding = Finding::note(
                format!("{named} may have been told to send alerts to a socket"),
                "Its arguments don't say so, and its configuration can't be read.",
            );
            if Uid::effective().is_root() {
                return finding.advise(
                    "see that the file that it names with -c is there, and a regular file",
                );
            }
            finding.typed(subject.look_as_root())
        }
        Told::No => {
            let finding = Finding::wrong(
                format!("{named} was not told to send alerts to a socket"),
                "Neither its arguments nor its configuration ask for it, so nothing comes.",
            );
            let Some(conf) = &arguments.conf else {
                let advice =
                    "add -A unsock (Snort 2) or -A alert_unixsock (Snort 3) to Snort's arguments";
                return finding.advise(advice);
            };
            let statement = if arguments.is_snort3() {
                "alert_unixsock = { }"
            } else {
                "output alert_unixsock"
            };
            let finding = finding
                .advise(format!("put {statement} into {}, and start Snort again", conf.display()));
            match (appendable(conf, snort, subject), restart(snort, subject)) {
                (Some(conf), Some(restart)) => {
                    let append = as_root(&[format!("tee -a {}", quoted(&conf))]);
                    finding.typed(format!("echo {} | {append} && {restart}", word(statement)))
                }
                _ => finding,
            }
        }
    }
}

/// The configuration, if a line may be added to it as root: others can't put another file there, and a process that
/// they may have changed doesn't name any file.
fn appendable(conf: &Path, snort: &Process, subject: &Subject<'_>) -> Option<PathBuf> {
    let conf = guarded(conf)?;
    let is_named = conf.file_name()?.to_str()?.starts_with("snort");
    let is_of_snort = is_named && conf.extension().is_some_and(|it| it == "conf" || it == "lua");
    (is_of_snort || Standing::of(snort, subject) == Standing::Own).then_some(conf)
}

/// Whether Snort writes the log that gives back what the socket loses.
fn of_unified2(snort: &Process, arguments: &SnortArguments<'_>) -> Option<Finding> {
    let conf = arguments.conf.as_ref()?;
    let (shown, id) = (conf.display(), snort.id);
    match arguments.asks_for_unified2() {
        Told::Yes => Some(Finding::ok(format!("process {id} logs in unified2"))),
        Told::Unknown => None,
        Told::No => {
            let statement = if arguments.is_snort3() {
                "unified2 = { limit = 128 }"
            } else {
                "output unified2: filename unified2.log, limit 128"
            };
            let why = "With it and --complete-from, Pigear completes alerts, and reads those that came while it was down.";
            let found = format!("process {id} doesn't log in unified2");
            let advice = format!("put {statement} into {shown}");
            Some(Finding::note(found, why).advise(advice))
        }
    }
}

/// Whether it sees the socket, if it is in a chroot.
fn of_root(snort: &Process, socket: &Path) -> Option<Finding> {
    let root = snort.root().filter(|root| root != Path::new("/"))?;
    let (id, shown) = (snort.id, root.display());
    if socket.starts_with(&root) {
        return Some(Finding::ok(format!("process {id} is in the chroot {shown}, as the socket")));
    }
    let found = format!("process {id} is in the chroot {shown}, and {} is not", socket.display());
    let dir = SnortArguments::of(snort).log_dir().unwrap_or_else(|| root.join("var/log/snort"));
    let finding = Finding::wrong(found, "Snort can't get at the socket.");
    Some(finding.advise(format!("give Pigear a directory in it: --logdir {}", quoted(&dir))))
}

/// Ends a Snort, and starts it with the same arguments in the same directory; `None` if others may have said what
/// would be started.
fn restart(snort: &Process, subject: &Subject<'_>) -> Option<String> {
    if let Some(unit) = unit_of(snort, "snort") {
        return Some(as_root(&[format!("systemctl restart {}", word(&unit))]));
    }
    if Standing::of(snort, subject) != Standing::Own {
        return None;
    }
    started_again(snort)
}

/// Whether a Snort started at least a second before something was put at a path.
fn started_before(snort: &Process, socket: &Path, proc: &Path) -> bool {
    let Ok(socket) = fs::symlink_metadata(socket) else { return false };
    let (Some(ticks), Some(boot)) = (snort.started(), boot(proc)) else { return false };
    let started = boot.saturating_add(ticks / TICKS).saturating_add(1);
    u64::try_from(socket.ctime()).is_ok_and(|bound| started < bound)
}

/// When the machine started, in seconds since 1970.
fn boot(proc: &Path) -> Option<u64> {
    let stat = fs::read_to_string(proc.join("stat")).ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests;
