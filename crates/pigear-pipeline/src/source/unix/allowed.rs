//! Allowed senders.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, io};

use nix::unistd::Uid;

/// The users whose datagrams are accepted.
#[derive(Debug)]
pub struct AllowedSenders {
    users: Vec<u32>,
    log_dir: PathBuf,
    /// The owner of the log directory, when it was last looked at.
    owner: AtomicU32,
}

impl AllowedSenders {
    /// Root, the current user, and the owner of the log directory: usually Snort's user. If the directory gets
    /// another owner, as when Snort is installed later, it is that one. If a directory above it is closed to the
    /// current user, it is the owner of that one, unless that is root.
    ///
    /// # Errors
    /// If the directory's owner can't be read.
    pub fn of_log_directory(dir: &Path) -> io::Result<Self> {
        let users = vec![0, Uid::effective().as_raw()];
        let owner = AtomicU32::new(owner_of(dir)?);
        Ok(Self { users, log_dir: dir.to_owned(), owner })
    }

    /// Allows this user too.
    #[must_use]
    pub fn and(mut self, uid: u32) -> Self {
        self.users.push(uid);
        self
    }

    /// Whether this user may send.
    #[must_use]
    pub fn allows(&self, uid: u32) -> bool {
        self.users.contains(&uid) || self.owner.load(Ordering::Relaxed) == uid || self.is_owner(uid)
    }

    /// Looks at the directory again.
    fn is_owner(&self, uid: u32) -> bool {
        let owner = owner_of(&self.log_dir);
        if let Ok(owner) = owner {
            self.owner.store(owner, Ordering::Relaxed);
        }
        owner.is_ok_and(|owner| owner == uid)
    }
}

/// The owner of a directory, or of the one above it that is closed. Its owner can replace what is in it, so no other
/// user is trusted by this. Root may send anyway: then the owner of the directory is unknown.
fn owner_of(dir: &Path) -> io::Result<u32> {
    fs::metadata(dir).map(|dir| dir.uid()).or_else(|error| {
        let is_closed = error.kind() == io::ErrorKind::PermissionDenied;
        let mut above = dir.ancestors().skip(1).take_while(|_| is_closed);
        let seen = above.find_map(|dir| fs::metadata(dir).ok());
        seen.map(|dir| dir.uid()).filter(|owner| *owner != 0).ok_or(error)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_the_log_directory_is_looked_up_again() {
        let dir = tempfile::tempdir().unwrap();
        let here = dir.path().join("log");
        fs::create_dir(&here).unwrap();
        let allowed = AllowedSenders::of_log_directory(&here).unwrap();
        assert!(!allowed.allows(65_534) && allowed.allows(Uid::effective().as_raw()));
        if !Uid::effective().is_root() {
            return;
        }
        std::os::unix::fs::chown(&here, Some(65_534), None).unwrap();
        assert!(allowed.allows(65_534) && !allowed.allows(65_533));
        fs::remove_dir(&here).unwrap();
        assert!(!allowed.allows(65_533) && allowed.allows(0));
    }
}
