//! The size of a store's files.

use std::path::Path;
use std::{fs, io};

use super::connect::beside_path;
use super::reader::Reader;

impl Reader {
    /// The bytes of the store, with what is not yet in its main file; `None` if that can't be seen.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        let len = |path: &Path| fs::metadata(path).map(|metadata| metadata.len());
        let journal = match len(&beside_path(&self.path, "-wal")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            other => other.ok()?,
        };
        Some(len(&self.path).ok()? + journal)
    }
}
