//! Writes a batch of alerts in a format, with as few system calls as possible.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pigear_alert::Alert;
use pigear_alert::format::Format;

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// How many alerts were written completely.
    pub(super) records: usize,
    /// How many bytes these have.
    pub(super) bytes: usize,
    /// How many bytes were written of the record behind these, which is not whole.
    pub(super) partial: usize,
}

/// How many bytes of text to collect before writing.
pub(super) const WRITE_SIZE: usize = 64 * 1024;

/// Alerts as bytes, a record per alert.
#[derive(Default)]
pub(super) struct Records {
    bytes: Vec<u8>,
    /// The end of each record.
    ends: Vec<usize>,
}

impl Records {
    /// The first alerts, up to `enough` bytes or all. `put` writes one alert, and may write nothing.
    pub(super) fn fill(
        &mut self,
        alerts: &[Arc<Alert>],
        enough: usize,
        mut put: impl FnMut(&Alert, &mut Vec<u8>),
    ) {
        self.bytes.clear();
        self.ends.clear();
        for alert in alerts {
            put(alert, &mut self.bytes);
            self.ends.push(self.bytes.len());
            if self.bytes.len() >= enough {
                break;
            }
        }
    }

    /// Writes the records. On an error, reports how many were written completely.
    pub(super) fn write(&self, to: &mut File) -> Result<Written, (Written, io::Error)> {
        write_all(&self.bytes, to)
            .map(|()| self.whole(self.bytes.len()))
            .map_err(|(written, error)| (self.whole(written), error))
    }

    /// The number of records.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A record, counted from 0.
    pub(super) fn get(&self, n: usize) -> Option<&[u8]> {
        let start = n.checked_sub(1).and_then(|before| self.ends.get(before));
        self.bytes.get(start.copied().unwrap_or_default()..*self.ends.get(n)?)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The records that end within this many bytes.
    pub(super) fn whole(&self, bytes: usize) -> Written {
        let records = self.ends.partition_point(|&end| end <= bytes);
        let last = records.checked_sub(1).and_then(|last| self.ends.get(last));
        let end = last.copied().unwrap_or_default();
        Written { records, bytes: end, partial: bytes - end }
    }
}

/// A format with its output buffer.
pub(super) struct BatchWriter {
    format: Box<dyn Format>,
    records: Records,
}

impl BatchWriter {
    pub(super) fn new(format: Box<dyn Format>) -> Self {
        Self { format, records: Records::default() }
    }

    /// The first alerts, up to `enough` bytes or all.
    pub(super) fn fill(&mut self, alerts: &[Arc<Alert>], enough: usize) -> &Records {
        self.records.fill(alerts, enough, |alert, out| self.format.write(alert, out));
        &self.records
    }
}

/// Writes all, or reports how much could be written.
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

/// Waits until the file is writable; `None` if it never will be. A standard output that another process
/// made non-blocking is waited for as any other.
fn wait_after(error: &io::Error, to: &File) -> Option<()> {
    match error.kind() {
        io::ErrorKind::Interrupted => Some(()),
        io::ErrorKind::WouldBlock => {
            // If this fails, so does the next write.
            let _ = poll(&mut [PollFd::new(to.as_fd(), PollFlags::POLLOUT)], PollTimeout::NONE);
            Some(())
        }
        _ => None,
    }
}
