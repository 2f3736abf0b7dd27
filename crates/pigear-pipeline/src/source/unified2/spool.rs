use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

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
    /// Tells the file from another of the same name.
    pub(super) inode: u64,
    /// Bytes that it had when it was looked at.
    pub(super) length: u64,
    age: Age,
}

/// Which of a log's files is older.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    /// Begun at this time: seconds since 1970.
    Begun(u64),
    /// Without a time in its name: still being written.
    Current,
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
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let dir = dir.unwrap_or(Path::new(".")).to_owned();
        let Some(base) = path.file_name().filter(|_| !path.is_dir()) else {
            return Err(SpoolError::Directory { path: path.into(), example: example(path) });
        };
        let spool = Self { dir, base: base.to_owned() };
        match spool.files() {
            Ok(_) => Ok(spool),
            Err(source) => Err(SpoolError::Unreadable { path: spool.dir, source }),
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

    /// The files that there are, oldest first. `BASE` itself is still being written, and so the last.
    pub(super) fn files(&self) -> io::Result<Vec<SpoolFile>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(age) = self.age(&name) else { continue };
            // It may be gone again.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_file() {
                let (inode, length) = (metadata.ino(), metadata.len());
                files.push(SpoolFile { name, inode, length, age });
            }
        }
        files.sort_by_key(|file| file.age);
        Ok(files)
    }

    /// `None` if the file is none of this log.
    fn age(&self, name: &OsStr) -> Option<Age> {
        let rest = name.as_encoded_bytes().strip_prefix(self.base.as_encoded_bytes())?;
        match rest.strip_prefix(b".") {
            None => rest.is_empty().then_some(Age::Current),
            Some(digits) => str::from_utf8(digits).ok()?.parse().ok().map(Age::Begun),
        }
    }
}

impl SpoolFile {
    /// Whether this file was begun after one of that name.
    pub(super) fn is_newer_than(&self, name: &OsStr, spool: &Spool) -> bool {
        spool.age(name).is_some_and(|age| self.age > age)
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
