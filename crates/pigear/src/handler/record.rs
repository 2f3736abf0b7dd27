//! `record`: keeps the datagrams as they came.
//!
//! A recording can be read to its end. So if a batch can't be written whole, what was written of it is
//! taken back, and the recording ends there.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use pigear_alert::Alert;
use pigear_alert::wire::encode;
use pigear_pipeline::recording::Writer;
use pigear_pipeline::{Failure, Handler, Needs, Progress};
use serde::Deserialize;
use tracing::warn;

pub(crate) const ABOUT: &str =
    "keeps the datagrams as they came, for `play`; path=FILE (.gz and .zst compress)";

/// The keys of `record`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The recording. It must not exist yet. A name that ends in `.gz` or `.zst` compresses.
    pub path: PathBuf,
}

/// Keeps the datagrams as they came, for `play`.
pub struct Record {
    path: PathBuf,
    /// `None` once the recording has ended.
    writer: Option<Writer>,
    file: File,
    /// How long the file is with all that was handled.
    len: u64,
}

impl Record {
    /// Creates the recording.
    ///
    /// # Errors
    /// If the file exists, or can't be created.
    pub fn new(options: Options) -> Result<Self, String> {
        let path = options.path;
        let open = || {
            let writer = Writer::create_new(&path)?;
            Ok((writer, File::options().write(true).open(&path)?))
        };
        let (writer, file) = open().map_err(|error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                format!("{} exists; a recording never replaces a file", path.display())
            }
            _ => format!("cannot create {}: {error}", path.display()),
        })?;
        Ok(Self { path, writer: Some(writer), file, len: 0 })
    }

    fn failed(&self, error: &io::Error) -> Failure {
        Failure::retry(format!("cannot write {}: {error}", self.path.display()))
    }

    fn write(&mut self, alerts: &[Arc<Alert>]) -> io::Result<()> {
        let Some(writer) = &mut self.writer else {
            return Err(io::Error::other("the recording ended with an error"));
        };
        for alert in alerts {
            match &alert.datagram {
                Some(datagram) => writer.write(datagram)?,
                // It came from Snort's log: this is how Snort would have sent it.
                None => writer.write(&encode(&alert.message, alert.dialect))?,
            }
        }
        writer.flush()?;
        self.len = self.file.metadata()?.len();
        Ok(())
    }

    /// Ends the recording where the last whole batch ended.
    fn give_up(&mut self) {
        // What the writer still has in memory it may write now.
        drop(self.writer.take());
        if let Err(error) = self.file.set_len(self.len) {
            warn!("{} may end in half a datagram: {error}", self.path.display());
        }
    }
}

impl Handler for Record {
    fn needs(&self) -> Needs {
        Needs { datagram: true, ..Needs::default() }
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        self.write(alerts).map(|()| Progress::All).map_err(|error| {
            if self.writer.is_some() {
                self.give_up();
            }
            self.failed(&error)
        })
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        writer.finish().map_err(|error| self.failed(&error))
    }
}
