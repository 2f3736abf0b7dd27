//! Writing a batch of alerts in a format, as few system calls as that takes.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pigear_alert::Alert;
use pigear_alert::format::Format;

/// What was written of some alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// How many alerts were written whole.
    pub(super) records: usize,
    /// How many bytes these are.
    pub(super) bytes: usize,
}

/// A format with the memory that it writes to.
pub(super) struct BatchWriter {
    format: Box<dyn Format>,
    text: Vec<u8>,
    /// Where each alert's text ends.
    ends: Vec<usize>,
}

/// So many bytes of text are gathered before they are written.
pub(super) const ENOUGH: usize = 64 * 1024;

impl BatchWriter {
    pub(super) fn new(format: Box<dyn Format>) -> Self {
        Self { format, text: Vec::new(), ends: Vec::new() }
    }

    /// Writes the first alerts, until these are `enough` bytes or all. On an error, says what was
    /// written whole nevertheless.
    pub(super) fn write(
        &mut self,
        alerts: &[Arc<Alert>],
        enough: usize,
        to: &mut File,
    ) -> Result<Written, (Written, io::Error)> {
        self.fill(alerts, enough);
        write_all(&self.text, to)
            .map(|()| self.whole(self.text.len()))
            .map_err(|(written, error)| (self.whole(written), error))
    }

    fn fill(&mut self, alerts: &[Arc<Alert>], enough: usize) {
        self.text.clear();
        self.ends.clear();
        for alert in alerts {
            self.format.write(alert, &mut self.text);
            self.ends.push(self.text.len());
            if self.text.len() >= enough {
                break;
            }
        }
    }

    /// The alerts that end within so many bytes.
    fn whole(&self, bytes: usize) -> Written {
        let records = self.ends.partition_point(|&end| end <= bytes);
        let last = records.checked_sub(1).and_then(|last| self.ends.get(last));
        Written { records, bytes: last.copied().unwrap_or_default() }
    }
}

/// Writes all, or says how much could be written.
fn write_all(text: &[u8], to: &mut File) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while let Some(rest) = text.get(written..)
        && !rest.is_empty()
    {
        match to.write(rest) {
            Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
            Ok(n) => written += n,
            Err(error) => wait_after(&error, to).ok_or((written, error))?,
        }
    }
    Ok(())
}

/// Waits until writing makes sense again; `None` if it never does. A standard output that was made
/// non-blocking by somebody else who has it too is waited for as any other.
fn wait_after(error: &io::Error, to: &File) -> Option<()> {
    match error.kind() {
        io::ErrorKind::Interrupted => Some(()),
        io::ErrorKind::WouldBlock => {
            // If this fails, so will the next write.
            let _ = poll(&mut [PollFd::new(to.as_fd(), PollFlags::POLLOUT)], PollTimeout::NONE);
            Some(())
        }
        _ => None,
    }
}
