//! The counters in a JSON file.

use std::io;
use std::path::{Path, PathBuf};

use pigear_pipeline::Snapshot;
use tracing::warn;

use crate::output_file::{self, NoReader};

/// Permissions of a new file.
const MODE: u32 = 0o644;

/// Where the counters are written.
#[derive(Debug)]
pub(crate) struct StatsFile {
    path: PathBuf,
    /// Whether a FIFO without a reader was logged.
    no_reader: bool,
}

impl StatsFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, no_reader: false }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Checks that the counters can be written there, once there is room.
    pub(crate) fn check(&self) -> io::Result<()> {
        match output_file::check_whole(&self.path) {
            Err(error) if output_file::has_no_room(&error) => Ok(()),
            checked => checked,
        }
    }

    /// Writes them for the first time. A full disk is only reported: they are written again.
    pub(crate) fn begin(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        match self.write(snapshot) {
            Err(error) if output_file::has_no_room(&error) => {
                warn!("cannot write the counters to {}: {error}", self.path.display());
                Ok(())
            }
            written => written,
        }
    }

    /// Replaces a regular file atomically. Anything else is written to; while a FIFO has no reader, the
    /// counters are not written, and that is logged once.
    pub(crate) fn write(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let mut text = serde_json::to_vec(snapshot)?;
        text.push(b'\n');
        match output_file::write_whole(&self.path, MODE, &text) {
            Err(error) if NoReader::is(&error) => {
                if !self.no_reader {
                    warn!("cannot write the counters to {}: {error}", self.path.display());
                }
                self.no_reader = true;
                Ok(())
            }
            written => {
                self.no_reader = false;
                written
            }
        }
    }
}
