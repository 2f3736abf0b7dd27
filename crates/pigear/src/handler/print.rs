//! `print`: writes each alert to standard output.

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, IsTerminal, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::sync::Arc;

use pigear_alert::Alert;
use pigear_alert::format::Colour;
use pigear_pipeline::{Failure, Handler, Progress};
use serde::Deserialize;
use tracing::warn;

use super::writer::{BatchWriter, WRITE_SIZE};
use crate::description::Description;
use crate::keys::{FormatKeys, SetupError};
use crate::standard_output;

pub(crate) const DESCRIPTION: Description = Description {
    about: "writes each alert to standard output; format=fast|full|json|eve|ecs|ocsf|cef|snort|alert_json|csv",
    files: &[],
};

/// The keys of `print`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The format of an alert: `fast` (a line), `full` (a paragraph), `json`, or another. `fast` and `full` have
    /// colours on a terminal, unless `NO_COLOR` is set.
    pub format: FormatKeys,
}

impl Options {
    /// Checks what can be checked without opening standard output.
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        self.format.build(Colour::Never).map(drop).map_err(SetupError::Keys)
    }
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
    /// If standard output is closed, or the format doesn't have one of the options.
    pub fn new(options: Options) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let Options { format } = options;
        let format = format.build(colour()).map_err(SetupError::Keys)?;
        // Unbuffered, and without a lock that another thread may hold: a batch is one write.
        let stdout = standard_output::open().map_err(io::Error::other)?;
        let output = File::from(stdout.as_fd().try_clone_to_owned()?);
        Ok(Self { writer: BatchWriter::new(format), output })
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
                Err((written, error)) => {
                    take_back(&mut self.output, written.partial);
                    return Err(failed(&error).after(done + written.records));
                }
            }
        }
        Ok(Progress::All)
    }
}

fn failed(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Failure::reader_gone()
    } else {
        Failure::retry(format!("cannot write to standard output: {error}"))
    }
}

/// Removes what was written of a record that could not be written whole, where that is possible: in a regular
/// file that nothing was written to since.
fn take_back(output: &mut File, partial: usize) {
    if partial == 0 || !output.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return;
    }
    if let Err(error) = cut(output, partial as u64) {
        warn!("standard output may end in half a record: {error}");
    }
}

fn cut(output: &mut File, partial: u64) -> io::Result<()> {
    // Where the last write ended, also in a file that is appended to.
    let end = output.stream_position()?;
    if output.metadata()?.len() != end {
        return Err(io::Error::other("another program writes to it, too"));
    }
    let len = end.saturating_sub(partial);
    output.set_len(len)?;
    output.seek(SeekFrom::Start(len)).map(drop)
}

#[cfg(test)]
mod tests {
    use pigear_alert::AlertMessage;
    use pigear_alert::format::FormatName;
    use pigear_alert::wire::{Decoder, Dialect, encode};
    use pigear_pipeline::Verdict;

    use super::*;

    #[test]
    fn what_finds_no_room_is_tried_again() {
        let output = File::options().write(true).open("/dev/full").unwrap();
        let writer = BatchWriter::new(FormatName::Fast.format(Colour::Never));
        let datagram = encode(&AlertMessage::default(), Dialect::Snort27);
        let decoded = Decoder::default().decode(&datagram).unwrap();
        let alert = Arc::new(Alert::new(decoded, Arc::default(), Arc::default()));
        let failure = Print { writer, output }.handle(&[alert]).unwrap_err();
        assert!(matches!(failure.verdict, Verdict::Retry { .. }), "{failure:?}");
    }
}
