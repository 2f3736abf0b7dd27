//! The lines of alerts, and where they go.

use std::io::{self, IsTerminal, Write};

use anyhow::anyhow;
use jiff::tz::TimeZone;
use pigear_alert::Alert;
use pigear_alert::format::{Colour, Format, FormatName};

use crate::command::args::QueryArgs;
use crate::command::failure::Failure;
use crate::command::local_zone::local_zone;
use crate::keys::local_format;
use crate::standard_output;
use crate::store::Stored;

/// The format of an alert.
pub(super) struct Lines {
    format: Box<dyn Format>,
    /// Whether its number is printed before it.
    numbered: bool,
    /// The time zone, if not UTC.
    zone: Option<TimeZone>,
}

impl Lines {
    pub(super) fn new(args: &QueryArgs) -> Result<Self, Failure> {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_terminal = io::stdout().is_terminal();
        let colour = if is_terminal && !plain { Colour::Always } else { Colour::Never };
        let (name, numbered) = match args.format()? {
            Some(name) => (name, false),
            None => (FormatName::Fast, true),
        };
        let zone = shown_zone(args).filter(|_| numbered);
        Ok(Self { format: local_format(name, colour), numbered, zone })
    }

    pub(super) fn write(&self, stored: &Stored, out: &mut Vec<u8>) {
        if self.numbered {
            out.extend_from_slice(format!("{:>6}  ", stored.id).as_bytes());
        }
        self.write_alert(&stored.alert, out);
    }

    /// Writes an alert without its number.
    pub(super) fn write_alert(&self, alert: &Alert, out: &mut Vec<u8>) {
        let Some(zone) = &self.zone else { return self.format.write(alert, out) };
        let mut line = Vec::new();
        self.format.write(alert, &mut line);
        // In the default format the time is the first text.
        let (line, time) = (String::from_utf8_lossy(&line), alert.timestamp());
        let local = time.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%.6f%:z");
        out.extend_from_slice(
            line.replacen(&format!("{time:.6}"), &local.to_string(), 1).as_bytes(),
        );
    }
}

/// The time zone in which people read times: on a terminal, that of the machine. `None` is UTC.
pub(super) fn shown_zone(args: &QueryArgs) -> Option<TimeZone> {
    (io::stdout().is_terminal() && !args.utc).then(local_zone)
}

/// Standard output, until its reader closes it.
#[derive(Default)]
pub(super) struct Output {
    pub(super) bytes: Vec<u8>,
    failure: Option<io::Error>,
}

impl Output {
    /// Writes if the buffer is large. False if the reader has closed the output.
    pub(super) fn flush_some(&mut self) -> bool {
        self.bytes.len() < 64 * 1024 || self.flush()
    }

    pub(super) fn flush(&mut self) -> bool {
        let stdout = standard_output::open().map_err(io::Error::other);
        let written = stdout.and_then(|mut stdout| {
            stdout.write_all(&self.bytes)?;
            stdout.flush()
        });
        self.bytes.clear();
        self.failure = self.failure.take().or(written.err());
        self.failure.is_none()
    }

    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.flush();
        match self.failure {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(anyhow!(error).context("cannot write to standard output").into())
            }
            _ => Ok(()),
        }
    }
}
