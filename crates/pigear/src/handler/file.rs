//! `file`: appends each alert to a file, which it rotates.
//!
//! A record is never split: not at a rotation, and not by an error (what a full disk took of a
//! record is taken back). Rotated files get the time of their rotation as an ending,
//! `alerts.json.20261118T162750Z`, and are compressed on a thread of their own, so that alerts go on
//! meanwhile. If somebody else moves or removes the file (logrotate), a new one is begun.

mod rotated;
mod rotation;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use pigear_alert::Alert;
use pigear_alert::format::{Colour, FormatName};
use pigear_pipeline::{Handler, HandlerError};
use serde::Deserialize;
use tracing::{error, warn};

pub use rotated::Compress;
pub use rotation::{Rotation, UnknownRotation};

use super::writer::{BatchWriter, ENOUGH, Written};
use crate::keys::parsed;
use rotated::Rotated;

pub(crate) const ABOUT: &str = "appends each alert to a file; path=FILE format=fast|full|json \
    rotate=SIZE,TIME (100MB,1d) keep=N compress=gzip|zstd|none";

/// The keys of `file`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The file. Alerts are appended to it, if it exists.
    pub path: PathBuf,
    /// How to write an alert: `fast` (a line), `full` (a paragraph) or `json`.
    #[serde(default, deserialize_with = "parsed")]
    pub format: FormatName,
    /// When to begin a new file: at a size (`100MB`, `1GiB`), at the end of a period (`1h`, `1d`;
    /// periods begin at midnight UTC), or both (`100MB,1d`). Never, by default.
    #[serde(default, deserialize_with = "parsed")]
    pub rotate: Rotation,
    /// How many rotated files to keep; the oldest are removed. All, by default.
    #[serde(default, deserialize_with = "crate::keys::parsed_option")]
    pub keep: Option<usize>,
    /// How to compress rotated files: `gzip`, `zstd` or `none`, the default.
    #[serde(default, deserialize_with = "parsed")]
    pub compress: Compress,
}

/// Appends each alert to a file.
pub struct File {
    writer: BatchWriter,
    open: Open,
    rotation: Rotation,
    rotated: Rotated,
    /// The last rotation failed, and that was logged.
    cannot_rotate: bool,
}

/// The file that is written to.
struct Open {
    path: PathBuf,
    file: fs::File,
    /// Where the last whole record ends.
    len: u64,
    /// When the file was begun, or found.
    since: Timestamp,
}

impl File {
    /// Opens the file, or creates it.
    ///
    /// # Errors
    /// If the file can't be opened for writing.
    pub fn new(options: Options) -> Result<Self, String> {
        let path = options.path;
        let open = Open::append(path.clone())
            .map_err(|error| format!("cannot open {}: {error}", path.display()))?;
        Ok(Self {
            writer: BatchWriter::new(options.format.format(Colour::Never)),
            open,
            rotation: options.rotate,
            rotated: Rotated::new(path, options.keep, options.compress),
            cannot_rotate: false,
        })
    }

    /// Sees to it that the file is there and has room for one more record. A file that can't be put
    /// away grows on: better than to lose alerts.
    fn make_ready(&mut self, now: Timestamp) -> io::Result<()> {
        if self.open.was_moved() {
            self.open = Open::append(self.open.path.clone())?;
        }
        if self.open.len > 0 && self.rotation.is_due(self.open.len, self.open.since, now) {
            match self.rotated.put_away(now) {
                Ok(()) => self.open = Open::append(self.open.path.clone())?,
                Err(error) if !self.cannot_rotate => {
                    error!("cannot rotate {}: {error}; it grows on", self.open.path.display());
                    self.cannot_rotate = true;
                }
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Writes as many alerts as may go into the file as it is. On an error, says what was written
    /// nevertheless.
    fn write_some(&mut self, alerts: &[Arc<Alert>]) -> Result<Written, (Written, io::Error)> {
        self.make_ready(Timestamp::now()).map_err(|error| (Written::default(), error))?;
        let open = &mut self.open;
        let enough = self.rotation.room(open.len).min(ENOUGH);
        let result = self.writer.write(alerts, enough, &mut open.file);
        let (Ok(written) | Err((written, _))) = &result;
        open.len += written.bytes as u64;
        if result.is_err() {
            open.take_back();
        }
        result
    }
}

impl Open {
    fn append(path: PathBuf) -> io::Result<Self> {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(&path)?;
        let len = file.seek(SeekFrom::End(0)).unwrap_or_default();
        let since =
            if len > 0 { file.metadata()?.modified()? } else { std::time::SystemTime::now() };
        let since = Timestamp::try_from(since).unwrap_or_else(|_| Timestamp::now());
        Ok(Self { path, file, len, since })
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

impl Handler for File {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<(), HandlerError> {
        let mut done = 0;
        while let Some(left) = alerts.get(done..)
            && !left.is_empty()
        {
            match self.write_some(left) {
                Ok(written) => done += written.records,
                Err((written, error)) => {
                    let error = format!("cannot write {}: {error}", self.open.path.display());
                    return Err(HandlerError::new(error).after(done + written.records));
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), HandlerError> {
        self.rotated.finish();
        Ok(())
    }
}
