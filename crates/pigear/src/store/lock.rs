//! The right to write alerts.
//!
//! Whoever writes alerts has the file `PATH.lock` locked, and leaves a word in it until he ends in
//! order. So the next one knows whether to look for damage first.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::error::StoreProblem;
use super::open::MODE;

/// The right to write alerts, for as long as this is there.
pub(super) struct Lock(Flock<File>);

impl Lock {
    /// Takes the lock, and says whether the last who had it ended in order.
    pub(super) fn take(store: &Path) -> Result<(Self, Ended), StoreProblem> {
        let mut path = store.as_os_str().to_owned();
        path.push(".lock");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(MODE)
            .open(PathBuf::from(path))?;
        let mut file = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(
            |(_, error)| match error {
                Errno::EAGAIN => StoreProblem::InUse,
                error => io::Error::from(error).into(),
            },
        )?;
        let mut word = String::new();
        // A word that can't be read is one that is there.
        let ended = match file.read_to_string(&mut word) {
            Ok(0) => Ended::InOrder,
            _ => Ended::Suddenly,
        };
        Ok((Self(file), ended))
    }

    /// Notes that the store is being written to.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.0.rewind()?;
        self.0.write_all(b"in use\n")
    }

    /// Notes that the store was left in order.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.0.set_len(0)
    }
}

/// How the last who had the lock ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    InOrder,
    Suddenly,
}
