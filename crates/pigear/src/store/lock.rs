//! The exclusive right to write alerts.
//!
//! The writer locks the database itself (`inode_lock.rs`), so that the name by which it was opened
//! doesn't matter, and the file `PATH.lock` beside it, as earlier Pigears do. While the store is in use
//! that file has a word in it. So the next writer knows whether to check for damage first, and whether
//! there must be a journal.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc::O_NOFOLLOW;
use nix::sys::stat::{major, minor};
use nix::unistd::Uid;

use super::connect::beside_path;
use super::error::StoreProblem;
use super::file_id::FileId;
use super::inode_lock::InodeLock;
use super::layout::MODE;
use crate::kernel_table;

/// The contents of the file while the store is in use. Earlier Pigears wrote only the first two words.
const IN_USE: &str = "in use, with a journal\n";

/// The same where the file that is in use isn't at its path any more: how another there was closed is not known.
const LEFT: &str = "in use\n";

/// The exclusive right to write alerts, until this is dropped.
pub(super) struct Lock {
    file: Flock<File>,
    inode: InodeLock,
}

impl Lock {
    /// Takes the lock of an existing store, and tells how its last holder ended.
    pub(super) fn take(store: &Path) -> Result<(Self, Ended), StoreProblem> {
        let inode = InodeLock::take(store)?;
        let file = open(&beside_path(store, ".lock"), store)?;
        let mut file = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(
            |(_, error)| match error {
                Errno::EAGAIN => StoreProblem::InUse,
                error => io::Error::from(error).into(),
            },
        )?;
        let mut word = String::new();
        // A word that can't be read counts as present.
        let ended = match file.read_to_string(&mut word) {
            Ok(0) => Ended::InOrder,
            Ok(_) if word == IN_USE => Ended::WithJournal,
            _ => Ended::Suddenly,
        };
        Ok((Self { file, inode }, ended))
    }

    /// Records that the store is in use, before anything is written.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.write(IN_USE)
    }

    /// Gives up the lock of a file that isn't at its path any more. One that is there is to be checked for damage, and
    /// that it has no journal doesn't mean anything.
    pub(super) fn leave(mut self) -> io::Result<()> {
        self.write(LEFT)
    }

    fn write(&mut self, word: &str) -> io::Result<()> {
        self.file.rewind()?;
        self.file.set_len(0)?;
        self.file.write_all(word.as_bytes())?;
        self.file.sync_all()
    }

    /// Records that the store was closed cleanly.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.sync_all()
    }

    /// The file that is locked.
    pub(super) fn store(&self) -> FileId {
        self.inode.file()
    }

    /// Whether the locked file has no name any more.
    pub(super) fn is_of_removed(&self) -> bool {
        self.inode.is_removed()
    }
}

/// Opens the file of the lock. Its contents are replaced, so a link, which another user may have put there, is not
/// followed. As SQLite's files beside the store, it belongs to the store's owner, also where root was the first to use
/// it: Pigear's user could not open it otherwise.
fn open(path: &Path, store: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(MODE);
    match options.custom_flags(O_NOFOLLOW).open(path) {
        Ok(file) if file.metadata()?.is_file() => {
            if Uid::effective().is_root() {
                belong_to_owner(&file, &fs::metadata(store)?)?;
            }
            Ok(file)
        }
        Err(error) if error.raw_os_error() != Some(Errno::ELOOP as i32) => Err(error),
        _ => Err(io::Error::other("the lock beside it, PATH.lock, is not a regular file")),
    }
}

/// Gives a file of root's to the store's owner. One that has something in it, or another name, may be another file that
/// was placed there.
fn belong_to_owner(file: &File, store: &Metadata) -> io::Result<()> {
    let found = file.metadata()?;
    if found.uid() == 0 && store.uid() != 0 && found.len() == 0 && found.nlink() == 1 {
        fchown(file, Some(store.uid()), Some(store.gid()))?;
    }
    Ok(())
}

/// A process that has the lock of a store.
pub(super) struct Holder {
    /// Its id, where that is known.
    pub(super) process: Option<u32>,
}

/// The process that has the lock of an existing store, if one has it.
pub(super) fn holder(store: &Path) -> Result<Option<Holder>, StoreProblem> {
    match Lock::take(store) {
        Ok(_) => Ok(None),
        Err(StoreProblem::InUse) => {
            Ok(Some(Holder { process: process_of(&beside_path(store, ".lock")) }))
        }
        Err(problem) => Err(problem),
    }
}

/// The process that locks a file, as Linux lists it.
pub(super) fn process_of(path: &Path) -> Option<u32> {
    let locked = fs::metadata(path).ok()?;
    kernel_table::look(Path::new("/proc/locks"), |locks| holder_among(locks, &locked)).ok()?
}

fn holder_among(locks: &str, locked: &Metadata) -> Option<u32> {
    let (inode, device) = (locked.ino().to_string(), locked.dev());
    let device = format!("{:02x}:{:02x}", major(device), minor(device));
    locks.lines().find_map(|line| {
        // Such as `3: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF`.
        let [_, "FLOCK", _, _, process, file, ..] = line.split_whitespace().collect::<Vec<_>>()[..]
        else {
            return None;
        };
        let process = process.parse().ok().filter(|process| *process != 0)?;
        // Some file systems list another device than the file's. Others have files with the same number.
        let is_it = file.rsplit_once(':').is_some_and(|(on, number)| {
            number == inode && (on == device || has_open(process, locked))
        });
        is_it.then_some(process)
    })
}

/// Whether a process has this file open, as far as that may be seen.
fn has_open(process: u32, file: &Metadata) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{process}/fd")) else { return false };
    let mut open = descriptors.flatten().filter_map(|open| fs::metadata(open.path()).ok());
    open.any(|open| (open.dev(), open.ino()) == (file.dev(), file.ino()))
}

/// How the last holder of the lock ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    InOrder,
    Suddenly,
    /// Without closing the store; there was a journal that was not empty.
    WithJournal,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::{process, thread};

    use super::*;

    #[test]
    fn who_locks_another_file_with_the_same_number_is_not_its_holder() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let locked = file.as_file().metadata().unwrap();
        let (device, inode) = (locked.dev(), locked.ino());
        let lock = |process, minor| {
            let on = format!("{:02x}:{minor:02x}", major(device));
            format!("1: FLOCK  ADVISORY  WRITE {process} {on}:{inode} 0 EOF\n")
        };
        // A process that there isn't, and this one, which has the file open.
        let (stranger, this) = (u32::MAX, std::process::id());
        let elsewhere = minor(device) + 1;
        let locks = |of: &[String]| holder_among(&of.concat(), &locked);
        assert_eq!(locks(&[lock(stranger, elsewhere)]), None);
        assert_eq!(locks(&[lock(stranger, minor(device))]), Some(stranger));
        assert_eq!(locks(&[lock(stranger, elsewhere), lock(this, elsewhere)]), Some(this));
    }

    /// The kernel's table lists locks by their place in it, which changes while others come and go.
    #[test]
    fn holders_are_found_while_others_lock_and_unlock() {
        let room = tempfile::tempdir().unwrap();
        let lock = |name: &str| {
            let file = File::create(room.path().join(name)).unwrap();
            Flock::lock(file, FlockArg::LockExclusiveNonblock).unwrap()
        };
        let names: Vec<_> = (0..300).map(|n| n.to_string()).collect();
        let _held: Vec<_> = names.iter().map(|name| lock(name)).collect();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    drop([lock("a"), lock("b"), lock("c"), lock("d"), lock("e")]);
                }
            });
            let is_missed =
                |name: &&String| process_of(&room.path().join(name)) != Some(process::id());
            let missed = names.iter().filter(is_missed).count();
            done.store(true, Ordering::Relaxed);
            assert_eq!(missed, 0);
        });
    }
}
