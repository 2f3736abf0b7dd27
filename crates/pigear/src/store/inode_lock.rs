//! A lock on a file under any name: a store may have several names, by links.
//!
//! It is a lock of an *open file description* (`F_OFD_SETLK`) on one byte of the database, far behind those
//! that `SQLite` locks, so that the two don't conflict, on network file systems too.
//!
//! `SQLite`'s own locks belong to the *process*, though: when a process closes any descriptor of a file, it loses
//! all its POSIX locks on that file, including those of open connections, and another process may then
//! remove the journal under them. So no descriptor that is opened here is closed while the file has a
//! name: it is kept for the next lock on the same file. Within a process the lock is an entry in that
//! list, and the file isn't opened a second time.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use super::error::StoreProblem;
use super::file_id::FileId;

/// The byte that is locked. Those of `SQLite` are around 1 GiB.
const LOCK_OFFSET: libc::off_t = 1 << 62;

/// The files that this process has ever locked.
static FILES: Mutex<BTreeMap<FileId, Entry>> = Mutex::new(BTreeMap::new());

struct Entry {
    /// More than one if the file was replaced while it was opened.
    files: Vec<File>,
    taken: bool,
}

/// The lock, until this is dropped.
#[derive(Debug)]
pub(super) struct InodeLock(FileId);

impl InodeLock {
    /// Locks the file at a path.
    pub(super) fn take(path: &Path) -> Result<Self, StoreProblem> {
        let mut files = files();
        let known = FileId::of(path)?.filter(|id| files.contains_key(id));
        let id = if let Some(id) = known {
            id
        } else {
            let file = OpenOptions::new().read(true).write(true).open(path)?;
            let id = FileId::from(file.metadata()?);
            let entry = files.entry(id).or_insert(Entry { files: Vec::new(), taken: false });
            entry.files.push(file);
            id
        };
        let Some(entry) = files.get_mut(&id).filter(|entry| !entry.taken) else {
            return Err(StoreProblem::InUse);
        };
        let Some(file) = entry.files.first() else { return Err(StoreProblem::InUse) };
        match set(file, libc::F_WRLCK) {
            Ok(()) => {}
            Err(Errno::EAGAIN | Errno::EACCES) => return Err(StoreProblem::InUse),
            Err(error) => return Err(io::Error::from(error).into()),
        }
        entry.taken = true;
        Ok(Self(id))
    }

    /// The file.
    pub(super) fn file(&self) -> FileId {
        self.0
    }

    /// Whether the file has no name any more.
    pub(super) fn is_removed(&self) -> bool {
        files().get(&self.0).is_some_and(Entry::is_removed)
    }
}

impl Drop for InodeLock {
    fn drop(&mut self) {
        let mut files = files();
        if let Some(entry) = files.get_mut(&self.0) {
            entry.taken = false;
            if let Some(file) = entry.files.first() {
                // Unlocking can't fail, and happens at the end of the process at the latest.
                let _ = set(file, libc::F_UNLCK);
            }
            // Without a name no other process can open it, and its space must be freed.
            if entry.is_removed() {
                files.remove(&self.0);
            }
        }
    }
}

impl Entry {
    fn is_removed(&self) -> bool {
        let links = self.files.first().and_then(|file| file.metadata().ok());
        links.is_some_and(|metadata| metadata.nlink() == 0)
    }
}

fn files() -> MutexGuard<'static, BTreeMap<FileId, Entry>> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn set(file: &File, kind: libc::c_int) -> nix::Result<()> {
    let lock = libc::flock {
        l_type: libc::c_short::try_from(kind).unwrap_or_default(),
        l_whence: libc::c_short::try_from(libc::SEEK_SET).unwrap_or_default(),
        l_start: LOCK_OFFSET,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_SETLK(&lock)).map(drop)
}
