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
    pub fn open(path: PathBuf, intake: Intake) -> Result<Self, SourceError> {
        match Reader::open(&path) {
            Ok(reader) => Ok(Self { path, reader, intake }),
            Err(source) => Err(SourceError::Recording { path, source }),
        }
    }
}

impl Source for Play {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn run(mut self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        let Self { path, intake, .. } = *self;
        let failed = |source: RecordingError| SourceError::Recording { path: path.clone(), source };
        let mut desk = fanout.desk(intake);
        let mut datagram = Vec::new();
        while !stop.is_requested() && self.reader.read(&mut datagram).map_err(failed)? {
            if let ControlFlow::Break(end) = desk.datagram(&datagram, None) {
                return end;
            }
        }
        Ok(())
    }
}
