//! Binds the socket without replacing one that is in use.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, Flock, FlockArg};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, bind, getsockname, getsockopt, setsockopt, socket,
    sockopt::{self, PassCred},
};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Gid, Uid, fchownat};
use tracing::{debug, warn};

use super::place::{Inode, Place, SocketFile, may_change};
use crate::file_kind::file_kind;

/// The maximum length of a socket's path, in bytes: `sun_path` without its NUL. Snort truncates longer
/// ones, and sends to the truncated path.
const MAX_PATH: usize = 107;

/// How long to wait for another process that is binding a socket in the same directory.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// Who may write to the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketSettings {
    /// Permission bits.
    pub mode: u32,
    /// The socket's group. Without one, a socket that root binds gets owner and group of its
    /// directory, so that Snort's user can write to it.
    pub group: Option<u32>,
}

impl Default for SocketSettings {
    fn default() -> Self {
        Self { mode: 0o660, group: None }
    }
}

/// Why a socket can't be bound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The path doesn't fit into a socket's address.
    #[error("the path has {actual} bytes, but a socket's path has {MAX_PATH} at most")]
    PathTooLong {
        /// The path's length, in bytes.
        actual: usize,
    },
    /// The directory doesn't exist, or isn't a directory.
    #[error("no such directory")]
    NoDirectory,
    /// Creating files in the directory is not permitted.
    #[error("no permission to create files in the directory")]
    NoPermission,
    /// Another process listens on the path.
    #[error("another process already listens there")]
    InUse,
    /// Something else is at the path, and must not be removed.
    #[error("the path exists and is not an alert socket ({kind})")]
    Occupied {
        /// What it is.
        kind: &'static str,
    },
    /// The socket's group can't be set.
    #[error("cannot set the socket's group to {group}")]
    Group {
        /// The group's number.
        group: u32,
        /// The cause.
        source: io::Error,
    },
    /// A socket that was passed is of another type.
    #[error("it is not a Unix datagram socket")]
    NoDatagramSocket,
    /// A socket that was passed has no path, so Snort can't send to it.
    #[error("the socket has no path in the file system")]
    NoPath,
    /// Any other error of the system.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Errno> for BindError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::EACCES | Errno::EPERM | Errno::EROFS => Self::NoPermission,
            Errno::EADDRINUSE => Self::InUse,
            Errno::ENOENT | Errno::ENOTDIR => Self::NoDirectory,
            _ => Self::Io(errno.into()),
        }
    }
}

/// A bound socket, which is removed from the file system when this is dropped, unless another process bound
/// it and [passed](Self::passed) it to this one.
///
/// Invariants:
///
/// * Only this user can send before mode and group are set: the socket is bound with permissions for
///   this user only, and extended afterwards.
/// * Nothing that is in use is replaced: neither a socket with a listener, nor anything that isn't a
///   socket. A stale socket (left behind by a crash) is replaced.
/// * Two Pigears that start at once don't remove each other's socket: the directory is locked meanwhile.
/// * Only a socket that was bound here is removed, not what replaced it.
/// * The directory belongs to Snort's user, who isn't trusted: owner and mode are changed on the bound
///   socket, never through a path that could have become a link.
#[derive(Debug)]
pub struct Binding {
    socket: UnixDatagram,
    waker: UnixDatagram,
    path: PathBuf,
    place: Arc<Place>,
    origin: SocketOrigin,
    removal: Removal,
    /// The path was removed, or that was tried.
    is_unlinked: AtomicBool,
}

/// What becomes of the path in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Removal {
    /// It is to be removed.
    Wanted,
    /// The same, but the user may not do so, which was said.
    Unlikely,
}

/// Who bound a socket.
#[derive(Debug)]
enum SocketOrigin {
    /// This process, with these settings.
    Bound(SocketSettings),
    /// Another process, which also removes it. What wakes the reader arrives here: a datagram in the socket
    /// itself could be left to the next process.
    Passed { wake_ups: UnixDatagram },
}

impl Binding {
    /// Binds a socket that receives the sender of each datagram (`SO_PASSCRED`).
    ///
    /// # Errors
    /// If the socket can't be bound there safely, or its owner can't be set.
    pub fn new(path: &Path, settings: SocketSettings) -> Result<Self, BindError> {
        Self::bind(path, settings, LOCK_TIMEOUT)
    }

    /// The same, with a wait: if the lock is held, another process is binding there.
    pub(super) fn rebind(path: &Path, settings: SocketSettings) -> Result<Self, BindError> {
        Self::bind(path, settings, Duration::ZERO)
    }

    fn bind(path: &Path, settings: SocketSettings, wait: Duration) -> Result<Self, BindError> {
        let actual = path.as_os_str().len();
        if actual > MAX_PATH {
            return Err(BindError::PathTooLong { actual });
        }
        let dir = Self::directory_of(path);
        let _lock = lock(dir, wait)?;
        clear(path)?;
        let socket = bound_for_ourselves(path)?;
        let file = file_of(path)?;
        let waker = waker(&file)?;
        let opened = open_up(&file, dir, settings);
        let (socket, origin) = (socket.into(), SocketOrigin::Bound(settings));
        let (path, place) = (path.to_owned(), Arc::new(Place::File(file)));
        // From here on, dropping the binding removes the socket.
        let (removal, is_unlinked) = (Removal::Wanted, AtomicBool::new(false));
        let binding = Self { socket, waker, path, place, origin, removal, is_unlinked };
        opened.map(|()| binding)
    }

    /// A socket that another process bound and passed to this one, as systemd does. It gets the options of one
    /// that is bound here, and is never removed: what is sent while no process receives waits in it.
    ///
    /// # Errors
    /// If it isn't a datagram socket at a path, or the system refuses.
    pub fn passed(socket: UnixDatagram) -> Result<Self, BindError> {
        let socket = OwnedFd::from(socket);
        if getsockopt(&socket, sockopt::SockType)? != SockType::Datagram {
            return Err(BindError::NoDatagramSocket);
        }
        let address = getsockname::<UnixAddr>(socket.as_raw_fd());
        let address = address.map_err(|_| BindError::NoDatagramSocket)?;
        let path = address.path().ok_or(BindError::NoPath)?.to_owned();
        setsockopt(&socket, PassCred, &true)?;
        let socket = UnixDatagram::from(socket);
        socket.set_nonblocking(true)?;
        let (waker, wake_ups) = UnixDatagram::pair()?;
        waker.set_nonblocking(true)?;
        wake_ups.set_nonblocking(true)?;
        let place = Arc::new(Place::of_passed(&path));
        let origin = SocketOrigin::Passed { wake_ups };
        let (removal, is_unlinked) = (Removal::Wanted, AtomicBool::new(false));
        Ok(Self { socket, waker, path, place, origin, removal, is_unlinked })
    }

    pub(super) fn socket(&self) -> &UnixDatagram {
        &self.socket
    }

    /// The settings with which it can be bound again; `None` if another process bound it.
    pub(super) fn settings(&self) -> Option<SocketSettings> {
        match self.origin {
            SocketOrigin::Bound(settings) => Some(settings),
            SocketOrigin::Passed { .. } => None,
        }
    }

    /// Where wake-ups arrive, if not in the socket itself.
    pub(super) fn wake_ups(&self) -> Option<&UnixDatagram> {
        match &self.origin {
            SocketOrigin::Bound(_) => None,
            SocketOrigin::Passed { wake_ups } => Some(wake_ups),
        }
    }

    /// Whether another process bound it, and keeps what is sent while this one doesn't receive.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.wake_ups().is_some()
    }

    /// Where it was bound or passed.
    pub(super) fn place(&self) -> Arc<Place> {
        Arc::clone(&self.place)
    }

    pub(super) fn directory_of(path: &Path) -> &Path {
        path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// A duplicate of the socket whose datagrams wake the reader, whatever is at the path. It never blocks.
    pub(super) fn waker(&self) -> io::Result<UnixDatagram> {
        self.waker.try_clone()
    }

    /// The socket's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the socket's path, if it was bound here and still is this socket. Senders that have it open can
    /// still send. Does so once.
    pub fn unlink(&self) {
        if let Some(bound) = self.bound_path().filter(|_| !self.is_unlinked.swap(true, Relaxed)) {
            bound.remove();
        }
    }

    /// Whether the path will stay in the end, because the current user may not remove it. A failure to remove it is
    /// then not worth a warning. Call it after giving up privileges.
    pub fn stays(&mut self) -> bool {
        let stays = !self.is_passed() && !may_change(Self::directory_of(&self.path));
        if stays {
            self.removal = Removal::Unlikely;
        }
        stays
    }

    /// Whether it was said that the path [stays](Self::stays).
    pub(super) fn is_left(&self) -> bool {
        self.removal == Removal::Unlikely
    }

    /// The path, for what ends the process without dropping this; `None` if another process bound the socket.
    #[must_use]
    pub fn bound_path(&self) -> Option<BoundPath> {
        let inode = self.place.inode().filter(|_| !self.is_passed())?;
        Some(BoundPath { path: self.path.clone(), inode, removal: self.removal })
    }
}

/// The path of a socket that was bound here.
#[derive(Clone, Debug)]
pub struct BoundPath {
    path: PathBuf,
    inode: Inode,
    removal: Removal,
}

impl BoundPath {
    /// Removes the path, if it still is that of the socket.
    pub fn remove(&self) {
        let ours = |metadata: Metadata| Inode::of(&metadata) == self.inode;
        if fs::symlink_metadata(&self.path).is_ok_and(ours)
            && let Err(error) = fs::remove_file(&self.path)
        {
            let path = self.path.display();
            if self.removal == Removal::Unlikely {
                debug!("cannot remove {path}: {error}");
            } else {
                warn!("cannot remove {path}: {error}");
            }
        }
    }
}

impl AsFd for Binding {
    /// The bound socket, for callers that receive from it themselves.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Binding {
    fn drop(&mut self) {
        self.unlink();
    }
}

/// Locks the directory against other Pigears. If it can't be read, or the lock is held for too long, it
/// isn't locked; then only two Pigears that start at the same moment could interfere.
fn lock(dir: &Path, wait: Duration) -> Result<Option<Flock<File>>, BindError> {
    match File::open(dir) {
        Ok(handle) if handle.metadata()?.is_dir() => Ok(lock_in_time(handle, wait)),
        Ok(_) => Err(BindError::NoDirectory),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        Err(error) => Err(from_io(error)),
    }
}

fn lock_in_time(mut handle: File, wait: Duration) -> Option<Flock<File>> {
    let deadline = Instant::now() + wait;
    loop {
        match Flock::lock(handle, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Some(lock),
            Err((unlocked, Errno::EWOULDBLOCK)) if Instant::now() < deadline => handle = unlocked,
            Err(_) => return None,
        }
        thread::sleep(LOCK_TIMEOUT / 100);
    }
}

/// Removes a socket without a listener.
fn clear(path: &Path) -> Result<(), BindError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(from_io(error)),
    };
    if !metadata.file_type().is_socket() {
        return Err(BindError::Occupied { kind: file_kind(metadata.file_type()) });
    }
    match UnixDatagram::unbound()?.connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            debug!("removing the stale socket {}", path.display());
            fs::remove_file(path).map_err(from_io)
        }
        Err(error) if error.raw_os_error() == Some(Errno::EPROTOTYPE as i32) => {
            Err(BindError::Occupied { kind: "a stream socket" })
        }
        Err(error) => Err(from_io(error)),
        Ok(()) => Err(BindError::InUse),
    }
}

/// A socket bound with permissions for this user only. Linux takes them from the socket's own inode.
fn bound_for_ourselves(path: &Path) -> Result<OwnedFd, BindError> {
    let socket = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, PassCred, &true)?;
    fchmod(&socket, Mode::S_IWUSR)?;
    bind(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(socket)
}

/// The socket's file, whatever is at its path.
fn file_of(path: &Path) -> Result<SocketFile, BindError> {
    match SocketFile::open(path).map_err(from_io)? {
        Some(file) => Ok(file),
        None => Err(match fs::symlink_metadata(path) {
            Ok(metadata) => BindError::Occupied { kind: file_kind(metadata.file_type()) },
            Err(error) => from_io(error),
        }),
    }
}

fn open_up(file: &SocketFile, dir: &Path, settings: SocketSettings) -> Result<(), BindError> {
    let handle = file.handle();
    let metadata = handle.metadata()?;
    let (owner, group) = match settings.group {
        Some(group) => (None, Some(group)),
        None if Uid::effective().is_root() => {
            let dir = fs::metadata(dir)?;
            (Some(dir.uid()).filter(|&uid| uid != metadata.uid()), Some(dir.gid()))
        }
        None => (None, None),
    };
    let group = group.filter(|&gid| gid != metadata.gid());
    if owner.is_some() || group.is_some() {
        let ids = (owner.map(Uid::from_raw), group.map(Gid::from_raw));
        fchownat(handle.as_fd(), "", ids.0, ids.1, AtFlags::AT_EMPTY_PATH).map_err(|errno| {
            BindError::Group { group: group.unwrap_or_default(), source: errno.into() }
        })?;
    }
    fs::set_permissions(file.link(), Permissions::from_mode(settings.mode)).map_err(from_io)
}

fn waker(file: &SocketFile) -> Result<UnixDatagram, BindError> {
    let waker = UnixDatagram::unbound()?;
    waker.connect(file.link())?;
    waker.set_nonblocking(true)?;
    Ok(waker)
}

fn from_io(error: io::Error) -> BindError {
    match error.raw_os_error() {
        Some(errno) => Errno::from_raw(errno).into(),
        None => BindError::Io(error),
    }
}
