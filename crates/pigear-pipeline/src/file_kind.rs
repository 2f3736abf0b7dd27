//! What a file is, in words.

use std::fs::FileType;
use std::os::unix::fs::FileTypeExt;

/// What a file is, for messages: `a named pipe`.
#[must_use]
pub fn file_kind(kind: FileType) -> &'static str {
    match () {
        () if kind.is_dir() => "a directory",
        () if kind.is_symlink() => "a symbolic link",
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () if kind.is_file() => "a file",
        () => "a device",
    }
}
