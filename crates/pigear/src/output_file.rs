//! Files that are written: replaced atomically, or appended to.
//!
//! A path is not always a regular file. A symbolic link is followed, and its target is replaced in its own
//! directory, so the link stays. A FIFO or a character device is written to, and never replaced, renamed or
//! waited for. Block devices, directories and sockets are refused.

use std::fs::{self, File, FileType, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::FlockArg;
use nix::libc::{O_NOCTTY, O_NONBLOCK};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::Uid;
use tracing::debug;

use crate::keys::FileMode;

/// Permissions of a new file with packets: those of the store.
pub(crate) const PRIVATE: u32 = 0o640;

/// The kernel's own limit of links.
const MAX_LINKS: usize = 40;

/// How long to wait for a slow reader of a FIFO, where the whole text must be written at once.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// The kind of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputKind {
    Regular,
    Fifo,
    /// A character device: a terminal, `/dev/null`.
    Device,
}

/// The FIFO has no reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is a named pipe without a reader")]
pub(crate) struct NoReader;

impl NoReader {
    pub(crate) fn is(error: &io::Error) -> bool {
        matches!(error.get_ref(), Some(error) if error.is::<Self>())
    }
}

impl From<NoReader> for io::Error {
    fn from(error: NoReader) -> Self {
        Self::other(error)
    }
}

/// Whether there was no room for what was written: there may be later.
pub(crate) fn has_no_room(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// A file that is open for appending.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) file: File,
    pub(crate) kind: OutputKind,
}

/// Opens a file for appending, or creates it with these permissions, by default [`PRIVATE`] as far as the
/// umask allows. Never blocks: a FIFO without a reader is the error [`NoReader`]. A file that a recording is written to is
/// refused.
pub(crate) fn append(path: &Path, mode: Option<FileMode>) -> io::Result<Output> {
    // The file may be created and removed between two calls, but not forever.
    for _ in 0..MAX_LINKS {
        let found = match fs::metadata(path) {
            Ok(metadata) => open_existing(path, kind(&metadata)?),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                create(&target(path)?, mode, OpenOptions::new().append(true))
                    .map(|file| Output { file, kind: OutputKind::Regular })
            }
            Err(error) => Err(error),
        };
        match found {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            found => return found.and_then(lock_shared),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// Locks a file while it is open: others may append to it, but a recording needs it for itself.
#[expect(deprecated, reason = "`Flock` would unlock it before it is closed")]
fn lock_shared(output: Output) -> io::Result<Output> {
    if output.kind == OutputKind::Regular {
        match nix::fcntl::flock(output.file.as_raw_fd(), FlockArg::LockSharedNonblock) {
            Err(Errno::EWOULDBLOCK) => {
                return Err(io::Error::new(
                    ErrorKind::ResourceBusy,
                    "a recording is written to it",
                ));
            }
            Err(error) => debug!("cannot lock a file: {error}"),
            Ok(()) => {}
        }
    }
    Ok(output)
}

fn open_existing(path: &Path, expected: OutputKind) -> io::Result<Output> {
    // Only for its error: the links of `/proc` can't be followed by their text.
    target(path)?;
    let opened = OpenOptions::new().append(true).custom_flags(O_NONBLOCK | O_NOCTTY).open(path);
    let file = opened.map_err(|error| match error.raw_os_error() {
        Some(nix::libc::ENXIO) if expected == OutputKind::Fifo => NoReader.into(),
        _ => error,
    })?;
    let kind = kind(&file.metadata()?)?;
    Ok(Output { file, kind })
}

/// Creates a file that must not exist yet. Configured permissions are set regardless of the umask.
pub(crate) fn create(
    path: &Path,
    mode: Option<FileMode>,
    options: &mut OpenOptions,
) -> io::Result<File> {
    let wanted = mode.map_or(PRIVATE, |mode| mode.0);
    let file = options.create_new(true).mode(wanted).open(path)?;
    if mode.is_some() {
        file.set_permissions(Permissions::from_mode(wanted))?;
    }
    Ok(file)
}

/// The kind of an output.
///
/// # Errors
/// If it can't be written to.
pub(crate) fn kind(metadata: &Metadata) -> io::Result<OutputKind> {
    let refused = |what: &str| Err(io::Error::new(ErrorKind::InvalidInput, what.to_owned()));
    match metadata.file_type() {
        kind if kind.is_file() => Ok(OutputKind::Regular),
        kind if kind.is_fifo() => Ok(OutputKind::Fifo),
        kind if kind.is_char_device() => Ok(OutputKind::Device),
        kind if kind.is_block_device() => refused("it is a block device; nothing is written to it"),
        kind if FileType::is_socket(&kind) => {
            refused("it is a socket; the handler `socket` sends to one")
        }
        _ => refused("it is a directory"),
    }
}

/// Whether to wait for the disk, so that a power failure leaves the file as it was or as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Never,
    #[cfg_attr(not(feature = "web"), expect(dead_code, reason = "the page's users are kept so"))]
    ForDisk,
}

/// Writes a whole file. A regular file is replaced atomically, so that a reader never sees half of it, and
/// keeps its permissions; a new one gets `mode`. Anything else is written to.
///
/// # Errors
/// If it can't be written; [`NoReader`] for a FIFO without a reader.
pub(crate) fn write_whole(path: &Path, mode: u32, text: &[u8]) -> io::Result<()> {
    write(path, mode, text, Waiting::Never)
}

/// The same, and waits for the disk: for what can't be had again.
///
/// # Errors
/// As with [`write_whole`].
#[cfg(feature = "web")]
pub(crate) fn write_durably(path: &Path, mode: u32, text: &[u8]) -> io::Result<()> {
    write(path, mode, text, Waiting::ForDisk)
}

fn write(path: &Path, mode: u32, text: &[u8], waiting: Waiting) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if kind(&metadata)? != OutputKind::Regular || is_of_a_process(path) => {
            let output = open_existing(path, kind(&metadata)?)?;
            write_in_time(&output.file, text)
        }
        Ok(old) => replace(&target(path)?, (mode, Some(&old)), text, waiting),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            replace(&target(path)?, (mode, None), text, waiting)
        }
        Err(error) => Err(error),
    }
}

/// Checks that a file can be written as a whole. Nothing is left behind, and a reader notices nothing.
///
/// # Errors
/// If it can't be.
pub(crate) fn check_whole(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if kind(&metadata)? != OutputKind::Regular || is_of_a_process(path) => Ok(()),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => tempfile::NamedTempFile::new_in(dir(&target(path)?)).map(drop),
    }
}

/// Whether the path leads to an open file of a process, such as `/dev/stdout`. Other processes may have that
/// file open too, and would keep writing to the replaced one.
fn is_of_a_process(path: &Path) -> bool {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        if path.starts_with("/proc") || path.starts_with("/dev/fd") {
            return true;
        }
        match fs::read_link(&path) {
            Ok(link) => path = dir(&path).join(link),
            Err(_) => return false,
        }
    }
    false
}

fn replace(
    path: &Path,
    (mode, old): (u32, Option<&Metadata>),
    text: &[u8],
    waiting: Waiting,
) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(dir(path))?;
    file.write_all(text)?;
    if let Some(old) = old {
        // Only root may change a file's owner.
        let _ = fchown(file.as_file(), Some(old.uid()), Some(old.gid()));
    }
    let mode = old.map_or(mode, Metadata::mode) & 0o777;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    if waiting == Waiting::ForDisk {
        file.as_file().sync_all()?;
    }
    file.persist(path)?;
    if waiting == Waiting::ForDisk { sync_dir(dir(path)) } else { Ok(()) }
}

/// Writes all, but waits only briefly for a slow reader.
fn write_in_time(mut file: &File, mut text: &[u8]) -> io::Result<()> {
    let deadline = Instant::now() + WRITE_TIMEOUT;
    while !text.is_empty() {
        match file.write(text) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => text = text.get(n..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Err(NoReader.into()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(io::Error::new(ErrorKind::TimedOut, "its reader does not keep up"));
                }
                let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
                // If this fails, so does the next write.
                let _ = poll(&mut [PollFd::new(file.as_fd(), PollFlags::POLLOUT)], left);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The path after following all symbolic links at its end; it need not exist.
///
/// # Errors
/// If there are too many links, or one is not safe to follow.
pub(crate) fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {
                if !is_safe(&metadata, dir(&path)) {
                    return Err(io::Error::new(
                        ErrorKind::PermissionDenied,
                        "it is a symbolic link of another user in a world-writable directory",
                    ));
                }
                path = dir(&path).join(fs::read_link(&path)?);
            }
            _ => return Ok(path),
        }
    }
    Err(io::Error::from_raw_os_error(nix::libc::ELOOP))
}

/// The kernel's rule for `fs.protected_symlinks`, whether that is set or not.
fn is_safe(link: &Metadata, dir: &Path) -> bool {
    const STICKY_AND_FOR_ALL: u32 = 0o1002;
    fs::metadata(dir).is_ok_and(|dir| {
        dir.mode() & STICKY_AND_FOR_ALL != STICKY_AND_FOR_ALL
            || [Uid::effective().as_raw(), dir.uid()].contains(&link.uid())
    })
}

/// The directory of a file.
pub(crate) fn dir(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Syncs the entries of a directory to the disk.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests;
