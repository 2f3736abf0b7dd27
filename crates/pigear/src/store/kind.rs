//! What a file is, as `SQLite` reads it together with its journal: the file alone may say something else.

use std::path::Path;
use std::{fs, io};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use rusqlite::Connection;

use super::error::StoreProblem;
use super::layout::APPLICATION;

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// No file, or an empty one.
    Nothing,
    /// A store of this version.
    Store(u32),
    Other,
}

/// What is wrong with a store of version 0.
pub(super) const NO_VERSION: &str = "its version is 0, which no Pigear writes";

impl FileKind {
    /// Reads the version by a connection, which is not opened unless it may be a store. The file is not read directly:
    /// closing it would release the locks that this process's connections have on it.
    pub(super) fn read(
        path: &Path,
        connect: impl FnOnce() -> Result<Connection, StoreProblem>,
    ) -> Result<Self, StoreProblem> {
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Nothing),
            Err(error) => return Err(error.into()),
            Ok(metadata) if metadata.is_dir() => {
                return Err(io::Error::from(Errno::EISDIR).into());
            }
            Ok(metadata) if !metadata.is_file() => return Ok(Self::Other),
            Ok(metadata) if metadata.len() == 0 => return Ok(Self::Nothing),
            Ok(_) => {}
        }
        access(path, AccessFlags::R_OK).map_err(io::Error::from)?;
        let number = |connection: &Connection, pragma| {
            connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, u32>(0))
        };
        let numbers = connect().and_then(|connection| {
            Ok((number(&connection, "application_id")?, number(&connection, "user_version")?))
        });
        match numbers {
            // Tables come together with a version.
            Ok((APPLICATION, 0)) => Err(StoreProblem::Damaged(NO_VERSION.to_owned())),
            Ok((APPLICATION, version)) => Ok(Self::Store(version)),
            Ok(_) | Err(StoreProblem::NotAStore) => Ok(Self::Other),
            Err(problem) => Err(problem),
        }
    }
}
