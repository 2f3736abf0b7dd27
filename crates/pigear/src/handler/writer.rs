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
    /// How many bytes were written of the record behind these, which is not whole.
    pub(super) partial: usize,
}

/// So many bytes of text are gathered before they are written.
pub(super) const ENOUGH: usize = 64 * 1024;

/// Alerts as bytes, a record each.
#[derive(Default)]
pub(super) struct Records {
    bytes: Vec<u8>,
    /// Where each record ends.
    ends: Vec<usize>,
}

impl Records {
    /// Holds the first alerts, until these are `enough` bytes or all. `put` writes one, and may
    /// write nothing.
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

    /// Writes the records. On an error, says what was written whole nevertheless.
    pub(super) fn write(&self, to: &mut File) -> Result<Written, (Written, io::Error)> {
        write_all(&self.bytes, to)
            .map(|()| self.whole(self.bytes.len()))
            .map_err(|(written, error)| (self.whole(written), error))
    }

    /// How many records there are.
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

    /// The records that end within so many bytes.
    pub(super) fn whole(&self, bytes: usize) -> Written {
        let records = self.ends.partition_point(|&end| end <= bytes);
        let last = records.checked_sub(1).and_then(|last| self.ends.get(last));
        let end = last.copied().unwrap_or_default();
        Written { records, bytes: end, partial: bytes - end }
    }
}

/// A format with the memory that it writes to.
pub(super) struct BatchWriter {
    format: Box<dyn Format>,
    records: Records,
}

impl BatchWriter {
    pub(super) fn new(format: Box<dyn Format>) -> Self {
        Self { format, records: Records::default() }
    }

    /// The first alerts, until these are `enough` bytes or all.
    pub(super) fn fill(&mut self, alerts: &[Arc<Alert>], enough: usize) -> &Records {
        self.records.fill(alerts, enough, |alert, out| self.format.write(alert, out));
        &self.records
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
