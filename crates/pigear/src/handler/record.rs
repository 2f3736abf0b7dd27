//! `record`: writes the raw datagrams to a file.
//!
//! A recording can always be read to its end. So if a batch can't be written completely, the written part
//! is removed, and the recording continues there once it can be written again. A recording without any alert is
//! removed at the end.

mod own_file;

#[cfg(feature = "command")]
use std::fs;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pigear_alert::Alert;
use pigear_alert::wire::encode;
#[cfg(feature = "command")]
use pigear_pipeline::OnError;
use pigear_pipeline::recording::Writer;
use pigear_pipeline::{Failure, Handler, Needs, Progress};
use serde::Deserialize;
use tracing::warn;

pub(crate) use self::own_file::recorded_instead;
use self::own_file::{OwnFile, WhenTaken, is_begun_here};
use super::rotate::warn_of_no_room;
use crate::description::{Description, FileUse};
use crate::keys::{FileMode, SetupError};
use crate::output_file::has_no_room;

pub(crate) const DESCRIPTION: Description = Description {
    about: "writes the raw datagrams, for `play`; path=FILE (.gz and .zst compress) mode=0640",
    files: &[("path", FileUse::WritesNew)],
};

/// The keys of `record`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The recording. It must not exist yet, or be empty; with `--serve-forever`, one that holds something
    /// stays, and the new one gets a free name beside it (`alerts.2.gz`). A name that ends in `.gz` or `.zst` compresses.
    pub path: PathBuf,
    /// Its permissions, in octal: `0640` by default, as far as the umask allows.
    pub mode: Option<FileMode>,
}

impl Options {
    /// Checks what can be checked without opening the file.
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        SetupError::refuse_empty(&self.path)
    }
}

/// Writes the raw datagrams, for `play`.
pub struct Record {
    options: Options,
    when_taken: WhenTaken,
    /// `None` while there is no room for the file, or another handler of this process has it.
    recording: Option<Recording>,
}

impl Record {
    /// Creates the recording.
    ///
    /// # Errors
    /// If the file exists, or can't be created. A full disk is no error yet: there may be room for the first alert.
    pub fn new(options: Options) -> Result<Self, SetupError> {
        Self::start(options, WhenTaken::Refuse)
    }

    /// Creates the recording. If the file exists, it gets the next free name beside it: `alerts.2.gz` for `alerts.gz`.
    ///
    /// # Errors
    /// If it can't be created.
    pub fn with_free_name(options: Options) -> Result<Self, SetupError> {
        Self::start(options, WhenTaken::TakeFreeName)
    }

    fn start(options: Options, when_taken: WhenTaken) -> Result<Self, SetupError> {
        options.check()?;
        let path = &options.path;
        if is_begun_here(path) {
            // Its handler ends once this one begins, and removes it unless an alert comes until then.
            return Ok(Self { options, when_taken: WhenTaken::TakeFreeName, recording: None });
        }
        let recording = match Recording::create(&options, when_taken) {
            Ok(recording) => Some(recording),
            Err(error) if has_no_room(&error) => {
                warn_of_no_room(path, &error);
                None
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(exists(path));
            }
            Err(error) => return Err(format!("cannot create {}: {error}", path.display()).into()),
        };
        Ok(Self { options, when_taken, recording })
    }

    /// Looks at what its start would refuse, without making anything.
    #[cfg(feature = "command")]
    pub(crate) fn look(options: &Options, on_error: OnError) -> Result<(), SetupError> {
        let path = &options.path;
        let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
        // An empty one may be left of a run without any alert.
        let is_left = found.is_file() && found.len() == 0;
        let gets_another =
            || on_error == OnError::GoOn && fs::metadata(path).is_ok_and(|it| it.is_file());
        if is_left || gets_another() { Ok(()) } else { Err(exists(path)) }
    }

    fn write(&mut self, alerts: &[Arc<Alert>]) -> io::Result<()> {
        let recording = match &mut self.recording {
            Some(recording) => recording,
            none => none.insert(Recording::create(&self.options, self.when_taken)?),
        };
        recording.write_whole(alerts)
    }

    fn failed(&self, error: &io::Error) -> Failure {
        let path =
            self.recording.as_ref().map_or(&self.options.path, |recording| &recording.own.path);
        Failure::retry(format!("cannot write {}: {error}", path.display()))
    }
}

fn exists(path: &Path) -> SetupError {
    format!("{} exists; a recording never replaces a file", path.display()).into()
}

/// The file of a recording.
struct Recording {
    own: OwnFile,
    /// `None` after an error, until the next batch.
    writer: Option<Writer>,
    /// The length of the file with all handled alerts.
    len: u64,
    /// The bytes that must follow there, should the file be truncated to it.
    ending: Vec<u8>,
}

impl Recording {
    fn create(options: &Options, when_taken: WhenTaken) -> io::Result<Self> {
        let own = OwnFile::create(&options.path, options.mode, when_taken)?;
        let mut recording = Self { own, writer: None, len: 0, ending: Vec::new() };
        recording.writer = Some(recording.own.writer()?);
        Ok(recording)
    }

    /// Writes a batch, or nothing of it.
    fn write_whole(&mut self, alerts: &[Arc<Alert>]) -> io::Result<()> {
        self.write(alerts).inspect_err(|_| {
            if self.writer.is_some() {
                self.take_back();
            }
        })
    }

    fn write(&mut self, alerts: &[Arc<Alert>]) -> io::Result<()> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                go_on(&mut self.own.file, &mut self.len, &mut self.ending)?;
                none.insert(self.own.writer()?)
            }
        };
        for alert in alerts {
            match &alert.datagram {
                Some(datagram) => writer.write(&datagram.to_vec())?,
                // An alert from Snort's log is encoded as Snort would have sent it.
                None => writer.write(&encode(&alert.message, alert.dialect))?,
            }
        }
        writer.flush()?;
        (self.len, self.ending) = (self.own.file.metadata()?.len(), writer.ending());
        Ok(())
    }

    /// Removes what was written after the last complete batch.
    fn take_back(&mut self) {
        // The writer may now write what it still has in memory.
        drop(self.writer.take());
        if let Err(error) = self.own.file.set_len(self.len) {
            warn!("{} may end with an incomplete datagram: {error}", self.own.path.display());
        }
    }

    /// Finishes the recording after the last complete batch.
    fn end(&mut self) -> io::Result<()> {
        if self.len == 0 {
            // It is removed, so it needs no ending.
            return Ok(());
        }
        if let Some(writer) = self.writer.take() {
            return writer.finish();
        }
        // All missing alerts were reported before.
        if let Err(error) = go_on(&mut self.own.file, &mut self.len, &mut self.ending) {
            warn!("{} was not finished: {error}", self.own.path.display());
        }
        Ok(())
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if self.len > 0 {
            return;
        }
        let is_written_by_others = self.own.has_something();
        // What compresses writes something even if there was nothing.
        drop(self.writer.take());
        if is_written_by_others {
            warn!(
                "{} stays: no alert was recorded, but something else is in it",
                self.own.path.display()
            );
        } else {
            self.own.remove_empty();
        }
    }
}

/// Finishes a file that was truncated here, so that another writer can append to it.
fn go_on(file: &mut File, len: &mut u64, ending: &mut Vec<u8>) -> io::Result<()> {
    // Remove the rest of an earlier attempt.
    file.set_len(*len)?;
    file.seek(SeekFrom::Start(*len))?;
    file.write_all(ending)?;
    *len += ending.len() as u64;
    ending.clear();
    Ok(())
}

impl Handler for Record {
    fn needs(&self) -> Needs {
        Needs { datagram: true, ..Needs::default() }
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        self.write(alerts).map(|()| Progress::All).map_err(|error| self.failed(&error))
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let ended = self.recording.as_mut().map_or(Ok(()), Recording::end);
        let ended = ended.map_err(|error| self.failed(&error));
        self.recording = None;
        ended
    }
}
