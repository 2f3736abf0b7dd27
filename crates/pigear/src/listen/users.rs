//! Users and groups that a configuration names.
//!
//! A start and `pigear config check` both look for them here, so they refuse the same in the same words.

use nix::unistd::{Group, User};

use super::ListenError;

/// No user and no group has this number: for the kernel it means that none is given.
const NO_ID: u32 = u32::MAX;

/// The number of a user who may send: of one with this name, or this number, which needs no name.
///
/// # Errors
/// If there is no such user.
pub(crate) fn user_id(name: &str) -> Result<u32, ListenError> {
    let by_name = || User::from_name(name).ok().flatten().map(|user| user.uid.as_raw());
    let id = name.parse().ok().or_else(by_name);
    let id = id.ok_or_else(|| unknown_user(name))?;
    if id == NO_ID { Err(ListenError::Source("4294967295 is not a user id")) } else { Ok(id) }
}

/// The number of a socket's group, likewise.
///
/// # Errors
/// If there is no such group.
pub(crate) fn group_id(name: &str) -> Result<u32, ListenError> {
    let by_name = || Group::from_name(name).ok().flatten().map(|group| group.gid.as_raw());
    let id = name.parse().ok().or_else(by_name);
    let id = id.ok_or_else(|| ListenError::UnknownGroup { name: name.to_owned() })?;
    if id == NO_ID { Err(ListenError::Source("4294967295 is not a group id")) } else { Ok(id) }
}

/// The user of this name or number, whom this system must know: Pigear gets its groups.
///
/// # Errors
/// If there is no such user, or users can't be looked up.
#[cfg(feature = "command")]
pub(crate) fn known_user(name: &str) -> Result<User, ListenError> {
    let failed = |error: nix::errno::Errno| ListenError::Users(error.into());
    let found = User::from_name(name).map_err(failed)?;
    let found = match (found, name.parse()) {
        (None, Ok(uid)) => User::from_uid(nix::unistd::Uid::from_raw(uid)).map_err(failed)?,
        (found, _) => found,
    };
    found.ok_or_else(|| unknown_user(name))
}

fn unknown_user(name: &str) -> ListenError {
    ListenError::UnknownUser { name: name.to_owned() }
}
