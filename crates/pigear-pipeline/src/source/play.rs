//! A recording, read without a socket.

use std::ops::ControlFlow;
use std::path::PathBuf;

use super::{Source, SourceError};
use crate::fanout::Fanout;
use crate::intake::Intake;
use crate::recording::{Reader, RecordingError};
use crate::stop::Stop;

/// A recording, read as fast as lanes that wait will take it.
pub struct Play {
    path: PathBuf,
    reader: Reader<'static>,
    intake: Intake,
}

impl Play {
    /// Opens a recording.
    ///
    /// # Errors
    /// If the file can't be opened.
    pub fn open(path: PathBuf, intake: Intake) -> Result<Self, RecordingError> {
        let reader = Reader::open(&path)?;
        Ok(Self { path, reader, intake })
    }
}

impl Source for Play {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn run(mut self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        let mut desk = fanout.desk(self.intake);
        let mut datagram = Vec::new();
        while !stop.is_requested() && self.reader.read(&mut datagram)? {
            if let ControlFlow::Break(end) = desk.datagram(&datagram, None) {
                return end;
            }
        }
        Ok(())
    }
}
