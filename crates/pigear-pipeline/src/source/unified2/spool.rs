use std::cmp::Reverse;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The files of one log: `BASE` itself, and `BASE.SECONDS`, of which Snort begins one whenever the
/// last is full.
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
    /// Bytes that it had when it was looked at.
    pub(super) length: u64,
    /// When it was last written: since 1970.
    pub(super) written: Duration,
    age: Age,
}

/// Which of a log's files is older: the lesser one.
///
/// That is when it was begun: since 1970. Where its name doesn't tell, when it was last written will do:
/// it is still being written, or was given another name when that ended. Among files of the same time,
/// logrotate gives the older one the higher number.
type Age = (Duration, Reverse<u64>);

/// Tells a file from all others, whatever they are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    pub(super) inode: u64,
    /// A new file may get the inode of one that is gone. Not every file system knows.
    born: Option<SystemTime>,
}

/// A path that names no log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// The path is a directory, which may hold many logs.
    #[error("{} is a directory; give the log's name too, such as {}", path.display(), path.join(example).display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// A name that would do.
        example: String,
    },
    /// The directory of the log can't be read.
    #[error("cannot read the directory {}", path.display())]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Spool {
    /// The log at a path: a directory and the log's name, which is what its files' names begin with.
    /// Files need not be there yet, but the directory must.
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

    /// The same, whether or not the directory is there.
    ///
    /// # Errors
    /// If the path names a directory.
    pub fn named(path: &Path) -> Result<Self, SpoolError> {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let dir = dir.unwrap_or(Path::new(".")).to_owned();
        match path.file_name().filter(|_| !path.is_dir()) {
            Some(base) => Ok(Self { dir, base: base.to_owned() }),
            None => Err(SpoolError::Directory { path: path.into(), example: example(path) }),
        }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The log, as a path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.join(&self.base)
    }

    /// Where to remember how far the log was read, unless that is given: beside the log.
    #[must_use]
    pub fn bookmark(&self) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(&self.base);
        name.push(".bookmark");
        self.dir.join(name)
    }

    /// The files that there are, oldest first.
    pub(super) fn files(&self) -> io::Result<Vec<SpoolFile>> {
        let mut files = self.all_files(|name| self.is_of_log(name))?;
        files.sort_by_key(|file| file.age);
        Ok(files)
    }

    /// The file of this inode, whatever it is called now.
    pub(super) fn file_of_inode(&self, inode: u64) -> io::Result<Option<SpoolFile>> {
        Ok(self.all_files(|_| true)?.into_iter().find(|file| file.id.inode == inode))
    }

    fn all_files(&self, wanted: impl Fn(&OsStr) -> bool) -> io::Result<Vec<SpoolFile>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            // It may be gone again.
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
        rest.is_some_and(|rest| rest.is_empty() || self.number(name).is_some())
    }

    /// When a file of this name was begun, if the name tells.
    pub(super) fn begun(&self, name: &OsStr) -> Option<Duration> {
        self.number(name).filter(|number| *number >= FIRST_TIME).map(Duration::from_secs)
    }

    /// The number behind the log's name.
    fn number(&self, name: &OsStr) -> Option<u64> {
        let rest = name.as_encoded_bytes().strip_prefix(self.base.as_encoded_bytes())?;
        let digits = rest.strip_prefix(b".").filter(|rest| rest.iter().all(u8::is_ascii_digit))?;
        str::from_utf8(digits).ok()?.parse().ok()
    }
}

/// Smaller numbers behind a log's name are no times: logrotate counts its files from 1.
const FIRST_TIME: u64 = 1_000_000_000;

/// What was written so shortly before is being written.
const JUST_NOW: Duration = Duration::from_secs(60);

impl SpoolFile {
    /// Whether this file was begun after one that was begun then.
    pub(super) fn is_begun_after(&self, begun: Duration) -> bool {
        self.age.0 > begun
    }

    /// Whether it was written just now, or after now: the clock may have been put back.
    pub(super) fn is_being_written(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.written + JUST_NOW >= now
    }

    /// Whether this file comes before another.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        self.age < other.age && self.written <= other.written
    }

    /// Of the file that is being written this is the greatest.
    pub(super) fn activity(&self) -> impl Ord + use<> {
        (self.written, self.age)
    }
}

/// When a file was last written: since 1970.
pub(super) fn written(metadata: &Metadata) -> Duration {
    let written = metadata.modified().unwrap_or(UNIX_EPOCH);
    written.duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl FileId {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { inode: metadata.ino(), born: metadata.created().ok() }
    }

    /// Whether no other file is ever taken for it.
    pub(super) fn is_unique(self) -> bool {
        self.born.is_some()
    }
}

/// A log's name in a directory: of one that is there, or else what Snort's manual calls it.
fn example(dir: &Path) -> String {
    let names = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
    names.retain(|name| {
        !name.starts_with('.') && (name.contains("unified2") || name.contains(".u2"))
    });
    names.sort();
    let name = names.into_iter().next().unwrap_or_else(|| "unified2.log".to_owned());
    match name.rsplit_once('.') {
        Some((base, stamp)) if stamp.parse::<u64>().is_ok() => base.to_owned(),
        _ => name,
    }
}
