use std::cmp::Reverse;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::input::special_kind;

/// The files of one log: `BASE` itself, and `BASE.SECONDS`, which Snort starts whenever the last one is
/// full. Files that were compressed since have `.gz` or `.zst` behind their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spool {
    dir: PathBuf,
    base: OsString,
}

/// One file of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SpoolFile {
    pub(super) name: OsString,
    pub(super) id: FileId,
    /// Its size in bytes when it was listed.
    pub(super) length: u64,
    /// Modification time: since 1970.
    pub(super) written: Duration,
    age: Age,
}

/// Orders the files of a log by age: the lesser one is older.
///
/// The time is the file's start, since 1970. If its name has no time, the modification time is used: the
/// file is still being written, or was renamed when that ended. Among files of the same time, logrotate
/// gives the older one the higher number.
type Age = (Duration, Reverse<u64>);

/// Identifies a file under any name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    pub(super) inode: u64,
    /// A new file may get the inode of a removed one. Some file systems have no creation time.
    born: Option<SystemTime>,
}

/// A path that is not a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// The path is a directory, which may have many logs.
    #[error("{} is a directory; give the log's name too, such as {}", path.display(), path.join(example).display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// An example of a name.
        example: String,
    },
    /// The path is a FIFO, a socket or a device.
    #[error(
        "{} is {kind}, not a regular file; give the path that Snort logs to, such as /var/log/snort/unified2.log",
        path.display()
    )]
    Special {
        /// The path.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// The directory of the log can't be read.
    #[error("cannot read the directory {}", path.display())]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl SpoolError {
    /// Whether the path names something else than a log.
    #[must_use]
    pub fn is_wrong_usage(&self) -> bool {
        match self {
            Self::Directory { .. } | Self::Special { .. } => true,
            Self::Unreadable { .. } => false,
        }
    }
}

impl Spool {
    /// The log at a path: a directory and the log's name, the prefix of its files' names. The files may
    /// be missing, but the directory must exist.
    ///
    /// # Errors
    /// If the path names a directory, or one that can't be read.
    pub fn at(path: &Path) -> Result<Self, SpoolError> {
        let spool = Self::named(path)?;
        match spool.files() {
            Ok(_) => Ok(spool),
            Err(source) => Err(SpoolError::Unreadable { path: spool.dir, source }),
        }
    }

    /// The same, but the directory may be missing.
    ///
    /// # Errors
    /// If the path names a directory, or something else that is not a file.
    pub fn named(path: &Path) -> Result<Self, SpoolError> {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let dir = dir.unwrap_or(Path::new(".")).to_owned();
        if let Ok(metadata) = fs::metadata(path)
            && let Some(kind) = special_kind(metadata.file_type())
        {
            return Err(SpoolError::Special { path: path.into(), kind });
        }
        match path.file_name().filter(|_| !path.is_dir()) {
            Some(base) => Ok(Self { dir, base: base.to_owned() }),
            None => Err(SpoolError::Directory { path: path.into(), example: example(path) }),
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The log's path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.join(&self.base)
    }

    /// The paths of its files, and the log's own, which need not exist.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        let files = self.files().unwrap_or_default();
        let found = files.into_iter().map(|file| self.dir.join(file.name));
        std::iter::once(self.path()).chain(found).collect()
    }

    /// Another log in its directory, if there is one.
    pub(crate) fn similar(&self) -> Option<PathBuf> {
        Some(self.dir.join(log_in(&self.dir)?)).filter(|path| *path != self.path())
    }

    /// The default path of the bookmark: beside the log.
    #[must_use]
    pub fn bookmark(&self) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(&self.base);
        name.push(".bookmark");
        self.dir.join(name)
    }

    /// The existing files, oldest first.
    pub(super) fn files(&self) -> io::Result<Vec<SpoolFile>> {
        let mut files = self.all_files(|name| self.is_of_log(name))?;
        files.sort_by_key(|file| file.age);
        Ok(files)
    }

    /// The file with this inode, whatever its name is now.
    pub(super) fn file_of_inode(&self, inode: u64) -> io::Result<Option<SpoolFile>> {
        Ok(self.all_files(|_| true)?.into_iter().find(|file| file.id.inode == inode))
    }

    fn all_files(&self, wanted: impl Fn(&OsStr) -> bool) -> io::Result<Vec<SpoolFile>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            // It may have been removed.
            if wanted(&name)
                && let Ok(metadata) = entry.metadata()
                && metadata.is_file()
            {
                files.push(self.file(name, &metadata));
            }
        }
        Ok(files)
    }

    fn file(&self, name: OsString, metadata: &Metadata) -> SpoolFile {
        let written = written(metadata);
        let age = match self.begun(&name) {
            Some(begun) => (begun, Reverse(0)),
            None if name == self.base => (written, Reverse(0)),
            None => (written, Reverse(self.number(&name).unwrap_or(u64::MAX))),
        };
        SpoolFile { name, id: FileId::of(metadata), length: metadata.len(), written, age }
    }

    pub(super) fn is_of_log(&self, name: &OsStr) -> bool {
        let base = self.base.as_encoded_bytes();
        let rest = name.as_encoded_bytes().strip_prefix(base);
        let is_base = |rest: &[u8]| rest.is_empty() || uncompressed(rest) == Some(&[]);
        rest.is_some_and(|rest| is_base(rest) || self.number(name).is_some())
    }

    /// The start time of a file with this name, if the name has one.
    pub(super) fn begun(&self, name: &OsStr) -> Option<Duration> {
        self.number(name).filter(|number| *number >= FIRST_TIME).map(Duration::from_secs)
    }

    /// The number after the log's name; the name of a compressed file has its ending behind it.
    fn number(&self, name: &OsStr) -> Option<u64> {
        let rest = name.as_encoded_bytes().strip_prefix(self.base.as_encoded_bytes())?;
        let rest = uncompressed(rest).unwrap_or(rest);
        let digits = rest.strip_prefix(b".").filter(|rest| rest.iter().all(u8::is_ascii_digit))?;
        str::from_utf8(digits).ok()?.parse().ok()
    }
}

/// A name without the ending of a compressed file, if it has one.
fn uncompressed(name: &[u8]) -> Option<&[u8]> {
    name.strip_suffix(b".gz").or_else(|| name.strip_suffix(b".zst"))
}

/// Smaller numbers after a log's name are not times: logrotate numbers its files from 1.
const FIRST_TIME: u64 = 1_000_000_000;

/// A file that was written this recently is still being written.
const ACTIVE_TIME: Duration = Duration::from_secs(60);

impl SpoolFile {
    /// Whether this file was started after the given time.
    pub(super) fn is_begun_after(&self, begun: Duration) -> bool {
        self.age.0 > begun
    }

    /// Whether it is still being written.
    pub(super) fn is_being_written(&self) -> bool {
        is_recent(self.written)
    }

    /// Whether its name is that of a compressed file.
    pub(super) fn is_compressed(&self) -> bool {
        uncompressed(self.name.as_encoded_bytes()).is_some()
    }

    /// Whether this file comes before another.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        self.age < other.age && self.written <= other.written
    }

    /// The file that is being written is the greatest.
    pub(super) fn activity(&self) -> impl Ord + use<> {
        (self.written, self.age)
    }
}

/// Whether this time, since 1970, was just now, or is in the future: the clock may have been set back.
pub(super) fn is_recent(written: Duration) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    written + ACTIVE_TIME >= now
}

/// The name of the file of which a file with this name is the compressed form.
pub(super) fn original(name: &OsStr) -> Option<&OsStr> {
    uncompressed(name.as_encoded_bytes()).map(OsStr::from_bytes)
}

/// Modification time: since 1970.
pub(super) fn written(metadata: &Metadata) -> Duration {
    let written = metadata.modified().unwrap_or(UNIX_EPOCH);
    written.duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl FileId {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { inode: metadata.ino(), born: metadata.created().ok() }
    }

    /// Whether this identifies the file with certainty.
    pub(super) fn is_unique(self) -> bool {
        self.born.is_some()
    }
}

/// A log's name in a directory: an existing one, or else the name in Snort's manual.
fn example(dir: &Path) -> String {
    log_in(dir).unwrap_or_else(|| "unified2.log".to_owned())
}

/// The name of a log in a directory, as far as names show it.
fn log_in(dir: &Path) -> Option<String> {
    let names = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
    names.retain(|name| {
        !name.starts_with('.') && (name.contains("unified2") || name.contains(".u2"))
    });
    names.sort();
    let name = names.into_iter().next()?;
    Some(match name.rsplit_once('.') {
        Some((base, stamp)) if stamp.parse::<u64>().is_ok() => base.to_owned(),
        _ => name,
    })
}
