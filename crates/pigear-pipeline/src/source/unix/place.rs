//! Where a socket is in the file system, and whether it is still there.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, AtFlags, OFlag};
use nix::sys::stat::Mode;
use nix::unistd::{AccessFlags, faccessat};

/// Identifies a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inode(u64, u64);

impl Inode {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self(metadata.dev(), metadata.ino())
    }
}

/// Where a socket was when it was bound or passed.
#[derive(Debug)]
pub(super) enum Place {
    /// There.
    File(SocketFile),
    /// Nowhere: no open socket is at the path of a socket that was passed. If one is, it is taken for that one.
    Nowhere,
    /// This process may not look.
    Closed,
}

/// Whether a socket is at its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    There,
    Gone,
    /// This process may not look.
    Unknown,
}

/// The file of a socket. As long as it is open, no other file gets its inode.
#[derive(Debug)]
pub(super) struct SocketFile {
    handle: File,
    inode: Inode,
    /// The kernel's name of it, which changes if it or a directory above is moved or removed.
    name: Option<PathBuf>,
}

impl Place {
    /// The place of a socket that another process bound to this path, and that is open.
    pub(super) fn of_passed(path: &Path) -> Self {
        match SocketFile::open(path) {
            Ok(Some(file)) if !has_no_listener(path) => Self::File(file),
            Ok(_) => Self::Nowhere,
            Err(error) if is_nothing(&error) => Self::Nowhere,
            Err(_) => Self::Closed,
        }
    }

    pub(super) fn inode(&self) -> Option<Inode> {
        match self {
            Self::File(file) => Some(file.inode),
            Self::Nowhere | Self::Closed => None,
        }
    }

    /// Whether the socket is at its path.
    pub(super) fn presence(&self, path: &Path) -> Presence {
        match self {
            Self::Nowhere => Presence::Gone,
            Self::Closed => Presence::Unknown,
            Self::File(file) => match fs::symlink_metadata(path) {
                Ok(found) if Inode::of(&found) == file.inode => Presence::There,
                Ok(_) => Presence::Gone,
                Err(error) if is_nothing(&error) => Presence::Gone,
                // After giving up privileges, it may not look at the path; but it has the file.
                Err(_) if file.was_moved() => Presence::Gone,
                Err(_) => Presence::There,
            },
        }
    }
}

impl SocketFile {
    /// Opens the socket at a path, which is never followed; `None` if something else is there.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        let handle = File::from(open_path(path)?);
        let metadata = handle.metadata()?;
        if !metadata.file_type().is_socket() {
            return Ok(None);
        }
        let mut file = Self { handle, inode: Inode::of(&metadata), name: None };
        file.name = fs::read_link(file.link()).ok();
        Ok(Some(file))
    }

    pub(super) fn handle(&self) -> &File {
        &self.handle
    }

    /// A handle opened with `O_PATH` can't be given a mode or be connected to, but this link in /proc can.
    pub(super) fn link(&self) -> String {
        format!("/proc/self/fd/{}", self.handle.as_raw_fd())
    }

    /// Whether it is no longer where it was, which needs no permission to look there.
    fn was_moved(&self) -> bool {
        let is_removed = self.handle.metadata().is_ok_and(|metadata| metadata.nlink() == 0);
        let name = fs::read_link(self.link()).ok();
        is_removed || name.is_some() && name != self.name
    }
}

fn open_path(path: &Path) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    nix::fcntl::open(path, flags, Mode::empty())
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether it is a socket that no process has open.
fn has_no_listener(path: &Path) -> bool {
    let connected = UnixDatagram::unbound().and_then(|socket| socket.connect(path));
    connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// Whether the effective user may create and remove files in a directory.
pub(super) fn may_change(dir: &Path) -> bool {
    let access = AccessFlags::W_OK | AccessFlags::X_OK;
    faccessat(AT_FDCWD, dir, access, AtFlags::AT_EACCESS).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// A directory with a socket.
    fn bound() -> (tempfile::TempDir, PathBuf, UnixDatagram) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("snort_alert");
        let socket = UnixDatagram::bind(&path).unwrap();
        (dir, path, socket)
    }

    #[test]
    fn a_file_that_is_moved_or_removed_is_noticed_without_its_path() {
        let (dir, path, _socket) = bound();
        let file = SocketFile::open(&path).unwrap().unwrap();
        assert!(!file.was_moved());
        fs::rename(&path, dir.path().join("other")).unwrap();
        assert!(file.was_moved());
        fs::rename(dir.path().join("other"), &path).unwrap();
        assert!(!file.was_moved());
        fs::remove_file(&path).unwrap();
        assert!(file.was_moved());
    }

    #[test]
    fn what_is_at_the_path_of_a_passed_socket_need_not_be_that_socket() {
        let (_dir, path, socket) = bound();
        assert_eq!(Place::of_passed(&path).presence(&path), Presence::There);
        drop(socket);
        assert_eq!(Place::of_passed(&path).presence(&path), Presence::Gone, "without a listener");
        fs::remove_file(&path).unwrap();
        assert_eq!(Place::of_passed(&path).presence(&path), Presence::Gone, "nothing");
        fs::write(&path, "").unwrap();
        assert_eq!(Place::of_passed(&path).presence(&path), Presence::Gone, "a file");
    }
}
