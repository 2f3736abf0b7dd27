//! Errors of a store.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::{fs, io};

use rusqlite::ErrorCode;

use super::layout::VERSION;
use super::moving;
use crate::descriptors::{MORE_DESCRIPTORS, is_of_descriptors, no_descriptors};
use crate::file_name::with_end;
use crate::shell_word::quoted;
use crate::visible::visible;

/// How many files SQLite has open for a store: the database, its journal, the journal's index, and for a moment its
/// directory.
const DESCRIPTORS: usize = 5;

/// A store can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{}", path.display())]
pub struct StoreError {
    /// The path of the store.
    pub path: PathBuf,
    /// The cause.
    pub source: StoreProblem,
}

/// Why a store can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreProblem {
    /// The file doesn't exist.
    #[error("there is no store")]
    Missing,
    /// The file is empty.
    #[error("there is no store: the file is empty")]
    Empty,
    /// It is a file of another kind.
    #[error("the file is not a Pigear store")]
    NotAStore,
    /// It was written by a newer version of Pigear.
    #[error("it has version {version}, but this Pigear supports only versions up to {VERSION}")]
    Newer {
        /// Its version.
        version: u32,
    },
    /// It was written by an older version of Pigear, and lacks what is needed.
    #[error("it was written by an older Pigear, and this needs version {needed} of it")]
    Older {
        /// The version that is needed.
        needed: u32,
    },
    /// A comment is empty or too long.
    #[error("a comment has 1 to {most} characters")]
    Comment {
        /// The most characters of a comment.
        most: usize,
    },
    /// A comment has a control character.
    #[error("a comment has no control characters other than line ends and tabs")]
    ControlCharacter,
    /// A comment is of somebody else.
    #[error("the comment is by {}, who may remove it", visible(by.as_bytes()))]
    CommentOfOther {
        /// Its author.
        by: String,
    },
    /// An alert has as many comments as it may have.
    #[error("alert {alert} has {most} comments already; remove one first")]
    TooManyCommentsOfAlert {
        /// The alert.
        alert: i64,
        /// The most comments of an alert.
        most: i64,
    },
    /// The comments would have more bytes than they may have.
    #[error("the comments of this store would have more than {most} bytes; remove some first")]
    TooManyComments {
        /// The most bytes of all comments.
        most: i64,
    },
    /// There are as many filters as there may be.
    #[error("there are {most} filters already; remove one first")]
    TooManyRules {
        /// The most filters.
        most: usize,
    },
    /// Another Pigear writes to it.
    #[error("another Pigear stores alerts there")]
    InUse,
    /// A running Pigear delivers from a lane that was to be removed.
    #[error("{} delivers from the lane {}", running(*process), visible(lane.as_bytes()))]
    LaneInUse {
        /// The lane.
        lane: String,
        /// The id of that Pigear's process, if it is known.
        process: Option<u32>,
    },
    /// It is damaged.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// Another program has it locked.
    #[error("another program has it locked")]
    Locked,
    /// A search was ended before it was done; see [`Reader::end_when`](super::Reader::end_when).
    #[error("the search takes too long")]
    Unfinished {
        /// Up to which id, from the search's start, alerts were checked.
        reached: i64,
    },
    /// The file or its directory can't be used.
    #[error("{0}")]
    Io(io::Error),
    /// The file can't be read, and was to be read only.
    #[error("{0}")]
    Unreadable(io::Error),
    /// Anything else.
    #[error("{0}")]
    Database(String),
}

fn running(process: Option<u32>) -> String {
    match process {
        Some(id) => format!("a running Pigear (process {id})"),
        None => "a running Pigear".to_owned(),
    }
}

impl StoreProblem {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Missing => "`pigear --store PATH` makes one",
            Self::Empty => "put a copy back, or start a Pigear that stores alerts there",
            Self::NotAStore => "it was not changed; give another path with --store",
            Self::Newer { .. } => "it was not changed; use the newer Pigear, or another path",
            Self::Older { .. } => {
                "start this Pigear with --store PATH once: it brings the store up to date"
            }
            Self::InUse => "stop it, or give another path with --store",
            Self::LaneInUse { .. } => {
                "nothing was changed; stop that Pigear, or take this handler out of its configuration and \
                reload it (SIGHUP), and then drop the lane"
            }
            Self::Damaged(_) => {
                "nothing was changed; move it away together with those of the files PATH-wal, PATH-shm and PATH.lock \
                that are there, and a new one is begun; `sqlite3 PATH .recover` saves what can be read of it"
            }
            Self::Locked => "wait until that program is done with it, or stop it",
            Self::Unfinished { .. } => {
                "search in a shorter span of time, or by signature, address or priority, which are indexed"
            }
            Self::Full => "free disk space, or limit the store with --keep-bytes",
            Self::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                "create the directory, or give another path with --store"
            }
            Self::Io(error) if error.kind() == io::ErrorKind::IsADirectory => {
                "give the path of a file, or move the directory away"
            }
            Self::Io(error) | Self::Unreadable(error) if is_of_descriptors(error) => {
                MORE_DESCRIPTORS
            }
            Self::Unreadable(_) => {
                "reading is enough: run it as a user who may read the file, such as the one that runs Pigear, or as \
                root"
            }
            Self::Io(_) => {
                "Pigear must be able to write the file and its directory; or give another path"
            }
            Self::Comment { .. }
            | Self::ControlCharacter
            | Self::CommentOfOther { .. }
            | Self::TooManyComments { .. }
            | Self::TooManyCommentsOfAlert { .. }
            | Self::TooManyRules { .. }
            | Self::Database(_) => return None,
        })
    }

    /// The same about the store at a path: with the line for a shell, where there is one.
    #[must_use]
    pub fn hint_at(&self, path: &Path) -> Option<Cow<'static, str>> {
        if !matches!(self, Self::Damaged(_)) {
            return self.hint().map(Cow::Borrowed);
        }
        let (line, moved) = (moving::moving_line(path, ""), quoted(&moving::moved_name(path)));
        let journal = with_end(path, "-wal");
        // A journal is read with whatever file is there.
        let is_empty = fs::metadata(&journal).map_or(true, |metadata| metadata.len() == 0);
        let of_another = (!is_empty).then(|| {
            format!(
                "; if the file was put there in the place of another one, {} may be the journal of that one: stop all \
                that have it open, and move that away instead",
                journal.display()
            )
        });
        Some(Cow::Owned(format!(
            "nothing was changed; this moves it away together with its journal, and a new one is begun: {line}; then \
            `sqlite3 {moved} .recover` saves what can be read of it{}",
            of_another.unwrap_or_default()
        )))
    }

    /// The same for who only reads: that asks for fewer rights.
    pub(super) fn in_reading(self) -> Self {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Self::Unreadable(error)
            }
            other => other,
        }
    }

    pub(super) fn at(self, path: impl Into<PathBuf>) -> StoreError {
        StoreError { path: path.into(), source: self }
    }
}

impl From<io::Error> for StoreProblem {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::StorageFull { Self::Full } else { Self::Io(error) }
    }
}

impl From<rusqlite::Error> for StoreProblem {
    fn from(error: rusqlite::Error) -> Self {
        let is_vague = matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure)
        );
        if let Some(cause) = is_vague.then(|| no_descriptors(DESCRIPTORS)).flatten() {
            return Self::Io(cause);
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(error.to_string()),
            Some(ErrorCode::NotADatabase) => Self::NotAStore,
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
                Self::Io(io::Error::new(io::ErrorKind::PermissionDenied, error.to_string()))
            }
            // Its text has the whole statement.
            _ => Self::Database(match error {
                rusqlite::Error::SqlInputError { msg, .. } => msg,
                error => error.to_string(),
            }),
        }
    }
}
