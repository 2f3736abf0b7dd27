use std::ffi::CString;

use anyhow::{Context, anyhow};
use nix::unistd::{Uid, User, initgroups, setgid, setuid};

use crate::command::failure::Failure;
use crate::listen::ListenError;

/// The user of this name or number.
pub(super) fn named(name: &str) -> Result<User, Failure> {
    let by_number = || Some(Uid::from_raw(name.parse().ok()?));
    let found = User::from_name(name).context("cannot look up users")?;
    let found = match (found, by_number()) {
        (None, Some(uid)) => User::from_uid(uid).context("cannot look up users")?,
        (found, _) => found,
    };
    found.ok_or_else(|| ListenError::UnknownUser { name: name.to_owned() }.into())
}

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
