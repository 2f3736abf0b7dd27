//! Directories of files that are to be written: all missing ones are reported at once.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::config::PrivilegeConfig;
use crate::output_file::dir;

/// A directory that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingDirectory {
    /// What the file there is for.
    pub what: String,
    /// The directory.
    pub path: PathBuf,
}

/// Whether the directory of a file does not exist.
pub(crate) fn is_missing(path: &Path) -> bool {
    // A symbolic link's own directory exists; where it points to is checked when it is opened.
    path.symlink_metadata().is_err() && matches!(dir(path).try_exists(), Ok(false))
}

/// Directories that the sandbox would leave open, and that don't exist: it would be closed also once they do.
pub(super) fn missing_of_sandbox(privileges: &PrivilegeConfig) -> Vec<MissingDirectory> {
    let named = privileges.sandbox_write.iter().filter(|_| privileges.is_confined());
    let missing = named.filter(|dir| !dir.is_dir());
    let missing =
        missing.map(|dir| MissingDirectory { what: "sandbox_write".to_owned(), path: dir.clone() });
    missing.collect()
}

/// `out for the store, logs for handler file`
pub(super) fn listed(missing: &[MissingDirectory]) -> String {
    let mut text = String::new();
    for MissingDirectory { what, path } in missing {
        let comma = if text.is_empty() { "" } else { ", " };
        // Writing to a string can't fail.
        let _ = write!(text, "{comma}{} for {what}", path.display());
    }
    text
}
