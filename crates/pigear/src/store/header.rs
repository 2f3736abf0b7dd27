use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::layout::{APPLICATION, VERSION};

/// What a file's header says, without opening the database. Only for processes that don't open it besides:
/// closing the file would release their locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreHeader {
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

impl StoreHeader {
    /// Reads it, and changes nothing.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Nothing),
            Err(error) => return Err(error),
            Ok(metadata) if !metadata.is_file() => return Ok(Self::Other),
            Ok(metadata) if metadata.len() == 0 => return Ok(Self::Nothing),
            Ok(_) => {}
        }
        let mut header = [0; 100];
        match File::open(path)?.read_exact(&mut header) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Self::Other),
            result => result?,
        }
        Ok(Self::of(&header))
    }

    /// `SQLite`'s header: `user_version` at 60 and `application_id` at 68, most significant byte first.
    fn of(header: &[u8; 100]) -> Self {
        let number = |at: usize| {
            let bytes = header.get(at..).and_then(|bytes| bytes.first_chunk());
            u32::from_be_bytes(bytes.copied().unwrap_or_default())
        };
        let (version, application) = (number(60), number(68));
        match version {
            _ if !header.starts_with(b"SQLite format 3\0") || application != APPLICATION => {
                Self::Other
            }
            0 => Self::Unversioned,
            _ if version < VERSION => Self::Older(version),
            _ if version > VERSION => Self::Newer(version),
            _ => Self::Current(version),
        }
    }
}
