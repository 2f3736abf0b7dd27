//! Opening files that are read from start to end.

use std::fs::{File, FileType, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::libc;

use crate::file_kind::file_kind;

/// Opens a regular file without blocking. Files that could be endless or block (devices, named pipes)
/// are refused.
///
/// # Errors
/// If it can't be opened, or isn't a regular file.
pub fn open_regular(path: &Path) -> io::Result<File> {
    // Opening a named pipe without a writer would block otherwise.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    let Some(kind) = special_kind(kind) else { return Err(io::ErrorKind::IsADirectory.into()) };
    let problem = format!("{kind}, not a regular file");
    Err(io::Error::new(io::ErrorKind::InvalidInput, problem))
}

/// What is neither a regular file nor a directory.
pub(crate) fn special_kind(kind: FileType) -> Option<&'static str> {
    (!kind.is_file() && !kind.is_dir()).then(|| file_kind(kind))
}

#[cfg(test)]
mod tests {
    use nix::sys::stat::Mode;

    use super::*;

    #[test]
    fn only_regular_files_are_opened_and_nothing_blocks() {
        let dir = tempfile::tempdir().unwrap();
        let (file, pipe) = (dir.path().join("file"), dir.path().join("pipe"));
        std::fs::write(&file, "text").unwrap();
        nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        let problem = |path: &Path| open_regular(path).unwrap_err().to_string();
        assert!(open_regular(&file).is_ok());
        assert_eq!(problem(&pipe), "a named pipe, not a regular file");
        assert_eq!(problem(Path::new("/dev/zero")), "a device, not a regular file");
        assert_eq!(problem(dir.path()), "is a directory");
    }
}
