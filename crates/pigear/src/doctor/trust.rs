//! Whom the doctor believes.
//!
//! Any user can start a program with any name and any arguments, also as root through `sudo` or `su` behind a link of
//! another name, and can put links into directories that are open to all. What comes from there is shown, but isn't
//! part of a line to type, which may be typed as root.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path};

use nix::unistd::Uid;

use super::process::Process;
use super::subject::Subject;
use crate::account::Account;
use crate::guarded::guarded;

/// How far a process with Snort's name is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Root runs it, or the user who runs the doctor: its arguments may be typed again.
    Own,
    /// Snort's user runs it. That user may have changed its arguments, and could get more rights by them.
    Snort,
    /// It may be any program, for this cause.
    Unknown(String),
}

impl Standing {
    pub(super) fn of(snort: &Process, subject: &Subject<'_>) -> Self {
        let (uid, own) = (snort.uid, Uid::effective().as_raw());
        if unit_of(snort, "snort").is_some() {
            return Self::Snort;
        }
        if uid == own || uid == 0 {
            return match is_program_named(snort, &SNORT) {
                Some(true) if is_uniform(snort) && has_own_namespaces(snort, subject) => Self::Own,
                // Others start programs of root's.
                Some(false) if uid == 0 => Self::Unknown(
                    "root runs it, but not from a file named snort that only root can replace"
                        .to_owned(),
                ),
                _ => Self::Snort,
            };
        }
        let account = Account::numbered(uid);
        if is_snorts(&account, subject) {
            return Self::Snort;
        }
        let name = account.name;
        Self::Unknown(format!(
            "{name} is neither root, nor the user snort, nor the log directory's owner"
        ))
    }
}

/// Whether this is the user as whom Snort runs, by what only root decides.
pub(super) fn is_snorts(account: &Account, subject: &Subject<'_>) -> bool {
    let mut allowed = subject.config.sources.iter().flat_map(|source| &source.allow_uid);
    let mut is_allowed = || allowed.any(|it| account.is(it));
    let is_named = subject.snort_user.as_deref().is_some_and(|it| account.is(it));
    is_named
        || account.name == "snort"
        || account.has_id(0)
        || is_allowed()
        || owns_log(account, subject)
}

/// Whether a log directory is this user's, or that of its group.
fn owns_log(account: &Account, subject: &Subject<'_>) -> bool {
    let owns = |dir: &Path| {
        fs::metadata(dir).is_ok_and(|found| account.has_id(found.uid()) || account.shares(&found))
    };
    subject.sockets().iter().any(|socket| owns(&socket.log_dir))
}

/// Whether a process that calls itself Pigear is run by one who may be Pigear's user.
pub(super) fn is_pigears(process: &Process, subject: &Subject<'_>) -> bool {
    let account = Account::numbered(process.uid);
    is_known_as_pigears(process, subject) || owns_log(&account, subject)
}

/// The same by what only root decides.
pub(super) fn is_known_as_pigears(process: &Process, subject: &Subject<'_>) -> bool {
    let account = Account::numbered(process.uid);
    let is_named = subject.config.privileges.user.as_deref().is_some_and(|it| account.is(it));
    let is_own = account.has_id(0) || account.has_id(Uid::effective().as_raw());
    is_own || is_named || account.name == "pigear" || unit_of(process, "pigear").is_some()
}

/// The unit of the machine's systemd that started it, if its name begins so. Only root can put a process there: a
/// user's own units are in another slice.
pub(super) fn unit_of(process: &Process, begin: &str) -> Option<String> {
    let group = process.control_group()?;
    let group = group.strip_prefix("/sys/fs/cgroup").ok()?;
    let mut names = group.components().map(|component| match component {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let unit = names.next_back()??;
    let is_of_machine = names.next()? == Some("system.slice");
    let is_a = |name: &str, kind| Path::new(name).extension().is_some_and(|it| it == kind);
    let is_direct = names.all(|name| name.is_some_and(|name| is_a(name, "slice")));
    let is_named = unit.starts_with(begin) && is_a(unit, "service");
    (is_of_machine && is_direct && is_named).then(|| unit.to_owned())
}

/// The names of Snort's program.
const SNORT: [&str; 2] = ["snort", "snort3"];

/// Whether root, or the user who runs the doctor, runs it, from a file of such a name that others can't replace: its
/// arguments may be typed again.
pub(super) fn is_of_own(process: &Process, names: &[&str], subject: &Subject<'_>) -> bool {
    let is_own = [0, Uid::effective().as_raw()].contains(&process.uid);
    let is_program = || is_program_named(process, names) == Some(true);
    is_own && is_program() && is_uniform(process) && has_own_namespaces(process, subject)
}

/// Whether it has one user for everything.
fn is_uniform(process: &Process) -> bool {
    process.uids().is_none_or(|all| all.iter().all(|it| *it == process.uid))
}

/// Whether its program is a file of such a name that only root, or the user who runs the doctor, can replace; `None`
/// if that can't be seen.
fn is_program_named(process: &Process, names: &[&str]) -> Option<bool> {
    let path = process.program()?;
    let is_named =
        path.file_name().and_then(|it| it.to_str()).is_some_and(|it| names.contains(&it));
    // In a container, another file is at this path.
    let is_same = process.program_file().and_then(|file| file.metadata()).is_ok_and(|running| {
        fs::metadata(&path).is_ok_and(|it| (it.dev(), it.ino()) == (running.dev(), running.ino()))
    });
    Some(is_named && is_same && guarded(&path).as_ref() == Some(&path))
}

/// Whether it sees the same files and users as the doctor.
fn has_own_namespaces(process: &Process, subject: &Subject<'_>) -> bool {
    let own = |name: &str| fs::read_link(subject.proc.join("self/ns").join(name)).ok();
    ["mnt", "user"].iter().all(|name| process.namespace(name) == own(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_units_of_the_machine_are_taken_for_snorts() {
        let room = tempfile::tempdir().unwrap();
        let unit = |group: &str| {
            let dir = room.path().join("7");
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join("comm"), "snort\n").unwrap();
            fs::write(dir.join("cgroup"), format!("0::{group}\n")).unwrap();
            unit_of(&Process::numbered(room.path(), 7).unwrap(), "snort")
        };
        assert_eq!(unit("/system.slice/snort.service").as_deref(), Some("snort.service"));
        let template = "/system.slice/system-snort.slice/snort@eth0.service";
        assert_eq!(unit(template).as_deref(), Some("snort@eth0.service"));
        for group in [
            "/user.slice/user-1000.slice/user@1000.service/app.slice/snort.service",
            "/system.slice/web.service/snort.service",
            "/../system.slice/snort.service",
            "/system.slice/web.service",
            "/snort.service",
            "/",
        ] {
            assert_eq!(unit(group), None, "{group}");
        }
    }
}
