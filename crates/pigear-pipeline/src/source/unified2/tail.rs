use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use pigear_alert::unified2::{self, Record, RecordError};

use super::place::Head;
use super::spool::{self, FileId};

/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;

/// No more bytes than these don't make a record.
const MAX_PENDING: usize = 256 << 10;

/// One file of a log that may still grow.
pub(super) struct Tail {
    file: File,
    /// It has this length for good: clearing it whenever more is read would take longer than reading.
    buffer: Vec<u8>,
    /// So many bytes of it were read.
    filled: usize,
    /// Where in the buffer the next record begins.
    next: usize,
    /// Where in the file the buffer begins.
    start: u64,
    /// What the file began with, as far as it was read.
    head: Head,
    damage: Option<Damage>,
}

/// Bytes that are no record.
#[derive(Debug, PartialEq)]
pub(super) struct Damage {
    pub(super) offset: u64,
    pub(super) bytes: usize,
    pub(super) error: RecordError,
}

/// What reading more of a file brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grown {
    /// By so many bytes.
    More(u64),
    AtEnd,
    /// The file is shorter than what was read of it, or begins with something else: somebody began it
    /// anew.
    BegunAnew,
}

/// What stands at the next place of a file.
#[derive(Debug, PartialEq)]
pub(super) enum Found<'a> {
    Record(Record<'a>),
    /// Bytes that are no record, up to here.
    Damage(Damage),
    /// Bytes that are no record, and maybe more of them.
    PassedBy,
    /// What there is was read.
    Nothing,
}

impl Tail {
    /// A file that began with `head` when `offset` was chosen; what isn't known of that is read. Also says
    /// which file it is.
    pub(super) fn new(mut file: File, offset: u64, head: Head) -> io::Result<(Self, FileId)> {
        file.seek(SeekFrom::Start(offset))?;
        let id = FileId::of(&file.metadata()?);
        let head = if head.tells() { head.up_to(offset) } else { Head::of(&file, offset)? };
        let buffer = vec![0; MAX_PENDING + CHUNK];
        let tail = Self { file, buffer, filled: 0, next: 0, start: offset, head, damage: None };
        Ok((tail, id))
    }

    /// Where in the file the next record begins.
    pub(super) fn offset(&self) -> u64 {
        self.start + self.next as u64
    }

    /// Bytes that were read, and don't make a record yet.
    pub(super) fn pending(&self) -> usize {
        self.filled - self.next
    }

    /// What the file began with, as far as it was read.
    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// When the file was last written: since 1970.
    pub(super) fn written(&self) -> io::Result<Duration> {
        Ok(spool::written(&self.file.metadata()?))
    }

    /// Goes on to the next record, and returns it.
    pub(super) fn next(&mut self) -> Found<'_> {
        let rest = self.buffer.get(self.next..self.filled).unwrap_or_default();
        match unified2::read(rest) {
            Ok(Some((record, length))) => {
                if let Some(damage) = self.damage.take() {
                    return Found::Damage(damage);
                }
                self.next += length;
                Found::Record(record)
            }
            Ok(None) => Found::Nothing,
            Err(error) => {
                let offset = self.start + self.next as u64;
                let behind = rest.get(1..).unwrap_or_default();
                let bytes = 1 + unified2::find(behind).unwrap_or_else(|given_up| given_up);
                self.damage.get_or_insert(Damage { offset, bytes: 0, error }).bytes += bytes;
                self.next += bytes;
                Found::PassedBy
            }
        }
    }

    /// What was passed by, as far as that is known yet.
    pub(super) fn take_damage(&mut self) -> Option<Damage> {
        self.damage.take()
    }

    /// Reads more of the file. Of one that was begun anew, what was read just now doesn't count: it may be
    /// from before that or after.
    pub(super) fn grow(&mut self) -> io::Result<Grown> {
        let end = self.start + self.filled as u64;
        self.buffer.copy_within(self.next..self.filled, 0);
        self.start += self.next as u64;
        (self.filled, self.next) = (self.pending(), 0);
        let read = loop {
            match self
                .file
                .read(self.buffer.get_mut(self.filled..self.filled + CHUNK).unwrap_or_default())
            {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        let fresh = self.buffer.get(self.filled..self.filled + read).unwrap_or_default();
        // Of the bytes that were read, not of what may stand there by now.
        let known = self.head.followed_by(fresh, end);
        let end = end + read as u64;
        let head = Head::of(&self.file, end)?;
        if !head.begins_with(&known) || self.file.metadata()?.len() < end {
            return Ok(Grown::BegunAnew);
        }
        self.filled += read;
        self.head = head;
        Ok(if read > 0 { Grown::More(read as u64) } else { Grown::AtEnd })
    }
}
