//! Files that are written record by record, and rotated.
//!
//! A record is never split: not at a rotation, and not by an error (what a full disk took of a
//! record is taken back). Rotated files get the time of their rotation as an ending,
//! `alerts.json.20261118T162750Z`, and are compressed on a thread of their own, so that alerts go on
//! meanwhile. If somebody else moves or removes the file (logrotate), a new one is begun.

mod rotated;
mod rotation;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use tracing::{error, warn};

pub use rotation::{Rotation, UnknownRotation};

use super::compress::Compress;
use super::writer::{ENOUGH, Records, Written};
use rotated::Rotated;

/// A file that is written record by record, and rotated.
pub(super) struct RotatedFile {
    open: Open,
    rotation: Rotation,
    rotated: Rotated,
    /// The last rotation failed, and that was logged.
    cannot_rotate: bool,
}

/// The file that is written to.
struct Open {
    path: PathBuf,
    file: File,
    /// Where the last whole record ends.
    len: u64,
    /// How long the file is before the first record.
    begin: u64,
    /// When the file was begun, or found.
    since: Timestamp,
}

/// Whether the file is still the same as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    Same,
    Another,
}

impl RotatedFile {
    /// Opens the file, or creates it.
    pub(super) fn open(
        path: PathBuf,
        rotation: Rotation,
        keep: Option<usize>,
        compress: Compress,
    ) -> io::Result<Self> {
        let open = Open::append(path.clone())?;
        let rotated = Rotated::new(path, keep, compress);
        Ok(Self { open, rotation, rotated, cannot_rotate: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.open.path
    }

    /// Where the last whole record ends.
    pub(super) fn len(&self) -> u64 {
        self.open.len
    }

    /// How many bytes of records should be gathered for one call of [`write`](Self::write).
    pub(super) fn enough(&self) -> usize {
        self.rotation.room(self.open.len).min(ENOUGH)
    }

    /// Sees to it that the file is there and has room for one more record. A file that can't be put
    /// away grows on: better than to lose alerts.
    pub(super) fn make_ready(&mut self, now: Timestamp) -> io::Result<Ready> {
        let mut ready = Ready::Same;
        if self.open.was_moved() {
            self.open = Open::append(self.open.path.clone())?;
            ready = Ready::Another;
        }
        let Open { len, begin, since, .. } = self.open;
        if len > begin && self.rotation.is_due(len, since, now) {
            match self.rotated.put_away(now) {
                Ok(()) => {
                    self.open = Open::append(self.open.path.clone())?;
                    ready = Ready::Another;
                }
                Err(error) if !self.cannot_rotate => {
                    error!("cannot rotate {}: {error}; it grows on", self.open.path.display());
                    self.cannot_rotate = true;
                }
                Err(_) => {}
            }
        }
        Ok(ready)
    }

    /// Writes what an empty file begins with.
    pub(super) fn begin(&mut self, header: &[u8]) -> io::Result<()> {
        self.open.file.write_all(header).inspect_err(|_| self.open.take_back())?;
        self.open.len += header.len() as u64;
        self.open.begin = self.open.len;
        Ok(())
    }

    /// Takes away what lies behind this many bytes.
    pub(super) fn cut(&mut self, len: u64) -> io::Result<()> {
        self.open.file.set_len(len)?;
        self.open.len = len;
        Ok(())
    }

    /// Writes records. On an error, says what was written whole nevertheless; the rest is taken
    /// back.
    pub(super) fn write(&mut self, records: &Records) -> Result<Written, (Written, io::Error)> {
        let open = &mut self.open;
        let result = records.write(&mut open.file);
        let (Ok(written) | Err((written, _))) = &result;
        open.len += written.bytes as u64;
        if result.is_err() {
            open.take_back();
        }
        result
    }

    /// Waits until everything is compressed.
    pub(super) fn finish(&mut self) {
        self.rotated.finish();
    }
}

impl Open {
    fn append(path: PathBuf) -> io::Result<Self> {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(&path)?;
        let len = file.seek(SeekFrom::End(0)).unwrap_or_default();
        let since = if len > 0 { file.metadata()?.modified()? } else { SystemTime::now() };
        let since = Timestamp::try_from(since).unwrap_or_else(|_| Timestamp::now());
        Ok(Self { path, file, len, begin: 0, since })
    }

    /// Removes what was written of a record that could not be written whole, if anything was.
    fn take_back(&self) {
        let longer = self.file.metadata().is_ok_and(|metadata| metadata.len() > self.len);
        if longer && let Err(error) = self.file.set_len(self.len) {
            warn!("{} may end in half a record: {error}", self.path.display());
        }
    }

    /// Whether the path names another file by now, or none.
    fn was_moved(&self) -> bool {
        let inode = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let ours = self.file.metadata().map(inode).ok();
        ours.is_none() || fs::metadata(&self.path).map(inode).ok() != ours
    }
}
