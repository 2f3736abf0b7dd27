use std::fs;
use std::io;
use std::path::Path;

use nix::unistd::{AccessFlags, access};

use super::error::StoreProblem;
use super::inspection::Inspection;
use super::layout::{APPLICATION, VERSION};

/// What a file is, as `SQLite` reads it together with its journal: the file alone may say something else. Only for
/// processes that don't open it besides: closing the file would release their locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    /// No file, or an empty one.
    Nothing,
    /// Not a store.
    Other,
    /// A store without a version, which no Pigear leaves.
    Unversioned,
    /// A store of an earlier version.
    Older(u32),
    /// A store of the version that this program writes.
    Current(u32),
    /// A store of a later version.
    Newer(u32),
}

impl StoreKind {
    /// Reads it, and changes nothing.
    ///
    /// # Errors
    /// If it can't be read.
    pub(crate) fn of(path: &Path) -> Result<Self, StoreProblem> {
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Nothing),
            Err(error) => return Err(error.into()),
            Ok(metadata) if !metadata.is_file() => return Ok(Self::Other),
            Ok(metadata) if metadata.len() == 0 => return Ok(Self::Nothing),
            Ok(_) => {}
        }
        access(path, AccessFlags::R_OK).map_err(io::Error::from)?;
        match Inspection::open(path).and_then(|it| it.application_and_version()) {
            Ok((APPLICATION, version)) => Ok(Self::versioned(version)),
            Ok(_) | Err(StoreProblem::NotAStore) => Ok(Self::Other),
            Err(problem) => Err(problem),
        }
    }

    fn versioned(version: u32) -> Self {
        match version {
            0 => Self::Unversioned,
            _ if version < VERSION => Self::Older(version),
            _ if version > VERSION => Self::Newer(version),
            _ => Self::Current(version),
        }
    }
}
