use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::names::FileState;

/// How old a change must be so that another one right after it shows in the file's times.
const RESOLUTION: Duration = Duration::from_secs(2);

/// A file or directory, as it was before it was read.
#[derive(Debug)]
pub(super) struct Seen {
    path: PathBuf,
    /// `None` if it had just changed: what was read may be older than its next change at the same time.
    state: Option<FileState>,
}

impl Seen {
    /// One that is going to be read.
    pub(super) fn now(path: &Path) -> Self {
        let state = FileState::of_any(path);
        let is_old = state.modified().is_none_or(|modified| {
            // A time in the future tells nothing, and stays for long.
            let age = SystemTime::now().duration_since(modified);
            age.map_or(true, |age| age >= RESOLUTION)
        });
        Self { path: path.to_owned(), state: is_old.then_some(state) }
    }

    /// Whether it may have changed since.
    pub(super) fn has_changed(&self) -> bool {
        self.state != Some(FileState::of_any(&self.path))
    }

    /// Takes its present state for the one that was read.
    pub(super) fn accept(&mut self) {
        self.state = Some(FileState::of_any(&self.path));
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn what_has_just_changed_is_looked_at_again() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("file");
        let file = File::create(&path).unwrap();
        let now = SystemTime::now();
        assert!(Seen::now(&path).has_changed());
        for modified in [now - 2 * RESOLUTION, now + 1_000 * RESOLUTION] {
            file.set_modified(modified).unwrap();
            assert!(!Seen::now(&path).has_changed());
        }
        let seen = Seen::now(&path);
        file.set_modified(now - 3 * RESOLUTION).unwrap();
        assert!(seen.has_changed());
        let mut gone = Seen::now(&path);
        std::fs::remove_file(&path).unwrap();
        assert!(gone.has_changed());
        gone.accept();
        assert!(!gone.has_changed());
    }
}
