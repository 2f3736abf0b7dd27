//! The right to write alerts.
//!
//! Whoever writes alerts has the database itself locked (`inode_lock.rs`), so that it doesn't matter by which
//! name it was opened, and the file `PATH.lock` beside it, as Pigears of before do. In that it leaves a word
//! until it ends in order. So the next one knows whether to look for damage first, and whether a journal must
//! be there.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::connect::beside_path;
use super::error::StoreProblem;
use super::file_id::FileId;
use super::inode_lock::InodeLock;
use super::layout::MODE;

/// What is in the file while the store is in use. Pigears of before wrote only the first two words.
const WORD: &str = "in use, with a journal\n";

/// The right to write alerts, for as long as this is there.
pub(super) struct Lock {
    file: Flock<File>,
    inode: InodeLock,
}

impl Lock {
    /// Takes the lock of a store that is there, and says how the last who had it ended.
    pub(super) fn take(store: &Path) -> Result<(Self, Ended), StoreProblem> {
        let inode = InodeLock::take(store)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(MODE)
            .open(beside_path(store, ".lock"))?;
        if !file.metadata()?.is_file() {
            let problem = "the lock beside it, PATH.lock, is not a regular file";
            return Err(io::Error::other(problem).into());
        }
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
            Ok(_) if word == WORD => Ended::WithJournal,
            _ => Ended::Suddenly,
        };
        Ok((Self { file, inode }, ended))
    }

    /// Notes that the store is being written to, before it is.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.file.rewind()?;
        self.file.set_len(0)?;
        self.file.write_all(WORD.as_bytes())?;
        self.file.sync_all()
    }

    /// Notes that the store was left in order.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.sync_all()
    }

    /// The file that is locked.
    pub(super) fn store(&self) -> FileId {
        self.inode.file()
    }

    /// Whether that has no name any more.
    pub(super) fn is_of_removed(&self) -> bool {
        self.inode.is_removed()
    }
}

/// How the last who had the lock ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    InOrder,
    Suddenly,
    /// Suddenly, and there was a journal with something in it.
    WithJournal,
}
