//! Names beside a file's.

use std::iter::once;
use std::path::{Path, PathBuf};

/// What the names of a store's files have at their ends: the file itself, its journal, the journal's index, the lock.
pub(crate) const STORE_ENDS: [&str; 4] = ["", "-wal", "-shm", ".lock"];

/// A path with something at its end.
pub(crate) fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// `PATH.old`, or `PATH.old2` and so on: a name by which nothing is there, with none of these ends.
#[cfg(any(feature = "command", feature = "store"))]
pub(crate) fn free_name(path: &Path, ends: &[&str]) -> PathBuf {
    let is_free =
        |name: &PathBuf| ends.iter().all(|end| with_end(name, end).symlink_metadata().is_err());
    let numbers = once(String::new()).chain((2..).map(|n: u64| n.to_string()));
    let mut names = numbers.map(|number| with_end(path, &format!(".old{number}")));
    names.find(is_free).unwrap_or_else(|| with_end(path, ".old"))
}
