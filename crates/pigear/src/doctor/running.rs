//! The Pigear that runs: as whom, and what it may do.

use std::fs;
use std::path::Path;

use bytesize::ByteSize;
use nix::unistd::Uid;
use pigear_pipeline::WhenFull;

use super::check::Check;
use super::finding::Finding;
use super::lines::{as_root, ended, word};
use super::process::{Process, former_holders, holders};
use super::restarting::started_again;
use super::subject::Subject;
use super::trust::{is_of_own, is_pigears, unit_of};
use crate::account::Account;
#[cfg(feature = "store")]
use crate::store::Inspection;

/// What a Pigear takes besides its queues.
const BASE_MEMORY: u64 = 64 << 20;

/// What the kernel calls an open file descriptor of Landlock's rules. Pigear keeps one if it is confined.
const LANDLOCK: &str = "anon_inode:[landlock-ruleset]";

pub(super) struct RunningPigear;

impl Check for RunningPigear {
    fn name(&self) -> &'static str {
        "pigear"
    }

    fn findings(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let running = running(subject);
        let Some(pigear) = &running else {
            let sees_all = Uid::effective().is_root();
            let found = if sees_all { "none runs" } else { "none runs that you may look at" };
            return vec![Finding::ok(found)];
        };
        let mut findings = vec![of_privileges(pigear)];
        findings.extend(of_memory(pigear, subject));
        findings
    }
}

/// The Pigear that has one of the sockets, or had it before something removed it; without sockets, the one that runs
/// with the configuration. Any user can give a program its name, so its user counts, too.
pub(super) fn running(subject: &Subject<'_>) -> Option<Process> {
    let sockets = subject.sockets();
    let is_own = |it: &Process| it.is_pigear() && is_pigears(it, subject);
    let holding = sockets.iter().filter_map(|socket| holders(&subject.proc, &socket.path));
    let former = || sockets.iter().find_map(|socket| without_socket(&socket.path, subject));
    let receiving = holding.flatten().find(is_own).or_else(former);
    let has_no_sockets = || subject.socket_sources().next().is_none();
    receiving.or_else(|| if has_no_sockets() { without_sockets(subject) } else { None })
}

/// The Pigear that runs with a configuration that has no socket for alerts: it writes to the store, or was started with
/// the file.
fn without_sockets(subject: &Subject<'_>) -> Option<Process> {
    let is_own = |it: &Process| {
        let receives = it.is_pigear() && !(subject.has_command)(&it.arguments);
        receives && !it.has_ended() && is_pigears(it, subject)
    };
    if let Some(writer) = writer(subject) {
        return Some(writer).filter(is_own);
    }
    let file = subject.file?.canonicalize().ok()?;
    let is_its = |it: &Process| {
        let named = it.values("--config").into_iter().next_back();
        let named = named.and_then(|named| it.resolved(Path::new(&named))?.canonicalize().ok());
        named.is_some_and(|named| named == file)
    };
    Process::all(&subject.proc).into_iter().filter(is_own).find(is_its)
}

/// The process that writes to the store.
#[cfg(feature = "store")]
fn writer(subject: &Subject<'_>) -> Option<Process> {
    let id = Inspection::writer(subject.config.store.path.as_deref()?)?;
    Process::numbered(&subject.proc, id)
}

#[cfg(not(feature = "store"))]
fn writer(_: &Subject<'_>) -> Option<Process> {
    None
}

/// The Pigear that was bound to a path at which nothing is any more.
pub(super) fn without_socket(path: &Path, subject: &Subject<'_>) -> Option<Process> {
    let mut former = former_holders(&subject.proc, path).into_iter();
    former.find(|it| it.is_pigear() && is_pigears(it, subject))
}

/// Ends the running Pigear, and starts it again: as it was started, if only root and the user who runs the doctor can
/// have said how; `None` if that isn't known.
pub(super) fn restart(pigear: &Process, subject: &Subject<'_>) -> Option<String> {
    if let Some(unit) = unit_of(pigear, "pigear") {
        return Some(as_root(&[format!("systemctl restart {}", word(&unit))]));
    }
    if subject.file.is_some() {
        return Some(format!("{} && {}", ended(pigear.id), subject.start()));
    }
    is_of_own(pigear, &["pigear"], subject).then(|| started_again(pigear)).flatten()
}

/// As whom it runs, and what is in force.
fn of_privileges(pigear: &Process) -> Finding {
    let status = |field| pigear.status(field).unwrap_or_default();
    let no_new = status("NoNewPrivs") == "1";
    let capabilities = u64::from_str_radix(&status("CapEff"), 16).unwrap_or_default();
    let is_confined = pigear.has_open(LANDLOCK);
    let (id, name) = (pigear.id, Account::numbered(pigear.uid).name);
    let mut parts = vec![
        match is_confined {
            Some(true) => "confined by Landlock",
            Some(false) => "not confined by Landlock",
            None => "perhaps confined by Landlock",
        },
        if no_new { "no new privileges" } else { "may get new privileges" },
        if capabilities == 0 { "no capabilities" } else { "has capabilities" },
        if pigear.limit("Max core file size") == Some(0) { "no core dumps" } else { "core dumps" },
    ];
    if pigear.is_closed_to_its_user() == Some(true) {
        parts.push("memory closed to its user");
    }
    if status("Seccomp") == "2" {
        parts.push("system calls filtered");
    }
    let found = format!("process {id} runs as {name}: {}", parts.join(", "));
    if pigear.uid == 0 || capabilities != 0 {
        let why = "A fault in it, or in what a handler runs, could do anything on this machine.";
        return Finding::note(found, why)
            .advise("start it with --user USER, or by its unit for systemd");
    }
    // Its unit for systemd confines it, too.
    if !no_new {
        let why = "Without --sandbox on, it may read and write whatever its user may.";
        return Finding::note(found, why).advise("start it with --sandbox on");
    }
    Finding::ok(found)
}

/// Whether its queues fit into the memory that it may have.
fn of_memory(pigear: &Process, subject: &Subject<'_>) -> Option<Finding> {
    let limit =
        [pigear.limit("Max address space"), of_group(pigear)].into_iter().flatten().min()?;
    let handlers = subject.config.handlers.iter();
    let lanes = handlers.map(|handler| handler.lane(WhenFull::default()).max_bytes as u64);
    let needed = lanes.fold(BASE_MEMORY, u64::saturating_add);
    let (may, need) = (ByteSize(limit), ByteSize(needed));
    let found = format!(
        "process {} may have {may} of memory; with all queues full it takes about {need}",
        pigear.id
    );
    if limit >= needed {
        return Some(Finding::ok(found));
    }
    let why = "The kernel kills it when handlers are slow, and what waits in memory is lost.";
    let advice = "MemoryMax= in its unit, or a smaller queue_bytes of its handlers";
    Some(Finding::note(found, why).advise(advice))
}

/// The limit of its control group, or of one above.
fn of_group(pigear: &Process) -> Option<u64> {
    let group = pigear.control_group()?;
    let limits = group.ancestors().take_while(|dir| dir.starts_with("/sys/fs/cgroup"));
    let of = |dir: &std::path::Path| {
        fs::read_to_string(dir.join("memory.max")).ok()?.trim().parse().ok()
    };
    limits.filter_map(of).min()
}
