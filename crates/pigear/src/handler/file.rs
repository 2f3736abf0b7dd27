//! `file`: appends each alert to a file, which it rotates.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use pigear_alert::Alert;
use pigear_alert::format::Colour;
use pigear_pipeline::{Context, Failure, Handler, Needs, Progress};
use serde::Deserialize;

use super::compress::Compress;
use super::rotate::{ReaderWait, RotatedFile, Rotation, cannot_open};
use super::writer::{BatchWriter, Written};
use crate::description::{Description, FileUse};
use crate::keys::{FileMode, FormatKeys, SetupError, parsed};

pub(crate) const DESCRIPTION: Description = Description {
    about: "appends each alert to a file; path=FILE \
    format=fast|full|json|eve|ecs|ocsf|cef|snort|alert_json|csv rotate=SIZE,TIME (100MB,1d) keep=N compress=gzip|zstd|none mode=0640",
    files: &[("path", FileUse::Writes)],
};

/// The keys of `file`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The file. Alerts are appended to it, if it exists.
    pub path: PathBuf,
    /// The format of an alert: `fast` (a line), `full` (a paragraph), `json`, or another.
    #[serde(default)]
    pub format: FormatKeys,
    /// When to start a new file: at a size (`100MB`, `1GiB`), at the end of a period (`1h`, `1d`; periods
    /// begin at midnight UTC), or both (`100MB,1d`). Never, by default.
    #[serde(default, deserialize_with = "parsed")]
    pub rotate: Rotation,
    /// How many rotated files to keep; the oldest are removed. All, by default.
    #[serde(default, deserialize_with = "crate::keys::parsed_option")]
    pub keep: Option<usize>,
    /// How to compress rotated files: `gzip`, `zstd` or `none`, the default.
    #[serde(default, deserialize_with = "parsed")]
    pub compress: Compress,
    /// Permissions of new files, in octal, including rotated and compressed ones: `0640` by default, as far
    /// as the umask allows. An existing file keeps its own.
    pub mode: Option<FileMode>,
}

impl Options {
    /// Checks what can be checked without opening the file.
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        self.format.build(Colour::Never).map_err(SetupError::Keys)?;
        SetupError::refuse_empty(&self.path)
    }
}

/// Appends each alert to a file.
pub struct File {
    writer: BatchWriter,
    output: RotatedFile,
    reader: ReaderWait,
}

impl File {
    /// Opens the file, or creates it.
    ///
    /// # Errors
    /// If the file can't be opened for writing, or the format doesn't have one of the options.
    pub fn new(options: Options) -> Result<Self, SetupError> {
        options.check()?;
        let Options { path, format, rotate, keep, compress, mode } = options;
        let format = format.build(Colour::Never).map_err(SetupError::Keys)?;
        let output = RotatedFile::open(path.clone(), mode, rotate, keep, compress);
        let output = output.map_err(|error| cannot_open(&path, &error))?;
        Ok(Self { writer: BatchWriter::new(format), output, reader: ReaderWait::default() })
    }

    /// Looks at what its start would refuse, without making anything.
    #[cfg(feature = "command")]
    pub(crate) fn look(options: &Options) -> Result<(), SetupError> {
        let looked = RotatedFile::look(&options.path, options.rotate);
        looked.map(drop).map_err(|error| cannot_open(&options.path, &error).into())
    }

    /// Writes as many alerts as fit before the next rotation. On an error, reports how many were written
    /// completely.
    fn write_some(&mut self, alerts: &[Arc<Alert>]) -> Result<Written, (Written, io::Error)> {
        self.output.make_ready(Timestamp::now()).map_err(|error| (Written::default(), error))?;
        self.output.write(self.writer.fill(alerts, self.output.enough()))
    }
}

impl Handler for File {
    fn needs(&self) -> Needs {
        let target = self.output.path().display().to_string();
        Needs { target: Some(target), ..Needs::default() }
    }

    fn start(&mut self, context: Context) -> Result<(), Failure> {
        self.reader.start(context);
        self.output.start();
        Ok(())
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        let mut done = 0;
        while let Some(left) = alerts.get(done..)
            && !left.is_empty()
        {
            match self.write_some(left) {
                Ok(written) => {
                    done += written.records;
                    self.reader.wrote();
                }
                Err((written, error)) => {
                    done += written.records;
                    let waited = self.reader.after(self.output.path(), &error);
                    waited.map_err(|failure| failure.after(done))?;
                }
            }
        }
        Ok(Progress::All)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.output.finish();
        Ok(())
    }
}
