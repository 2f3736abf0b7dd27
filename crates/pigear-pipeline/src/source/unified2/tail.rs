use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};

use pigear_alert::unified2::{self, Record, RecordError};

use super::bookmark::Position;

/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;

/// One file of a log that may still grow.
pub(super) struct Tail {
    file: File,
    buffer: Vec<u8>,
    /// Where in the buffer the next record begins.
    next: usize,
    /// Where in the file the buffer begins.
    start: u64,
}

/// What reading more of a file brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grown {
    /// By so many bytes.
    More(u64),
    AtEnd,
    /// The file is shorter than what was read of it: somebody began it anew.
    BegunAnew,
}

/// What stands at the next place of a file.
#[derive(Debug, PartialEq)]
pub(super) enum Found<'a> {
    Record(Record<'a>),
    /// Bytes that are no record.
    Damage {
        offset: u64,
        bytes: usize,
        error: RecordError,
    },
    /// What there is was read.
    Nothing,
}

impl Tail {
    pub(super) fn new(mut file: File, offset: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self { file, buffer: Vec::new(), next: 0, start: offset })
    }

    /// Where in the file the next record begins.
    pub(super) fn offset(&self) -> u64 {
        self.start + self.next as u64
    }

    /// Bytes that were read, and don't make a record yet.
    pub(super) fn pending(&self) -> usize {
        self.buffer.len() - self.next
    }

    /// What the file begins with, as far as it lies before `offset`.
    pub(super) fn head(&self, offset: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(offset).unwrap_or(usize::MAX).min(Position::HEAD);
        let mut head = vec![0; length];
        // Less, if the file was begun anew meanwhile.
        let read = self.file.read_at(&mut head, 0)?;
        head.truncate(read);
        Ok(head)
    }

    pub(super) fn inode(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.ino())
    }

    /// Goes on to the next record, and returns it.
    pub(super) fn next(&mut self) -> Found<'_> {
        let rest = self.buffer.get(self.next..).unwrap_or_default();
        match unified2::read(rest) {
            Ok(Some((record, length))) => {
                self.next += length;
                Found::Record(record)
            }
            Ok(None) => Found::Nothing,
            Err(error) => {
                let offset = self.offset();
                let behind = rest.get(1..).unwrap_or_default();
                let bytes = 1 + unified2::find(behind).unwrap_or_else(|given_up| given_up);
                self.next += bytes;
                Found::Damage { offset, bytes, error }
            }
        }
    }

    /// Reads more of the file.
    pub(super) fn grow(&mut self) -> io::Result<Grown> {
        let end = self.start + self.buffer.len() as u64;
        self.buffer.drain(..self.next);
        self.start += self.next as u64;
        self.next = 0;
        let length = self.buffer.len();
        self.buffer.resize(length + CHUNK, 0);
        let read = loop {
            match self.file.read(self.buffer.get_mut(length..).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer.truncate(length + read.as_ref().copied().unwrap_or(0));
        let read = read?;
        if read > 0 {
            return Ok(Grown::More(read as u64));
        }
        Ok(if self.file.metadata()?.len() < end { Grown::BegunAnew } else { Grown::AtEnd })
    }

    /// Reads the file from its start again.
    pub(super) fn begin_anew(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.buffer.clear();
        (self.next, self.start) = (0, 0);
        Ok(())
    }
}
