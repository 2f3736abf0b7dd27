//! A store that is read for a long time, and may be replaced, go away and come back meanwhile.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::connect::BUSY_TIMEOUT;
use super::count::PriorityCounts;
use super::error::StoreError;
use super::identity::StoreIdentity;
use super::reader::Reader;

/// The store at a path, which is opened again when another file is there, or the file was written over.
pub struct StoreAccess {
    path: PathBuf,
    /// How long an operation waits for a program that has the store locked.
    wait: Duration,
    reader: Option<Reader>,
    /// What readers remember for series.
    priority_counts: Arc<PriorityCounts>,
}

/// The store that is there now.
pub struct AccessedStore<'a> {
    /// Reads it.
    pub reader: &'a mut Reader,
    /// Which store it is. In another one than the last time, numbers begin anew.
    pub identity: StoreIdentity,
    /// Whether it was opened just now: another file may be there than the last time.
    pub is_reopened: bool,
}

impl StoreAccess {
    /// Access to a store, which is not opened yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self::new_within(path, BUSY_TIMEOUT)
    }

    /// The same, but each operation waits only for this time for a program that has the store locked.
    #[must_use]
    pub fn new_within(path: PathBuf, wait: Duration) -> Self {
        Self { path, wait, reader: None, priority_counts: Arc::default() }
    }

    /// The same, but its readers remember for series what those of others do.
    #[cfg(feature = "web")]
    pub(crate) fn sharing(self, priority_counts: Arc<PriorityCounts>) -> Self {
        Self { priority_counts, ..self }
    }

    /// The path of the store.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The store that is there now.
    ///
    /// # Errors
    /// Why it can't be read.
    pub fn store(&mut self) -> Result<AccessedStore<'_>, StoreError> {
        // The old one is closed before the new one is opened.
        let unchanged = self.reader.take().filter(|reader| !reader.has_changed());
        let is_reopened = unchanged.is_none();
        let reader = unchanged.map_or_else(|| self.open(), Ok)?;
        reader.check_version()?;
        let identity = reader.identity()?;
        Ok(AccessedStore { reader: self.reader.insert(reader), identity, is_reopened })
    }

    fn open(&self) -> Result<Reader, StoreError> {
        let mut reader = Reader::open_within(&self.path, self.wait)?;
        reader.priority_counts = Arc::clone(&self.priority_counts);
        Ok(reader)
    }

    /// Opens the store again the next time.
    pub fn close(&mut self) {
        self.reader = None;
    }
}
