//! The process groups of all running programs, so that they can be killed at once.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

#[cfg(feature = "command")]
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

static GROUPS: Mutex<BTreeSet<Pid>> = Mutex::new(BTreeSet::new());

/// Whether starting programs is forbidden. Locked for reading while a program is started.
static CLOSED: RwLock<bool> = RwLock::new(false);

/// The process group of a program, while its id can't be reused.
pub(super) struct Group(pub(super) Pid);

/// Starts a program in its own process group.
pub(super) fn spawn(command: &mut Command) -> io::Result<(Child, Group)> {
    let closed = CLOSED.read().unwrap_or_else(PoisonError::into_inner);
    if *closed {
        return Err(io::Error::new(ErrorKind::Interrupted, "pigear is shutting down"));
    }
    let child = command.process_group(0).spawn()?;
    let group = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    groups().insert(group);
    Ok((child, Group(group)))
}

impl Group {
    /// The leader has ended: the id may be reused.
    pub(super) fn forget(&self) {
        groups().remove(&self.0);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.forget();
    }
}

/// Kills all programs with their process groups, and prevents further starts: the process is about to
/// end.
#[cfg(feature = "command")]
pub(crate) fn kill_all() {
    *CLOSED.write().unwrap_or_else(PoisonError::into_inner) = true;
    for group in groups().iter() {
        // It may have ended just now.
        let _ = killpg(*group, Signal::SIGKILL);
    }
}

/// Whether programs were killed because the process is about to end.
pub(super) fn are_killed() -> bool {
    *CLOSED.read().unwrap_or_else(PoisonError::into_inner)
}

fn groups() -> MutexGuard<'static, BTreeSet<Pid>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}
