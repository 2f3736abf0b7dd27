//! The name of this machine.

use nix::unistd::gethostname;

/// The name of this machine, if it has one that is text.
pub(crate) fn host_name() -> Option<String> {
    let name = gethostname().ok()?.into_string().ok()?;
    Some(name).filter(|name| !name.is_empty())
}
