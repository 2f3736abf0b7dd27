//! Files that are read completely: configuration, maps, templates, secrets, certificates.
//!
//! Reading one always ends, whatever is at the path. A regular file has a maximum size. A pipe, as in
//! `--sid-msg-map <(zcat FILE)`, must end within ten seconds. `/dev/null` is empty. Anything else is
//! refused. A reload is abandoned at once when the program is to end, see [`abandoned_on`].

use std::cell::RefCell;
use std::env;
use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, PipeReader, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::libc::{O_NOCTTY, O_NONBLOCK};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pigear_pipeline::Stop;

/// The maximum size of a map: ten times the largest in use.
pub(crate) const MAX_MAP: u64 = 64 << 20;

/// The maximum size of a configuration of Snort.
pub(crate) const MAX_CONFIG: u64 = 16 << 20;

/// The maximum size of a configuration of Pigear: hundreds of handlers.
pub(crate) const MAX_OWN_CONFIG: u64 = 1 << 20;

/// The maximum size of a secret, template, or file of certificates.
#[cfg(any(feature = "http", feature = "nats", feature = "syslog", feature = "web"))]
pub(crate) const MAX_SMALL: u64 = 1 << 20;

/// The timeout of a pipe.
const PIPE_TIMEOUT: Duration = Duration::from_secs(10);

thread_local! {
    /// What ends the reading of this thread.
    static ABANDONED: RefCell<Option<Abandoned>> = const { RefCell::new(None) };
}

/// Ends reading at a request to stop.
struct Abandoned {
    stop: Stop,
    /// Closed by the request.
    requested: PipeReader,
}

/// From now on, a request to stop ends whatever this thread reads here, with an error. Without it, the end would wait
/// for a slow pipe.
///
/// # Errors
/// If there are no descriptors left.
pub(crate) fn abandoned_on(stop: &Stop) -> io::Result<()> {
    let (requested, request) = io::pipe()?;
    let request = Mutex::new(Some(request));
    stop.on_request(move || drop(request.lock().unwrap_or_else(PoisonError::into_inner).take()));
    ABANDONED.set(Some(Abandoned { stop: stop.clone(), requested }));
    Ok(())
}

fn check_abandoned() -> io::Result<()> {
    let is_abandoned = ABANDONED
        .with_borrow(|abandoned| abandoned.as_ref().is_some_and(|it| it.stop.is_requested()));
    if is_abandoned { Err(io::Error::other("the program ends")) } else { Ok(()) }
}

/// Reads a file of at most `max` bytes.
///
/// # Errors
/// If it can't be read, is longer, or is neither a regular file nor a pipe with a writer.
pub(crate) fn read(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    read_within(path, max, PIPE_TIMEOUT)
}

/// The same for text.
pub(crate) fn read_text(path: &Path, max: u64) -> io::Result<String> {
    let text = String::from_utf8(read(path, max)?);
    text.map_err(|error| refused(format!("it is not UTF-8: {}", error.utf8_error())))
}

/// The same for a file that is read again when it changes: a pipe, too, is refused.
pub(crate) fn read_regular(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    match file.metadata()?.file_type() {
        kind if kind.is_file() => {
            let mut bytes = Vec::new();
            file.take(max + 1).read_to_end(&mut bytes)?;
            bounded(bytes, max)
        }
        kind if kind.is_dir() => Err(refused("it is a directory")),
        _ => Err(refused("it is not a regular file")),
    }
}

fn read_within(path: &Path, max: u64, time: Duration) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    let mut bytes = Vec::new();
    // One byte more, to detect a longer file.
    let limit = max + 1;
    match metadata.file_type() {
        kind if kind.is_file() => {
            file.take(limit).read_to_end(&mut bytes)?;
        }
        kind if kind.is_fifo() => read_pipe(&file, limit, time, &mut bytes)?,
        kind if kind.is_dir() => return Err(refused("it is a directory")),
        _ if is_null(&metadata) => {}
        _ => return Err(refused("it is neither a regular file nor a pipe")),
    }
    bounded(bytes, max)
}

fn bounded(bytes: Vec<u8>, max: u64) -> io::Result<Vec<u8>> {
    if bytes.len() as u64 > max {
        return Err(refused(format!("it is longer than {max} bytes")));
    }
    Ok(bytes)
}

/// Opens a file for reading without blocking; a FIFO may have no writer. `credential:NAME` is a credential of the
/// systemd unit (`LoadCredential=NAME:PATH`).
pub(crate) fn open(path: &Path) -> io::Result<File> {
    check_abandoned()?;
    if let Some(name) = path.to_str().and_then(|path| path.strip_prefix("credential:")) {
        return open_plain(&credential(name, env::var_os("CREDENTIALS_DIRECTORY"))?);
    }
    open_plain(path)
}

fn credential(name: &str, dir: Option<OsString>) -> io::Result<PathBuf> {
    if name.is_empty() || name.contains('/') || name == ".." {
        return Err(refused("credential:NAME has the name of a credential, not a path"));
    }
    let dir = dir.ok_or_else(|| {
        refused("the variable CREDENTIALS_DIRECTORY is not set; LoadCredential= in a systemd unit sets it")
    })?;
    Ok(Path::new(&dir).join(name))
}

fn open_plain(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(O_NONBLOCK | O_NOCTTY).open(path)
}

fn is_null(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device() && metadata.rdev() == nix::sys::stat::makedev(1, 3)
}

fn refused(problem: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, problem.into())
}

/// Waits until a pipe can be read, a time is over or reading is abandoned.
fn wait_for(pipe: &File, time: Duration) {
    let time = PollTimeout::try_from(time).unwrap_or(PollTimeout::ZERO);
    let readable = PollFd::new(pipe.as_fd(), PollFlags::POLLIN);
    // If this fails, so does the next read.
    let _ = ABANDONED.with_borrow(|abandoned| match abandoned {
        None => poll(&mut [readable], time),
        Some(it) => {
            poll(&mut [readable, PollFd::new(it.requested.as_fd(), PollFlags::POLLIN)], time)
        }
    });
}

fn read_pipe(pipe: &File, limit: u64, time: Duration, bytes: &mut Vec<u8>) -> io::Result<()> {
    let deadline = Instant::now() + time;
    loop {
        check_abandoned()?;
        let left = limit.saturating_sub(bytes.len() as u64);
        match pipe.take(left).read_to_end(bytes) {
            Ok(_) if bytes.is_empty() => {
                return Err(refused("it is a named pipe without a writer, or an empty pipe"));
            }
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    let problem = format!("it is a pipe that does not end within {time:?}");
                    return Err(io::Error::new(ErrorKind::TimedOut, problem));
                }
                wait_for(pipe, left);
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::path::PathBuf;
    use std::thread;

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;
    use tempfile::TempDir;

    use super::*;

    const A_MOMENT: Duration = Duration::from_millis(50);

    fn problem(path: &Path) -> String {
        read_within(path, 100, A_MOMENT).unwrap_err().to_string()
    }

    fn fifo(dir: &TempDir) -> PathBuf {
        let path = dir.path().join("fifo");
        mkfifo(&path, Mode::from_bits_truncate(0o600)).unwrap();
        path
    }

    #[test]
    fn a_file_may_have_so_many_bytes_and_no_more() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, [b'x'; 100]).unwrap();
        assert_eq!(read_within(&path, 100, A_MOMENT).unwrap(), [b'x'; 100]);
        std::fs::write(&path, [b'x'; 101]).unwrap();
        assert_eq!(problem(&path), "it is longer than 100 bytes");
    }

    #[test]
    fn what_never_ends_or_never_begins_is_refused() {
        let dir = TempDir::new().unwrap();
        let neither = "it is neither a regular file nor a pipe";
        assert_eq!(problem(Path::new("/dev/zero")), neither);
        assert_eq!(problem(Path::new("/dev/full")), neither);
        assert_eq!(problem(dir.path()), "it is a directory");
        let nobody = "it is a named pipe without a writer, or an empty pipe";
        assert_eq!(problem(&fifo(&dir)), nobody);
        assert_eq!(read(Path::new("/dev/null"), 100).unwrap(), b"");
    }

    #[test]
    fn only_a_regular_file_can_be_read_again() {
        let dir = TempDir::new().unwrap();
        let problem = |path: &Path| read_regular(path, 100).unwrap_err().to_string();
        assert_eq!(problem(&fifo(&dir)), "it is not a regular file");
        assert_eq!(problem(Path::new("/dev/null")), "it is not a regular file");
        assert_eq!(problem(dir.path()), "it is a directory");
        let path = dir.path().join("file");
        std::fs::write(&path, [b'x'; 101]).unwrap();
        assert_eq!(problem(&path), "it is longer than 100 bytes");
    }

    #[test]
    fn a_pipe_is_read_to_its_end() {
        let (reader, mut writer) = io::pipe().unwrap();
        let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
        let writing = thread::spawn(move || {
            for _ in 0..100 {
                writer.write_all(&[b'x'; 1_000]).unwrap();
            }
        });
        assert_eq!(read(&path, 100_000).unwrap(), vec![b'x'; 100_000]);
        writing.join().unwrap();
    }

    #[test]
    fn a_pipe_that_does_not_end_is_refused_in_time() {
        let dir = TempDir::new().unwrap();
        let path = fifo(&dir);
        let open_again = || OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut writer = open_again();
        assert_eq!(problem(&path), "it is a pipe that does not end within 50ms");
        writer.write_all(&[b'x'; 101]).unwrap();
        assert_eq!(problem(&path), "it is longer than 100 bytes");
    }

    #[test]
    fn text_is_utf_8() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, b"\xff").unwrap();
        let error = read_text(&path, 100).unwrap_err().to_string();
        assert!(error.starts_with("it is not UTF-8: invalid utf-8 sequence"), "{error}");
    }

    #[test]
    fn a_credential_is_a_name_in_the_directory_that_systemd_says() {
        let path =
            |name| credential(name, Some("/run/c".into())).map_err(|error| error.to_string());
        assert_eq!(path("siem"), Ok("/run/c/siem".into()));
        for name in ["", "..", "../shadow", "a/b"] {
            assert!(path(name).is_err(), "{name}");
        }
        let unset = credential("siem", None).unwrap_err().to_string();
        assert!(unset.contains("LoadCredential="), "{unset}");
    }
}
