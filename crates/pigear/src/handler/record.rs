//! `record`: keeps the datagrams as they came.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use pigear_alert::Alert;
use pigear_pipeline::recording::Writer;
use pigear_pipeline::{Handler, HandlerError};
use serde::Deserialize;

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
    writer: Option<Writer>,
}

impl Record {
    /// Creates the recording.
    ///
    /// # Errors
    /// If the file exists, or can't be created.
    pub fn new(options: Options) -> Result<Self, String> {
        let path = options.path;
        let writer = Writer::create_new(&path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                format!("{} exists; a recording never replaces a file", path.display())
            }
            _ => format!("cannot create {}: {error}", path.display()),
        })?;
        Ok(Self { path, writer: Some(writer) })
    }

    fn failed(&self, error: &io::Error) -> HandlerError {
        HandlerError::new(format!("cannot write {}: {error}", self.path.display()))
    }
}

impl Handler for Record {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<(), HandlerError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        for (n, alert) in alerts.iter().enumerate() {
            let datagram = alert.datagram.as_deref().unwrap_or_default();
            if let Err(error) = writer.write(datagram) {
                return Err(self.failed(&error).after(n));
            }
        }
        writer.flush().map_err(|error| self.failed(&error))
    }

    fn finish(&mut self) -> Result<(), HandlerError> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        writer.finish().map_err(|error| self.failed(&error))
    }

    fn wants_datagram(&self) -> bool {
        true
    }
}
