use pigear_alert::maps::Names;
use tracing::warn;

use super::loading::Loaded;
use super::{FileState, NameFileError, NameFiles};

/// Detects changes of the files.
#[derive(Debug)]
pub struct Watched {
    files: NameFiles,
    loaded: Loaded,
}

impl Watched {
    /// Reads the files, and records their current state.
    ///
    /// # Errors
    /// If a file can't be read.
    pub fn load(files: NameFiles) -> Result<Self, NameFileError> {
        let mut loaded = Loaded::default();
        loaded.load(&files, [true; 4])?;
        Ok(Self { files, loaded })
    }

    /// The names that were read last.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.loaded.names
    }

    /// Reads those files again that changed since, or all if `asked`, but never a pipe: the names that it
    /// had stay as they are. If a file can't be read any more, that is logged, and `None` returned: the
    /// names from before are the best there are.
    pub fn reload(&mut self, asked: bool) -> Option<&Names> {
        let mut which = [false; 4];
        for (which, files) in which.iter_mut().zip(&mut self.loaded.files) {
            let is_pipe = files.iter().any(|(_, state)| *state == FileState::Pipe);
            let mut changed = asked && !files.is_empty();
            for (path, before) in files {
                let state = FileState::of(path);
                changed |= state != *before;
                // So that a file that can't be read is logged once.
                *before = state;
            }
            *which = changed && !is_pipe;
        }
        if which == [false; 4] {
            return None;
        }
        self.loaded
            .load(&self.files, which)
            .inspect_err(|error| warn!("{error}: {}; keeping the previous names", error.source))
            .ok()?;
        Some(&self.loaded.names)
    }
}
