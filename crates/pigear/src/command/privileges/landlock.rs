//! Landlock: the kernel confines a thread, and those that it starts.

use std::env;
#[cfg(feature = "exec")]
use std::io;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
#[cfg(feature = "exec")]
use landlock::Scope;
use landlock::{
    ABI, Access, AccessFs, AccessNet, NetPort, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, path_beneath_rules,
};

use crate::command::failure::Failure;
use crate::listen::Reach;

/// The newest rights to files that are known here; what the kernel doesn't know is left out.
const KNOWN: ABI = ABI::V5;

/// What every program may need to read: libraries, certificates, names of hosts and users, the time zone.
const SYSTEM: [&str; 31] = [
    "/usr",
    "/lib",
    "/lib64",
    "/proc/self",
    "/proc/sys",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/run/systemd/resolve",
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/snort",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/passwd",
    "/etc/group",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/ld.so.cache",
    "/etc/hostname",
    "/etc/machine-id",
    "/dev/urandom",
    "/dev/random",
];

/// Devices that take anything.
const DEVICES: [&str; 6] =
    ["/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/pts", "/dev/shm"];

/// Confines this thread to what a configuration has to get at. Returns what is in force.
pub(super) fn confine(reach: &Reach) -> Result<String, Failure> {
    // Programs have a confinement of their own, but never more rights than this process.
    let connect = reach.connect.as_ref().filter(|_| !reach.runs_programs);
    let restricted = restrict(reach, connect.is_some());
    let status = restricted.context("cannot confine Pigear with Landlock")?;
    if status.ruleset == RulesetStatus::NotEnforced {
        let error = anyhow!("this kernel has no Landlock, or it is switched off");
        return Err(Failure::from(error).with_hint("--sandbox off runs Pigear without it"));
    }
    Ok(match connect {
        Some(_) => "confined to its files and TCP ports",
        None => "confined to its files",
    }
    .to_owned())
}

fn restrict(reach: &Reach, with_ports: bool) -> Result<RestrictionStatus, RulesetError> {
    let (all, read) = (AccessFs::from_all(KNOWN), AccessFs::from_read(KNOWN));
    let mut ruleset = Ruleset::default().handle_access(all)?;
    if with_ports {
        ruleset = ruleset.handle_access(AccessNet::BindTcp | AccessNet::ConnectTcp)?;
    }
    let credentials = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let mut created = ruleset.create()?.add_rules(path_beneath_rules(writable(&[]), all))?;
    created = created.add_rules(path_beneath_rules(&reach.write, all))?;
    if reach.runs_programs {
        created = created.add_rules(path_beneath_rules(["/"], read))?;
    }
    // Pigear itself starts no program.
    let files = AccessFs::ReadFile | AccessFs::ReadDir;
    created = created.add_rules(path_beneath_rules(SYSTEM, files))?;
    created =
        created.add_rules(path_beneath_rules(reach.read.iter().chain(&credentials), files))?;
    if with_ports {
        for port in &reach.bind {
            created = created.add_rule(NetPort::new(*port, AccessNet::BindTcp))?;
        }
        for port in reach.connect.iter().flatten() {
            created = created.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
        }
    }
    keeping(created)
}

/// Confines this thread, and keeps the file descriptor of its rules open until the process ends: the kernel shows it
/// in /proc, where `doctor` finds it. Nothing else there says that a process is confined. It is closed in programs
/// that are run.
fn keeping(created: RulesetCreated) -> Result<RestrictionStatus, RulesetError> {
    let kept = created.try_clone().ok().and_then(Option::<OwnedFd>::from);
    let status = created.restrict_self()?;
    if status.ruleset != RulesetStatus::NotEnforced {
        kept.map(IntoRawFd::into_raw_fd);
    }
    Ok(status)
}

/// Confines this thread, which starts a program: it reads what it likes, writes to these directories, and, where the
/// kernel knows that (Linux 6.12), sends signals only to what it starts.
#[cfg(feature = "exec")]
pub(super) fn confine_program(write: &[PathBuf]) -> io::Result<()> {
    let (all, read) = (AccessFs::from_all(KNOWN), AccessFs::from_read(KNOWN));
    let restrict = || {
        let created = Ruleset::default().handle_access(all)?.scope(Scope::Signal)?.create()?;
        let created = created.add_rules(path_beneath_rules(["/"], read))?;
        created.add_rules(path_beneath_rules(writable(write), all))?.restrict_self()
    };
    restrict().map(drop).map_err(|error: RulesetError| io::Error::other(error))
}

/// Devices, temporary files, and these directories.
fn writable(more: &[PathBuf]) -> Vec<PathBuf> {
    let temporary = [env::temp_dir(), PathBuf::from("/var/tmp")];
    let devices = DEVICES.iter().map(|path| Path::new(path).to_owned());
    devices.chain(temporary).chain(more.iter().cloned()).collect()
}
