//! `record`: writes the raw datagrams to a file.
//!
//! A recording can always be read to its end. So if a batch can't be written completely, the written part
//! is removed, and the recording continues there once it can be written again.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use nix::unistd::Uid;
use pigear_alert::Alert;
use pigear_alert::wire::encode;
use pigear_pipeline::recording::Writer;
use pigear_pipeline::{Failure, Handler, Needs, Progress};
use serde::Deserialize;
use tracing::warn;

use super::rotate::warn_of_no_room;
use crate::description::{Description, FileUse};
use crate::keys::{FileMode, SetupError};
use crate::output_file::{self, has_no_room};

pub(crate) const DESCRIPTION: Description = Description {
    about: "writes the raw datagrams, for `play`; path=FILE (.gz and .zst compress) mode=0640",
    files: &[("path", FileUse::Writes)],
};

/// The keys of `record`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The recording. It must not exist yet; with `--serve-forever`, one that holds something stays, and the new one gets a
    /// free name beside it (`alerts.2.gz`). A name that ends in `.gz` or `.zst` compresses.
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
    /// `None` while there is no room for the file.
    recording: Option<Recording>,
}

/// What happens if the file exists: a recording never replaces one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WhenTaken {
    Refuse,
    /// A program that is started again after a crash must receive.
    TakeFreeName,
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
        let recording = match Recording::create(&options, when_taken) {
            Ok(recording) => Some(recording),
            Err(error) if has_no_room(&error) => {
                warn_of_no_room(path, &error);
                None
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let path = path.display();
                return Err(format!("{path} exists; a recording never replaces a file").into());
            }
            Err(error) => return Err(format!("cannot create {}: {error}", path.display()).into()),
        };
        Ok(Self { options, when_taken, recording })
    }

    fn write(&mut self, alerts: &[Arc<Alert>]) -> io::Result<()> {
        let recording = match &mut self.recording {
            Some(recording) => recording,
            none => none.insert(Recording::create(&self.options, self.when_taken)?),
        };
        recording.write_whole(alerts)
    }

    fn failed(&self, error: &io::Error) -> Failure {
        let path = self.recording.as_ref().map_or(&self.options.path, |recording| &recording.path);
        Failure::retry(format!("cannot write {}: {error}", path.display()))
    }
}

/// The most names that are tried.
const MOST_NAMES: u32 = 10_000;

/// Creates a file that must not exist yet, with this name or, if that is wanted, the next free one. One that holds
/// nothing is as free: a Pigear that is killed again and again before its first alert leaves one file, not thousands.
fn create(options: &Options, when_taken: WhenTaken) -> io::Result<(PathBuf, LockedFile)> {
    let Options { path, mode } = options;
    let create = |path: &Path| {
        LockedFile::lock(output_file::create(path, *mode, File::options().write(true))?)
    };
    let is_taken = |error: &io::Error| error.kind() == io::ErrorKind::AlreadyExists;
    match create(path) {
        Err(error)
            if is_taken(&error)
                && when_taken == WhenTaken::TakeFreeName
                && fs::metadata(path).is_ok_and(|found| found.is_file()) => {}
        created => return created.map(|file| (path.clone(), file)),
    }
    let mode = mode.map_or(output_file::PRIVATE, |mode| mode.0);
    if let Some(file) = LockedFile::of_empty(path, mode) {
        return Ok((path.clone(), file));
    }
    for number in 2..=MOST_NAMES {
        let free = numbered(path, number);
        let created = match create(&free) {
            Err(error) if is_taken(&error) => match LockedFile::of_empty(&free, mode) {
                Some(file) => Ok(file),
                None => continue,
            },
            created => created,
        };
        let file = created?;
        let (path, free_name) = (path.display(), free.display());
        warn!("{path} exists, and a recording never replaces a file: this one is {free_name}");
        return Ok((free, file));
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// A file that no other Pigear takes over while it holds nothing.
struct LockedFile {
    file: File,
    /// `None` where the filesystem has no locks. Then nobody can take the file over.
    lock: Option<Flock<File>>,
}

impl LockedFile {
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if another Pigear has the file.
    fn lock(file: File) -> io::Result<Self> {
        let lock = match Flock::lock(file.try_clone()?, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Some(lock),
            Err((_, Errno::EWOULDBLOCK)) => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => None,
        };
        Ok(Self { file, lock })
    }

    /// The file at a path, if it is as a Pigear that was killed leaves it: empty, the user's own, and with no other
    /// name or permissions than it gave. Others may be waiting to read the packets.
    fn of_empty(path: &Path, mode: u32) -> Option<Self> {
        let flags = O_NONBLOCK | O_NOFOLLOW;
        let file = File::options().write(true).custom_flags(flags).open(path).ok()?;
        let locked = Self::lock(file).ok().filter(|locked| locked.lock.is_some())?;
        let found = locked.file.metadata().ok()?;
        let is_left = found.is_file() && found.len() == 0 && found.nlink() == 1;
        let is_private =
            found.uid() == Uid::effective().as_raw() && found.mode() & 0o777 & !mode == 0;
        (is_left && is_private).then_some(locked)
    }
}

/// The name with a number before the extension that compresses, or behind it.
fn numbered(path: &Path, number: u32) -> PathBuf {
    let extension = path.extension().filter(|extension| *extension == "gz" || *extension == "zst");
    let Some(extension) = extension else {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        return name.into();
    };
    let mut ending = OsString::from(format!("{number}."));
    ending.push(extension);
    path.with_extension(ending)
}

/// The file of a recording.
struct Recording {
    path: PathBuf,
    /// `None` after an error, until the next batch.
    writer: Option<Writer>,
    output: LockedFile,
    /// The length of the file with all handled alerts.
    len: u64,
    /// The bytes that must follow there, should the file be truncated to it.
    ending: Vec<u8>,
}

impl Recording {
    fn create(options: &Options, when_taken: WhenTaken) -> io::Result<Self> {
        let (path, output) = create(options, when_taken)?;
        let writer = Some(Writer::new(output.file.try_clone()?, &path)?);
        Ok(Self { path, writer, output, len: 0, ending: Vec::new() })
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
                go_on(&mut self.output.file, &mut self.len, &mut self.ending)?;
                none.insert(Writer::new(self.output.file.try_clone()?, &self.path)?)
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
        (self.len, self.ending) = (self.output.file.metadata()?.len(), writer.ending());
        Ok(())
    }

    /// Removes what was written after the last complete batch.
    fn take_back(&mut self) {
        // The writer may now write what it still has in memory.
        drop(self.writer.take());
        if let Err(error) = self.output.file.set_len(self.len) {
            warn!("{} may end with an incomplete datagram: {error}", self.path.display());
        }
    }

    /// Finishes the recording after the last complete batch.
    fn end(&mut self) -> io::Result<()> {
        if let Some(writer) = self.writer.take() {
            return writer.finish();
        }
        // All missing alerts were reported before.
        if let Err(error) = go_on(&mut self.output.file, &mut self.len, &mut self.ending) {
            warn!("{} was not finished: {error}", self.path.display());
        }
        Ok(())
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
        ended.map_err(|error| self.failed(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_name_compresses_as_the_one_that_was_asked_for() {
        for (path, second) in [
            ("rec", "rec.2"),
            ("/x/a.rec", "/x/a.rec.2"),
            ("/x/a.rec.gz", "/x/a.rec.2.gz"),
            ("a.zst", "a.2.zst"),
            (".gz", ".gz.2"),
        ] {
            assert_eq!(numbered(Path::new(path), 2), Path::new(second), "{path}");
        }
    }
}
