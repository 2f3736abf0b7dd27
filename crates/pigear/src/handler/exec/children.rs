//! The process groups of all running programs, so that they can be killed at once.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
#[cfg(feature = "command")]
use std::sync::OnceLock;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
#[cfg(feature = "command")]
use std::thread;

#[cfg(feature = "command")]
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

static GROUPS: Mutex<BTreeSet<Pid>> = Mutex::new(BTreeSet::new());

/// Whether starting programs is forbidden. Locked for reading while a program is started.
static CLOSED: RwLock<bool> = RwLock::new(false);

/// The process group of a program, while its id can't be reused.
pub(super) struct Group(pub(super) Pid);

/// Confines the thread that calls it, and what it starts.
#[cfg(feature = "command")]
type Confine = Box<dyn Fn() -> io::Result<()> + Send + Sync>;

#[cfg(feature = "command")]
static CONFINE: OnceLock<Confine> = OnceLock::new();

/// Has all programs confined from now on: each is started from a thread of its own that calls this before.
#[cfg(feature = "command")]
pub(crate) fn confine(confine: impl Fn() -> io::Result<()> + Send + Sync + 'static) {
    let _ = CONFINE.set(Box::new(confine));
}

#[cfg(feature = "command")]
fn start(command: &mut Command) -> io::Result<Child> {
    let Some(confine) = CONFINE.get() else { return command.spawn() };
    thread::scope(|scope| {
        let start = || confine().and_then(|()| command.spawn());
        let started =
            thread::Builder::new().name("confined".to_owned()).spawn_scoped(scope, start)?;
        started.join().unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
    })
}

#[cfg(not(feature = "command"))]
fn start(command: &mut Command) -> io::Result<Child> {
    command.spawn()
}

/// Starts a program in its own process group.
pub(super) fn spawn(command: &mut Command) -> io::Result<(Child, Group)> {
    let closed = CLOSED.read().unwrap_or_else(PoisonError::into_inner);
    if *closed {
        return Err(io::Error::new(ErrorKind::Interrupted, "pigear is shutting down"));
    }
    let child = start(command.process_group(0))?;
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
