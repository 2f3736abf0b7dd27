//! The sockets for alerts that a process has bound.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::process::{Process, inode_and_path};
use crate::kernel_table;

/// What the kernel's table says of a socket for datagrams.
const DATAGRAMS: &str = "0002";

/// A socket for datagrams that a process has bound to a path.
pub(super) struct BoundSocket {
    pub(super) path: PathBuf,
    /// Whether it is certain that no socket is at its path any more.
    pub(super) is_lost: bool,
}

impl BoundSocket {
    /// Those of a process; none if its files may not be looked at.
    pub(super) fn all_of(process: &Process, proc: &Path) -> Vec<Self> {
        let of_line = |line: &str| {
            let kind = line.split_whitespace().nth(4)?;
            let (inode, path) = inode_and_path(line)?;
            // A name in the abstract namespace is not a path.
            let is_path = !path.is_empty() && !path.starts_with('@');
            let is_its = kind == DATAGRAMS && is_path && process.has_socket(inode);
            is_its.then(|| Self::of(process, Path::new(path)))
        };
        let of_table = |table: &str| {
            let all: Vec<_> = table.lines().filter_map(of_line).collect();
            (!all.is_empty()).then_some(all)
        };
        let found = kernel_table::look(&proc.join("net/unix"), of_table);
        found.ok().flatten().unwrap_or_default()
    }

    fn of(process: &Process, bound: &Path) -> Self {
        let path = process.resolved(bound).unwrap_or_else(|| bound.to_owned());
        // It may have changed its working directory since it bound a relative path.
        let is_lost = bound.is_absolute() && process.inside(bound).is_some_and(|it| is_gone(&it));
        Self { path, is_lost }
    }
}

/// Whether no socket is there.
fn is_gone(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Ok(found) => !found.file_type().is_socket(),
        Err(error) => matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    }
}
