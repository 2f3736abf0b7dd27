use std::ffi::CString;

use anyhow::{Context, anyhow};
use nix::unistd::{Uid, User, initgroups, setgid, setuid};

use crate::command::failure::Failure;

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
