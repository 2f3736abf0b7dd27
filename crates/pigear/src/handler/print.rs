//! `print`: writes each alert to standard output.

use std::env;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::sync::Arc;

use pigear_alert::Alert;
use pigear_alert::format::{Colour, FormatName};
use pigear_pipeline::{Failure, Handler, Progress};
use serde::Deserialize;

use super::writer::{BatchWriter, WRITE_SIZE};
use crate::keys::parsed;
use crate::standard_output;

pub(crate) const ABOUT: &str =
    "writes each alert to standard output; format=fast|full|json|eve|ecs|ocsf|cef";

/// The keys of `print`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The format of an alert: `fast` (a line), `full` (a paragraph) or `json`. `fast` and `full` have
    /// colours on a terminal, unless `NO_COLOR` is set.
    #[serde(deserialize_with = "parsed")]
    pub format: FormatName,
}

/// Writes each alert to standard output.
pub struct Print {
    writer: BatchWriter,
    output: File,
}

impl Print {
    /// Prints to standard output.
    ///
    /// # Errors
    /// If standard output is closed.
    pub fn new(options: Options) -> io::Result<Self> {
        // Unbuffered, and without a lock that another thread may hold: a batch is one write.
        let stdout = standard_output::open().map_err(io::Error::other)?;
        let output = File::from(stdout.as_fd().try_clone_to_owned()?);
        Ok(Self { writer: BatchWriter::new(options.format.format(colour())), output })
    }
}

pub(crate) fn colour() -> Colour {
    let wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && io::stdout().is_terminal() { Colour::Always } else { Colour::Never }
}

impl Handler for Print {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        let mut done = 0;
        while let Some(left) = alerts.get(done..)
            && !left.is_empty()
        {
            match self.writer.fill(left, WRITE_SIZE).write(&mut self.output) {
                Ok(written) => done += written.records,
                Err((written, error)) => return Err(failed(&error).after(done + written.records)),
            }
        }
        Ok(Progress::All)
    }
}

fn failed(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Failure::reader_gone()
    } else {
        Failure::refused(format!("cannot write to standard output: {error}"))
    }
}
