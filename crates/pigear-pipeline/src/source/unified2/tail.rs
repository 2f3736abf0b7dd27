use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use pigear_alert::unified2::{self, Record, RecordError};

use super::input::{self, Bytes, Decoder};
use super::place::Head;
use super::spool::{self, FileId};

/// Bytes that are read at once.
const READ_SIZE: usize = 256 << 10;

/// The most bytes that can be pending: no record is longer.
const MAX_PENDING: usize = 256 << 10;

/// One file of a log, which may still grow. Offsets in a compressed one are those of its contents.
pub(super) struct Tail {
    file: File,
    /// Where a compressed file is read from.
    compressed: Option<Compressed>,
    /// Its length is fixed: clearing it before each read would take longer than reading.
    buffer: Vec<u8>,
    /// How many bytes of it are filled.
    filled: usize,
    /// Where in the buffer the next record begins.
    next: usize,
    /// Where in the file the buffer begins.
    start: u64,
    /// The first bytes of the file, as far as they were read.
    head: Head,
    damage: Option<Damage>,
}

struct Compressed {
    decoder: Decoder,
    /// The file's length when it was opened.
    length: u64,
}

/// Bytes that are not a record.
#[derive(Debug, PartialEq)]
pub(super) struct Damage {
    pub(super) offset: u64,
    pub(super) bytes: usize,
    pub(super) error: RecordError,
}

/// The result of reading more of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Growth {
    /// The number of bytes read.
    More(u64),
    AtEnd,
    /// The file is shorter than before, or begins with other bytes: it was truncated or recreated.
    Truncated,
}

/// What follows in a file.
#[derive(Debug, PartialEq)]
pub(super) enum Found<'a> {
    Record(Record<'a>),
    /// Bytes that are not a record, up to here.
    Damage(Damage),
    /// Bytes that are not a record, and perhaps more of them.
    Skipped,
    /// The end of what was read.
    Nothing,
}

impl Tail {
    /// For a file that began with `head` when `offset` was chosen; the unknown part of that is read. Also
    /// identifies the file.
    pub(super) fn new(mut file: File, offset: u64, head: Head) -> io::Result<(Self, FileId)> {
        let metadata = file.metadata()?;
        let bytes = Bytes::of(file.try_clone()?)?;
        let (start, compressed) = if bytes.compression().is_some() {
            let mut decoder = bytes.decoder()?;
            let start = decoder.skip(offset)?;
            (start, Some(Compressed { decoder, length: metadata.len() }))
        } else {
            file.seek(SeekFrom::Start(offset))?;
            (offset, None)
        };
        let known = head.tells().then_some(head);
        let head = known.map_or_else(|| input::head(&file, start).map(|(head, _)| head), Ok)?;
        let (buffer, head) = (vec![0; MAX_PENDING + READ_SIZE], head.up_to(start));
        let tail = Self { file, compressed, buffer, filled: 0, next: 0, start, head, damage: None };
        Ok((tail, FileId::of(&metadata)))
    }

    /// The length of a compressed file when it was opened.
    pub(super) fn compressed_length(&self) -> Option<u64> {
        self.compressed.as_ref().map(|compressed| compressed.length)
    }

    /// Where in the file the next record begins.
    pub(super) fn offset(&self) -> u64 {
        self.start + self.next as u64
    }

    /// Bytes that were read, and are not a complete record yet.
    pub(super) fn pending(&self) -> usize {
        self.filled - self.next
    }

    /// The bytes that the pending record has when it is complete, if its header is.
    pub(super) fn needed(&self) -> Option<usize> {
        unified2::record_length(self.buffer.get(self.next..self.filled)?)
    }

    /// The first bytes of the file, as far as they were read.
    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// Modification time: since 1970.
    pub(super) fn written(&self) -> io::Result<Duration> {
        Ok(spool::written(&self.file.metadata()?))
    }

    /// Advances to the next record, and returns it.
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
                Found::Skipped
            }
        }
    }

    /// The bytes that were skipped, as far as that is known yet.
    pub(super) fn take_damage(&mut self) -> Option<Damage> {
        self.damage.take()
    }

    /// Reads more of the file. If it was truncated, what was read by this call doesn't count: it may be
    /// from before that or after.
    pub(super) fn grow(&mut self) -> io::Result<Growth> {
        let end = self.start + self.filled as u64;
        self.buffer.copy_within(self.next..self.filled, 0);
        self.start += self.next as u64;
        (self.filled, self.next) = (self.pending(), 0);
        if self.compressed.is_some() {
            return self.decompress();
        }
        let read = read_into(&mut self.file, &mut self.buffer, self.filled)?;
        let fresh = self.buffer.get(self.filled..self.filled + read).unwrap_or_default();
        // Of the bytes that were read, not of what may stand there by now.
        let known = self.head.followed_by(fresh, end);
        let end = end + read as u64;
        let head = Head::of(&self.file, end)?;
        if !head.begins_with(&known) || self.file.metadata()?.len() < end {
            return Ok(Growth::Truncated);
        }
        self.filled += read;
        self.head = head;
        Ok(if read > 0 { Growth::More(read as u64) } else { Growth::AtEnd })
    }

    /// The same for a compressed file, which was complete before it was read.
    fn decompress(&mut self) -> io::Result<Growth> {
        let Some(Compressed { decoder, .. }) = &mut self.compressed else {
            return Ok(Growth::AtEnd);
        };
        let before = decoder.consumed();
        let read = read_into(decoder, &mut self.buffer, self.filled)?;
        let consumed = decoder.consumed() - before;
        let end = self.start + self.filled as u64;
        let fresh = self.buffer.get(self.filled..self.filled + read).unwrap_or_default();
        self.head = self.head.followed_by(fresh, end);
        self.filled += read;
        Ok(if read > 0 { Growth::More(consumed) } else { Growth::AtEnd })
    }
}

/// Reads into a buffer from index `filled` on.
fn read_into(input: &mut impl Read, buffer: &mut [u8], filled: usize) -> io::Result<usize> {
    loop {
        match input.read(buffer.get_mut(filled..filled + READ_SIZE).unwrap_or_default()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}
