use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::store::{Reader, StoreError};

/// The store at a path, which may be replaced, or go away and come back.
pub(super) struct StoreAccess {
    path: PathBuf,
    reader: Option<Reader>,
}

impl StoreAccess {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, reader: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The store that is there now, and whether it is another one than before.
    ///
    /// # Errors
    /// Why it can't be read.
    pub(super) fn reader(&mut self) -> Result<(&mut Reader, bool), StoreError> {
        if self.reader.as_ref().is_some_and(Reader::is_stale) {
            self.reader = None;
        }
        let is_new = self.reader.is_none();
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => Reader::open(&self.path)?,
        };
        Ok((self.reader.insert(reader), is_new))
    }

    /// Opens the store again the next time.
    pub(super) fn close(&mut self) {
        self.reader = None;
    }

    /// The bytes of its files.
    pub(super) fn size(&self) -> Option<u64> {
        let mut journal = fs::canonicalize(&self.path).ok()?.into_os_string();
        journal.push("-wal");
        let len = |path: &Path| fs::metadata(path).map(|metadata| metadata.len());
        let journal = match len(journal.as_ref()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            other => other.ok()?,
        };
        Some(len(&self.path).ok()? + journal)
    }
}
