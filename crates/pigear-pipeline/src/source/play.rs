//! A recording as a source, without a socket.

use std::ops::ControlFlow;
use std::path::PathBuf;

use super::{Activity, Source, SourceError};
use crate::alert_factory::AlertFactory;
use crate::fanout::Fanout;
use crate::recording::{Reader, RecordingError};
use crate::stop::Stop;

/// After this many datagrams without an alert, the file is not a recording of alerts.
const MAX_MALFORMED: u64 = 10_000;

/// A recording, read as fast as waiting lanes accept it.
pub struct Play {
    path: PathBuf,
    reader: Reader<'static>,
    factory: AlertFactory,
}

impl Play {
    /// Opens a recording.
    ///
    /// # Errors
    /// If the file can't be opened.
    pub fn open(path: PathBuf, factory: AlertFactory) -> Result<Self, RecordingError> {
        let reader = Reader::open(&path)?;
        Ok(Self { path, reader, factory })
    }
}

impl Source for Play {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn activity(&self) -> Activity {
        Activity::Reading
    }

    fn run(mut self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        let mut intake = fanout.patient_intake(self.factory);
        let mut datagram = Vec::new();
        let mut last = 0;
        while !stop.is_requested() && self.reader.read(&mut datagram)? {
            if let ControlFlow::Break(end) = intake.datagram(&datagram, None) {
                return end;
            }
            last += 1;
            if intake.malformed_in_a_row() >= MAX_MALFORMED {
                let first = last + 1 - MAX_MALFORMED;
                return Err(RecordingError::NoAlerts { first, last }.into());
            }
        }
        Ok(())
    }
}
