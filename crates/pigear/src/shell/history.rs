use std::env;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use tracing::warn;

/// The most entries.
pub(super) const ENTRIES: usize = 1_000;

/// The path of the history, by the XDG Base Directory Specification: only absolute paths count.
pub(super) fn usual_path() -> Option<PathBuf> {
    let dir = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = dir("XDG_STATE_HOME").or_else(|| Some(dir("HOME")?.join(".local/state")));
    Some(state?.join("pigear/history"))
}

/// Whether a file can be the history: a regular one, or a missing one. Opening a FIFO would block.
pub(super) fn is_usable(path: &Path) -> bool {
    let is_usable = fs::metadata(path).map_or(true, |metadata| metadata.is_file());
    if !is_usable {
        warn!("{} is not a regular file; no history is kept", path.display());
    }
    is_usable
}

/// Creates the directory of a file, readable by the user only.
pub(super) fn create_dir_of(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)
        }
        _ => Ok(()),
    }
}
