//! `record`: writes the raw datagrams to a file.
//!
//! A recording can always be read to its end. So if a batch can't be written completely, the written part
//! is removed, and the recording continues there once it can be written again.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use pigear_alert::Alert;
use pigear_alert::wire::encode;
use pigear_pipeline::recording::Writer;
use pigear_pipeline::{Failure, Handler, Needs, Progress};
use serde::Deserialize;
use tracing::warn;

use crate::description::{Description, FileUse};
use crate::keys::{FileMode, SetupError};
use crate::output_file;

pub(crate) const DESCRIPTION: Description = Description {
    about: "writes the raw datagrams, for `play`; path=FILE (.gz and .zst compress) mode=0640",
    files: &[("path", FileUse::Writes)],
};

/// The keys of `record`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The recording. It must not exist yet. A name that ends in `.gz` or `.zst` compresses.
    pub path: PathBuf,
    /// Its permissions, in octal: `0640` by default, as far as the umask allows.
    pub mode: Option<FileMode>,
}

impl Options {
    /// Checks what can be checked without opening the file.
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        SetupError::refuse_empty(&self.path)
    }
}

/// Writes the raw datagrams, for `play`.
pub struct Record {
    path: PathBuf,
    /// `None` after an error, until the next batch.
    writer: Option<Writer>,
    file: File,
    /// The length of the file with all handled alerts.
    len: u64,
    /// The bytes that must follow there, should the file be truncated to it.
    ending: Vec<u8>,
}

impl Record {
    /// Creates the recording.
    ///
    /// # Errors
    /// If the file exists, or can't be created.
    pub fn new(options: Options) -> Result<Self, SetupError> {
        options.check()?;
        let Options { path, mode } = options;
        let created = output_file::create(&path, mode, File::options().write(true));
        let opened = created.and_then(|file| Ok((Writer::new(file.try_clone()?, &path)?, file)));
        let (writer, file) = opened.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                format!("{} exists; a recording never replaces a file", path.display())
            }
            _ => format!("cannot create {}: {error}", path.display()),
        })?;
        Ok(Self { path, writer: Some(writer), file, len: 0, ending: Vec::new() })
    }

    fn failed(&self, error: &io::Error) -> Failure {
        Failure::retry(format!("cannot write {}: {error}", self.path.display()))
    }

    fn write(&mut self, alerts: &[Arc<Alert>]) -> io::Result<()> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                go_on(&mut self.file, &mut self.len, &mut self.ending)?;
                none.insert(Writer::new(self.file.try_clone()?, &self.path)?)
            }
        };
        for alert in alerts {
            match &alert.datagram {
                Some(datagram) => writer.write(datagram)?,
                // An alert from Snort's log is encoded as Snort would have sent it.
                None => writer.write(&encode(&alert.message, alert.dialect))?,
            }
        }
        writer.flush()?;
        (self.len, self.ending) = (self.file.metadata()?.len(), writer.ending());
        Ok(())
    }

    /// Removes what was written after the last complete batch.
    fn take_back(&mut self) {
        // The writer may now write what it still has in memory.
        drop(self.writer.take());
        if let Err(error) = self.file.set_len(self.len) {
            warn!("{} may end with an incomplete datagram: {error}", self.path.display());
        }
    }

    /// Finishes the recording after the last complete batch.
    fn end(&mut self) -> io::Result<()> {
        if let Some(writer) = self.writer.take() {
            return writer.finish();
        }
        // All missing alerts were reported before.
        if let Err(error) = go_on(&mut self.file, &mut self.len, &mut self.ending) {
            warn!("{} was not finished: {error}", self.path.display());
        }
        Ok(())
    }
}

/// Finishes a file that was truncated here, so that another writer can append to it.
fn go_on(file: &mut File, len: &mut u64, ending: &mut Vec<u8>) -> io::Result<()> {
    // Remove the rest of an earlier attempt.
    file.set_len(*len)?;
    file.seek(SeekFrom::Start(*len))?;
    file.write_all(ending)?;
    *len += ending.len() as u64;
    ending.clear();
    Ok(())
}

impl Handler for Record {
    fn needs(&self) -> Needs {
        Needs { datagram: true, ..Needs::default() }
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        self.write(alerts).map(|()| Progress::All).map_err(|error| {
            if self.writer.is_some() {
                self.take_back();
            }
            self.failed(&error)
        })
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.end().map_err(|error| self.failed(&error))
    }
}
