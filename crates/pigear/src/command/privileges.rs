//! Gives up privileges: another user, and no more files and ports than the configuration names.

mod capabilities;
mod landlock;
mod user;

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::geteuid;
use tracing::warn;

use super::failure::{Failure, Said};
use crate::config::Config;
use crate::listen::{HeldSockets, Reach, known_user};
use crate::registry::Registry;

/// What is in force.
#[derive(Default)]
pub(super) struct Privileges {
    /// For the user; `None` if nothing was asked for.
    pub(super) text: Option<String>,
    /// Sockets whose paths stay in the end, because this user may not remove them.
    pub(super) staying: Vec<PathBuf>,
    /// What can be got at; `None` for everything.
    reach: Option<Reach>,
}

/// Becomes another user, and is confined from now on. Call it before there are threads: each has restrictions of
/// its own, which it gets from the one that starts it.
pub(super) fn give_up(
    config: &Config,
    registry: &Registry,
    held: &mut HeldSockets,
    said: &Said,
) -> Result<Privileges, Failure> {
    let privileges = &config.privileges;
    let (mut parts, mut staying) = (Vec::new(), Vec::new());
    if let Some(name) = &privileges.user {
        let user = known_user(name)?;
        user::check_right(&user)?;
        user::check_way(&user, &held.directories(config))?;
        held.bind(config).map_err(|error| Failure::of_start(error, said))?;
        user::become_user(&user)?;
        staying = held.staying();
        parts.push(format!("runs as {name}"));
    }
    if !privileges.is_confined() {
        let text = (!parts.is_empty()).then(|| parts.join("; "));
        return Ok(Privileges { text, staying, reach: None });
    }
    let reach = Reach::of(config, registry)?;
    if fs::read_dir("/proc/self/task").map_or(1, Iterator::count) > 1 {
        warn!("threads that were there before are not confined");
    }
    prctl::set_no_new_privs().context("cannot do without new privileges")?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0).context("cannot switch core dumps off")?;
    prctl::set_dumpable(false).context("cannot switch core dumps off")?;
    parts.push(landlock::confine(&reach)?);
    if reach.runs_programs {
        if geteuid().is_root() {
            warn!(
                "programs of exec run as root, without capabilities; --user USER runs them as another user"
            );
        }
        confine_programs(privileges.sandbox_write.clone());
    }
    parts.push(format!("no new privileges, no core dumps, {}", capabilities::drop_unneeded()?));
    Ok(Privileges { text: Some(parts.join("; ")), staying, reach: Some(reach) })
}

impl Privileges {
    /// Whether another configuration can be run with these.
    pub(super) fn allow(&self, config: &Config, registry: &Registry) -> Result<(), String> {
        let Some(reach) = &self.reach else { return Ok(()) };
        let next = Reach::of(config, registry).map_err(|error| error.to_string())?;
        match reach.lacks(&next) {
            Some(what) => Err(format!("the sandbox doesn't allow {what}: that needs a restart")),
            None => Ok(()),
        }
    }
}

#[cfg(feature = "exec")]
fn confine_programs(write: Vec<PathBuf>) {
    crate::handler::exec::confine(move || {
        capabilities::drop_all()?;
        landlock::confine_program(&write)
    });
}

#[cfg(not(feature = "exec"))]
fn confine_programs(_: Vec<PathBuf>) {}
