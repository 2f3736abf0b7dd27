//! The file of a recording, which this process has for itself.
//!
//! It is locked, so that another Pigear doesn't take one that is still empty.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use nix::unistd::Uid;
use pigear_pipeline::recording::Writer;
use tracing::{debug, info, warn};

use crate::file_name::with_end;
use crate::keys::FileMode;
use crate::output_file;

/// The most names that are tried.
const MOST_NAMES: u32 = 10_000;

/// What happens if the file exists: a recording never replaces one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenTaken {
    Refuse,
    /// A program that is started again after a crash must receive.
    TakeFreeName,
}

/// The file of a recording.
pub(super) struct OwnFile {
    pub(super) path: PathBuf,
    pub(super) file: File,
    /// `None` where the file system has no locks.
    lock: Option<Flock<File>>,
    /// What it is in [`OPEN`].
    inode: Inode,
}

/// A device, and the number of a file there.
type Inode = (u64, u64);

/// The files of the recordings of this process.
static OPEN: Mutex<BTreeSet<Inode>> = Mutex::new(BTreeSet::new());

fn open() -> MutexGuard<'static, BTreeSet<Inode>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether there is a recording of this process without any alert so far.
pub(super) fn is_begun_here(path: &Path) -> bool {
    let found = fs::symlink_metadata(path);
    found.is_ok_and(|found| found.len() == 0 && open().contains(&(found.dev(), found.ino())))
}

impl OwnFile {
    /// Creates a file that must not exist yet, or be an empty one of this user's, with this name or, if that is wanted,
    /// the next free one.
    pub(super) fn create(
        path: &Path,
        mode: Option<FileMode>,
        when_taken: WhenTaken,
    ) -> io::Result<Self> {
        match Self::create_named(path, mode) {
            Err(error)
                if error.kind() == ErrorKind::AlreadyExists
                    && when_taken == WhenTaken::TakeFreeName
                    && fs::metadata(path).is_ok_and(|found| found.is_file()) => {}
            created => return created,
        }
        for number in 2..=MOST_NAMES {
            match Self::create_named(&numbered(path, number), mode) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                created => {
                    let created = created?;
                    let (path, free_name) = (path.display(), created.path.display());
                    warn!(
                        "{path} exists, and a recording never replaces a file: this one is {free_name}"
                    );
                    return Ok(created);
                }
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    fn create_named(path: &Path, mode: Option<FileMode>) -> io::Result<Self> {
        match output_file::create(path, mode, File::options().write(true)) {
            Ok(file) => {
                let own = Self::locked(path, file)?;
                // Another Pigear may have taken it before it was locked, and removed it.
                let is_removed = own.file.metadata()?.nlink() == 0;
                if is_removed { Self::create_named(path, mode) } else { Ok(own) }
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Self::take_empty(path, mode)?.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes what a run without any alert has left because it was killed: empty, this user's own, and with no other name
    /// or permissions than it gave. Others may be waiting to read the packets.
    fn take_empty(path: &Path, mode: Option<FileMode>) -> io::Result<Option<Self>> {
        let wanted = mode.map_or(output_file::PRIVATE, |mode| mode.0);
        let is_ours = |found: &Metadata| {
            found.is_file()
                && found.len() == 0
                && found.nlink() == 1
                && found.uid() == Uid::effective().as_raw()
                && found.mode() & 0o777 & !wanted == 0
        };
        if !fs::symlink_metadata(path).is_ok_and(|found| is_ours(&found)) {
            return Ok(None);
        }
        let flags = O_NOFOLLOW | O_NONBLOCK;
        let opened = File::options().write(true).custom_flags(flags).open(path);
        let Ok(file) = opened else { return Ok(None) };
        let Ok(own) = Self::locked(path, file) else { return Ok(None) };
        // Another Pigear may have written to it, or removed it, before it was locked.
        if own.lock.is_none() || !own.is_at_path() || !is_ours(&own.file.metadata()?) {
            return Ok(None);
        }
        debug!("{} is there, and empty: it is used again", path.display());
        Ok(Some(own))
    }

    /// Locks it. A file that another has locked is one that exists.
    fn locked(path: &Path, file: File) -> io::Result<Self> {
        let lock = match Flock::lock(file.try_clone()?, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Some(lock),
            Err((_, Errno::EWOULDBLOCK)) => return Err(ErrorKind::AlreadyExists.into()),
            Err((_, error)) => {
                debug!("cannot lock {}: {error}", path.display());
                None
            }
        };
        let found = file.metadata()?;
        let inode = (found.dev(), found.ino());
        open().insert(inode);
        Ok(Self { path: path.to_owned(), file, lock, inode })
    }

    /// What writes to it from its position.
    pub(super) fn writer(&self) -> io::Result<Writer> {
        Writer::new(self.file.try_clone()?, &self.path)
    }

    /// Whether there is something in it.
    pub(super) fn has_something(&self) -> bool {
        self.file.metadata().is_ok_and(|file| file.len() > 0)
    }

    /// Removes it, in which there is no alert.
    pub(super) fn remove_empty(&self) {
        let path = self.path.display();
        // What can't be removed may be taken by the next run.
        if let Err(error) = self.file.set_len(0) {
            debug!("cannot truncate {path}: {error}");
        } else if self.is_at_path() {
            match fs::remove_file(&self.path) {
                Ok(()) => info!("{path} had no alerts, and was removed"),
                Err(error) => debug!("cannot remove {path}, which is empty: {error}"),
            }
        }
    }

    /// Whether its path still leads to it.
    fn is_at_path(&self) -> bool {
        let identity = |found: io::Result<Metadata>| found.ok().map(|it| (it.dev(), it.ino()));
        let own = identity(self.file.metadata());
        own.is_some() && own == identity(fs::symlink_metadata(&self.path))
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        open().remove(&self.inode);
    }
}

/// The name with a number before the extension that compresses, or behind it.
fn numbered(path: &Path, number: u32) -> PathBuf {
    let extension = path.extension().filter(|extension| *extension == "gz" || *extension == "zst");
    let Some(extension) = extension else { return with_end(path, &format!(".{number}")) };
    let mut ending = OsString::from(format!("{number}."));
    ending.push(extension);
    path.with_extension(ending)
}

/// The path of a recording that goes on here if it exists, if this is such a name.
pub(crate) fn recorded_instead(path: &Path) -> Option<PathBuf> {
    let extension = path.extension().filter(|extension| *extension == "gz" || *extension == "zst");
    let stem = if extension.is_some() { path.with_extension("") } else { path.to_owned() };
    let number = stem.extension()?.to_str()?.parse().ok()?;
    let mut taken = stem.with_extension("").into_os_string();
    if let Some(extension) = extension {
        taken.push(".");
        taken.push(extension);
    }
    let taken = PathBuf::from(taken);
    ((2..=MOST_NAMES).contains(&number) && numbered(&taken, number) == path).then_some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_name_compresses_as_the_one_that_was_asked_for() {
        for (path, second) in [
            ("rec", "rec.2"),
            ("/x/a.rec", "/x/a.rec.2"),
            ("/x/a.rec.gz", "/x/a.rec.2.gz"),
            ("a.zst", "a.2.zst"),
            (".gz", ".gz.2"),
        ] {
            assert_eq!(numbered(Path::new(path), 2), Path::new(second), "{path}");
            assert_eq!(recorded_instead(Path::new(second)).as_deref(), Some(Path::new(path)));
            assert_eq!(recorded_instead(Path::new(path)), None);
        }
    }

    #[test]
    fn an_empty_file_is_taken_by_one_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rec");
        let create = || OwnFile::create(&path, None, WhenTaken::Refuse);
        let first = create().unwrap();
        assert_eq!(create().err().unwrap().kind(), ErrorKind::AlreadyExists);
        drop(first);
        let second = create().unwrap();
        second.remove_empty();
        assert!(!path.exists());
    }

    #[test]
    fn an_empty_file_to_which_another_handler_appends_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rec");
        let create = || OwnFile::create(&path, None, WhenTaken::Refuse);
        let other = output_file::append(&path, None).unwrap();
        assert_eq!(create().err().unwrap().kind(), ErrorKind::AlreadyExists);
        drop(other);
        let own = create().unwrap();
        assert_eq!(output_file::append(&path, None).unwrap_err().kind(), ErrorKind::ResourceBusy);
        drop(own);
        drop(output_file::append(&path, None).unwrap());
    }
}
