//! Allowed senders.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::{fs, io};

use nix::unistd::Uid;

/// The users whose datagrams are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedSenders(Vec<u32>);

impl AllowedSenders {
    /// Root, the current user, and the owner of the log directory: usually Snort's user.
    ///
    /// # Errors
    /// If the directory's owner can't be read.
    pub fn of_log_directory(dir: &Path) -> io::Result<Self> {
        Ok(Self(vec![0, Uid::effective().as_raw(), fs::metadata(dir)?.uid()]))
    }

    /// Allows this user too.
    #[must_use]
    pub fn and(mut self, uid: u32) -> Self {
        self.0.push(uid);
        self
    }

    /// Whether this user may send.
    #[must_use]
    pub fn allows(&self, uid: u32) -> bool {
        self.0.contains(&uid)
    }
}
