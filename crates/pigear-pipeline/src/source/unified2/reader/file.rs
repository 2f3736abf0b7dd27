//! The files that a reader reads, and where it left them.

use std::fs::{File, Metadata};
use std::sync::Arc;
use std::time::Duration;

use crate::source::unified2::place::{FileName, Head, Place};
use crate::source::unified2::set_aside::SetAside;
use crate::source::unified2::spool::{self, SpoolFile};
use crate::source::unified2::tail::Tail;

/// The file that is being read.
pub(super) struct Open {
    pub(super) file: Arc<FileName>,
    pub(super) tail: Tail,
    /// It could not be read before, and may still be unreadable.
    pub(super) trouble: Option<SetAside>,
    /// Where to continue after it, for a file that was set aside.
    pub(super) detour: Option<Detour>,
}

/// Where a reader interrupted the sequence of files to read one that was set aside.
#[derive(Clone, Debug)]
pub(super) struct Detour {
    pub(super) place: Place,
    pub(super) begun: Duration,
}

/// A position in a file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FilePosition {
    pub(super) head: Head,
    /// Where the next record begins.
    pub(super) offset: u64,
    /// Where its known part ends.
    pub(super) end: u64,
}

/// The next file to read.
pub(super) struct NextFile {
    pub(super) file: Arc<FileName>,
    pub(super) opened: File,
    /// What it began with when the offset was chosen, as far as that is known.
    pub(super) head: Head,
    pub(super) offset: u64,
    pub(super) trouble: Option<SetAside>,
    /// Whether it comes before the last file, to which reading then returns.
    pub(super) is_detour: bool,
}

/// A file's state when it was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FoundFile {
    pub(super) length: u64,
    /// Modification time: since 1970.
    pub(super) written: Duration,
}

impl FoundFile {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { length: metadata.len(), written: spool::written(metadata) }
    }
}

impl From<&SpoolFile> for FoundFile {
    fn from(file: &SpoolFile) -> Self {
        Self { length: file.length, written: file.written }
    }
}

impl Open {
    pub(super) fn place(&self) -> Place {
        let (offset, head) = (self.tail.offset(), self.tail.head());
        Place { file: Arc::clone(&self.file), offset, head }
    }

    pub(super) fn left(&self) -> FilePosition {
        let offset = self.tail.offset();
        let end = self.tail.compressed_length().unwrap_or(offset + self.tail.pending() as u64);
        FilePosition { head: self.tail.head(), offset, end }
    }
}
