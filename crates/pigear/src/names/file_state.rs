use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What tells whether a file changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileState {
    Regular {
        modified: SystemTime,
        /// When its contents or its rights were last changed, in seconds and nanoseconds.
        changed: (i64, i64),
        len: u64,
    },
    Directory {
        /// When an entry came, went, or got another name.
        modified: SystemTime,
    },
    /// It can be read once only, so it never changes.
    Pipe,
    /// There is nothing that can be read as a file: nothing at all, or a directory.
    Absent,
}

impl FileState {
    /// The state of a file; of a directory it is absent.
    pub(crate) fn of(path: &Path) -> Self {
        match Self::of_any(path) {
            Self::Directory { .. } => Self::Absent,
            state => state,
        }
    }

    /// The state of a file or directory.
    pub(crate) fn of_any(path: &Path) -> Self {
        let Ok(metadata) = fs::metadata(path) else { return Self::Absent };
        let kind = metadata.file_type();
        match metadata.modified() {
            Ok(modified) if kind.is_dir() => Self::Directory { modified },
            Ok(modified) if kind.is_file() => Self::Regular {
                modified,
                changed: (metadata.ctime(), metadata.ctime_nsec()),
                len: metadata.len(),
            },
            _ if kind.is_dir() => Self::Absent,
            _ => Self::Pipe,
        }
    }

    /// When it was last changed.
    pub(crate) fn modified(self) -> Option<SystemTime> {
        match self {
            Self::Regular { modified, .. } | Self::Directory { modified } => Some(modified),
            Self::Pipe | Self::Absent => None,
        }
    }
}

/// A file with names, as it was before it was read.
#[derive(Clone, Debug)]
pub(crate) struct NameFile {
    pub(crate) path: PathBuf,
    pub(crate) state: FileState,
    /// Whether it was read. One that another file includes need not be there.
    pub(crate) is_read: bool,
}

impl NameFile {
    /// A file that is going to be read.
    pub(crate) fn now(path: &Path) -> Self {
        Self { path: path.to_owned(), state: FileState::of(path), is_read: true }
    }
}
