//! Files that are written record by record, and rotated.
//!
//! A record is never split, neither by a rotation nor by an error (the written part of a record on a full
//! disk is removed). Rotated files get the time of their rotation as a suffix,
//! `alerts.json.20261118T162750Z`, and are compressed on a separate thread, so that writing continues. If
//! another program moves or removes the file (logrotate), a new one is created.

mod reader_wait;
mod rotated;
mod rotation;
#[cfg(test)]
mod tests;

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use tracing::{error, warn};

pub(super) use reader_wait::ReaderWait;
pub use rotation::{Rotation, UnknownRotation};

use super::compress::Compress;
use super::writer::{Records, WRITE_SIZE, Written};
use crate::keys::FileMode;
use crate::output_file::{self, NoReader, OutputKind};
use rotated::Rotated;

/// A file that is written record by record, and rotated.
pub(super) struct RotatedFile {
    path: PathBuf,
    mode: Option<FileMode>,
    /// `None` for a FIFO without a reader, and while there is no room for a new file.
    open: Option<Open>,
    rotation: Rotation,
    rotated: Rotated,
    /// Whether the last rotation failed, and was logged.
    cannot_rotate: bool,
}

/// The open file.
struct Open {
    file: File,
    kind: OutputKind,
    /// The end of the last complete record.
    len: u64,
    /// The length of the file before its first record.
    begin: u64,
    /// When the file was created, or opened.
    since: Timestamp,
    /// Half a record may lie behind `len`: it could not be taken back yet.
    torn: bool,
}

/// Whether the path still names this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    Same,
    /// Another file, or one that another program truncated.
    Another,
}

/// What another program did to the file since the last write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    None,
    /// It was made shorter, as by logrotate's `copytruncate`.
    Cut,
    /// The path names another file by now, or none.
    Moved,
}

impl RotatedFile {
    /// Opens the file, or creates it with these permissions. A FIFO without a reader is opened later, and so is a
    /// file for which there is no room.
    ///
    /// # Errors
    /// If it can't be opened, or is to be rotated and is not a regular file.
    pub(super) fn open(
        path: PathBuf,
        mode: Option<FileMode>,
        rotation: Rotation,
        keep: Option<usize>,
        compress: Compress,
    ) -> io::Result<Self> {
        let (open, is_regular) = match Open::append(&path, mode) {
            Err(error) if NoReader::is(&error) => {
                warn!("the named pipe {} has no reader yet", path.display());
                (None, false)
            }
            Err(error) if output_file::has_no_room(&error) => {
                warn_of_no_room(&path, &error);
                (None, true)
            }
            open => {
                let open = open?;
                let is_regular = open.kind == OutputKind::Regular;
                (Some(open), is_regular)
            }
        };
        may_rotate(rotation, is_regular)?;
        let rotated = Rotated::new(keep, compress);
        Ok(Self { path, mode, open, rotation, rotated, cannot_rotate: false })
    }

    /// Looks at what [`open`](Self::open) would refuse, without making or opening anything. Returns whether there is
    /// something in the file.
    #[cfg(feature = "command")]
    pub(super) fn look(path: &Path, rotation: Rotation) -> io::Result<bool> {
        match fs::metadata(path) {
            Ok(found) => {
                let is_regular = output_file::kind(&found)? == OutputKind::Regular;
                may_rotate(rotation, is_regular)?;
                Ok(is_regular && found.len() > 0)
            }
            // It is to be made, or another user is allowed to look.
            Err(_) => Ok(false),
        }
    }

    /// Finishes what an earlier run did not compress to its end. Nothing else may write the file from here on.
    pub(super) fn start(&mut self) {
        let is_regular = self.open.as_ref().is_some_and(|open| open.kind == OutputKind::Regular);
        // A path that can't be followed is reported with the first alert.
        if is_regular && let Ok(path) = output_file::target(&self.path) {
            self.rotated.resume(path);
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a file to write to: not while a FIFO has no reader, or there is no room for a file.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The end of the last complete record.
    pub(super) fn len(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.len)
    }

    /// How many bytes of records to collect for one call of [`write`](Self::write).
    pub(super) fn enough(&self) -> usize {
        self.rotation.room(self.len()).min(WRITE_SIZE)
    }

    /// Ensures that the file is there and has room for one more record. A file that can't be rotated keeps
    /// growing: that is better than losing alerts.
    pub(super) fn make_ready(&mut self, now: Timestamp) -> io::Result<Ready> {
        let change = self.open.as_mut().map_or(Change::Moved, |open| open.look(&self.path));
        let Some(open) = self.open.as_mut().filter(|_| change == Change::None) else {
            self.open = Some(Open::append(&self.path, self.mode)?);
            return Ok(Ready::Another);
        };
        if open.torn {
            open.take_back(&self.path);
        }
        let Open { kind, len, begin, since, .. } = *open;
        if kind != OutputKind::Regular || len <= begin || !self.rotation.is_due(len, since, now) {
            return Ok(Ready::Same);
        }
        match output_file::target(&self.path).and_then(|path| self.rotated.put_away(path, now)) {
            Ok(()) => {
                self.cannot_rotate = false;
                self.open = Some(Open::append(&self.path, self.mode)?);
                return Ok(Ready::Another);
            }
            Err(error) if !self.cannot_rotate => {
                error!("cannot rotate {}: {error}; it keeps growing", self.path.display());
                self.cannot_rotate = true;
            }
            Err(_) => {}
        }
        Ok(Ready::Same)
    }

    /// Puts the file away whatever its size and age are, and begins another.
    pub(super) fn put_aside(&mut self, now: Timestamp) -> io::Result<()> {
        self.rotated.put_away(output_file::target(&self.path)?, now)?;
        self.open = Some(Open::append(&self.path, self.mode)?);
        Ok(())
    }

    /// Writes what an empty file begins with.
    pub(super) fn begin(&mut self, header: &[u8]) -> io::Result<()> {
        let Some(open) = self.open.as_mut() else { return Err(NoReader.into()) };
        open.file.write_all(header).inspect_err(|_| open.take_back(&self.path))?;
        open.len += header.len() as u64;
        open.begin = open.len;
        Ok(())
    }

    /// Truncates the file to this many bytes.
    pub(super) fn cut(&mut self, len: u64) -> io::Result<()> {
        let Some(open) = self.open.as_mut() else { return Err(NoReader.into()) };
        open.file.set_len(len)?;
        open.len = len;
        Ok(())
    }

    /// Writes records. On an error, reports how many were written completely, and removes the rest.
    pub(super) fn write(&mut self, records: &Records) -> Result<Written, (Written, io::Error)> {
        let Some(open) = self.open.as_mut() else {
            return Err((Written::default(), NoReader.into()));
        };
        let result = records.write(&mut open.file);
        let (Ok(written) | Err((written, _))) = &result;
        open.len += written.bytes as u64;
        let gone = matches!(&result, Err((_, error)) if error.kind() == ErrorKind::BrokenPipe);
        if gone {
            // The next reader gets the header, too.
            self.open = None;
        } else if result.is_err() {
            open.take_back(&self.path);
        }
        result.map_err(|(written, error)| (written, if gone { NoReader.into() } else { error }))
    }

    /// Waits until everything is compressed.
    pub(super) fn finish(&mut self) {
        self.rotated.finish();
    }
}

fn may_rotate(rotation: Rotation, is_regular: bool) -> io::Result<()> {
    if rotation == Rotation::default() || is_regular {
        return Ok(());
    }
    let problem = "only a regular file can be rotated; leave out `rotate`";
    Err(io::Error::new(ErrorKind::InvalidInput, problem))
}

/// Why a handler that writes a file doesn't start.
pub(super) fn cannot_open(path: &Path, error: &io::Error) -> String {
    format!("cannot open {}: {error}", path.display())
}

/// Says that a file can't be begun yet.
pub(super) fn warn_of_no_room(path: &Path, error: &io::Error) {
    warn!("{} can't be written yet: {error}; trying again with the next alert", path.display());
}

impl Open {
    fn append(path: &Path, mode: Option<FileMode>) -> io::Result<Self> {
        let output_file::Output { mut file, kind } = output_file::append(path, mode)?;
        let len = match kind {
            OutputKind::Regular => file.seek(SeekFrom::End(0))?,
            OutputKind::Fifo | OutputKind::Device => 0,
        };
        let since = if len > 0 { file.metadata()?.modified()? } else { SystemTime::now() };
        let since = Timestamp::try_from(since).unwrap_or_else(|_| Timestamp::now());
        Ok(Self { file, kind, len, begin: 0, since, torn: false })
    }

    /// Removes what was written of a record that could not be written whole, if anything was.
    fn take_back(&mut self, path: &Path) {
        let longer = self.file.metadata().is_ok_and(|metadata| metadata.len() > self.len);
        if self.kind != OutputKind::Regular || !longer {
            self.torn = false;
            return;
        }
        let result = self.file.set_len(self.len);
        if let Err(error) = &result
            && !self.torn
        {
            warn!("{} may end with an incomplete record: {error}", path.display());
        }
        self.torn = result.is_err();
    }

    /// Finds out what another program did to the file. What it appended counts from now on.
    fn look(&mut self, path: &Path) -> Change {
        let inode = |metadata: &Metadata| (metadata.dev(), metadata.ino());
        let Ok(ours) = self.file.metadata() else { return Change::Moved };
        if !fs::metadata(path).is_ok_and(|named| inode(&named) == inode(&ours)) {
            return Change::Moved;
        }
        match self.kind {
            OutputKind::Regular if ours.len() < self.len => Change::Cut,
            OutputKind::Regular if !self.torn => {
                self.len = ours.len();
                Change::None
            }
            _ => Change::None,
        }
    }
}
