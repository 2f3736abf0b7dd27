use std::ffi::CString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use nix::unistd::{
    Gid, Uid, User, getgroups, initgroups, setegid, seteuid, setgid, setgroups, setuid,
};

use crate::account::owner_and_mode;
use crate::command::failure::Failure;
use crate::guarded::fixed;
use crate::shell_word::quoted;

/// Checks that this process can become this user, or is it.
pub(super) fn check_right(user: &User) -> Result<(), Failure> {
    if Uid::effective().is_root() || Uid::effective() == user.uid {
        return Ok(());
    }
    let name = &user.name;
    Err(Failure::usage(anyhow!("--user {name}: only root can become another user")))
}

/// Becomes this user, with its groups, for good.
pub(super) fn become_user(user: &User) -> Result<(), Failure> {
    let name = &user.name;
    if Uid::effective() == user.uid {
        return Ok(());
    }
    let become_it = || {
        initgroups(&CString::new(name.as_str()).unwrap_or_default(), user.gid)?;
        setgid(user.gid)?;
        setuid(user.uid)
    };
    become_it().with_context(|| format!("cannot become the user {name}"))?;
    if !user.uid.is_root() && setuid(Uid::from_raw(0)).is_ok() {
        return Err(anyhow!("the user {name} can become root again").into());
    }
    Ok(())
}

/// Checks that this user can get at the directories of the sockets, before they are bound: it could not remove them.
/// Call it before there are threads.
pub(super) fn check_way(user: &User, dirs: &[PathBuf]) -> Result<(), Failure> {
    if !Uid::effective().is_root() || user.uid.is_root() {
        return Ok(());
    }
    let closed = for_a_moment(user, || dirs.iter().find_map(|dir| closed_above(dir)))?;
    let Some((dir, closed)) = closed else { return Ok(()) };
    let (name, shown) = (&user.name, closed.display());
    let mode = fs::metadata(&closed).map(|it| owner_and_mode(&it)).unwrap_or_default();
    let problem = anyhow!("{shown} is closed to {name}: {mode}")
        .context(format!("cannot listen in {}", dir.display()));
    let other = format!("give another directory, to which {name} can get");
    Err(Failure::from(problem).with_hint(match fixed(&closed).map(|closed| quoted(&closed)) {
        Some(closed) => format!("chmod o+x {closed} lets all users pass it; or {other}"),
        None => format!("let this user pass it; or {other}"),
    }))
}

/// The directory, and the one above it that may not be passed.
fn closed_above(dir: &Path) -> Option<(PathBuf, PathBuf)> {
    let whole = std::path::absolute(dir).ok()?;
    let mut way: Vec<_> = whole.ancestors().collect();
    way.reverse();
    let is_closed = |path: &&Path| {
        fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    };
    let refused = way.into_iter().find(is_closed)?;
    Some((whole.clone(), refused.parent()?.to_owned()))
}

/// Does something as this user, and is root again.
fn for_a_moment<T>(user: &User, look: impl FnOnce() -> T) -> Result<T, Failure> {
    let name = &user.name;
    let own = getgroups().context("cannot see the own groups")?;
    let group = Gid::effective();
    let change = || {
        initgroups(&CString::new(name.as_str()).unwrap_or_default(), user.gid)?;
        setegid(user.gid)?;
        seteuid(user.uid)
    };
    let looked = change().map(|()| look());
    let back = || {
        seteuid(Uid::from_raw(0))?;
        setegid(group)?;
        setgroups(&own)
    };
    back().with_context(|| format!("cannot become root again after {name}"))?;
    Ok(looked.with_context(|| format!("cannot become the user {name}"))?)
}
