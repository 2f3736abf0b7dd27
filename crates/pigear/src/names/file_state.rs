use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// What tells whether a file changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileState {
    /// When it was last changed, and how long it is.
    Regular(SystemTime, u64),
    /// It can be read once only, so it never changes.
    Pipe,
    Absent,
}

impl FileState {
    pub(crate) fn of(path: &Path) -> Self {
        let Ok(metadata) = fs::metadata(path) else { return Self::Absent };
        match metadata.modified() {
            Ok(modified) if metadata.is_file() => Self::Regular(modified, metadata.len()),
            _ => Self::Pipe,
        }
    }
}
