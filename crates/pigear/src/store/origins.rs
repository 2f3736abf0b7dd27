//! Where stored alerts came from.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rusqlite::Row;

use super::error::{StoreError, StoreProblem};
use super::interned::OWN;
use super::reader::Reader;

/// The most origins that are read: each process that sent something is one.
const MOST: u32 = 1_000;

/// Where stored alerts came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredOrigin {
    /// The sensor.
    pub sensor: Option<String>,
    /// The socket.
    pub socket: Option<PathBuf>,
    /// The number of the packet thread that has its own socket, in a Snort 3 with several.
    pub thread: Option<u32>,
    /// The process that sent them.
    pub pid: Option<i32>,
    /// Its user.
    pub uid: Option<u32>,
    /// The datagrams' layout, or the version of Snort whose log they are from; `None` for Pigear's own alerts.
    pub dialect: Option<String>,
}

impl Reader {
    /// Where stored alerts came from, the latest origin first: at most 1,000 of them. One may be left for a
    /// while after its last alert was removed.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn origins(&self) -> Result<Vec<StoredOrigin>, StoreError> {
        self.try_origins().map_err(|problem| problem.at(&self.path))
    }

    fn try_origins(&self) -> Result<Vec<StoredOrigin>, StoreProblem> {
        // Origins that differ in the link type only are one.
        let sql = "SELECT sensor, socket, thread, pid, uid, dialect FROM origin \
            GROUP BY sensor, socket, thread, pid, uid, dialect ORDER BY max(id) DESC LIMIT ?1";
        let mut select = self.connection.prepare_cached(sql)?;
        let origins = select.query_map([MOST], origin)?;
        Ok(origins.collect::<Result<_, _>>()?)
    }
}

fn origin(row: &Row<'_>) -> rusqlite::Result<StoredOrigin> {
    let socket: Option<Vec<u8>> = row.get(1)?;
    Ok(StoredOrigin {
        sensor: row.get(0)?,
        socket: socket.map(|path| PathBuf::from(OsString::from_vec(path))),
        thread: row.get(2)?,
        pid: row.get(3)?,
        uid: row.get(4)?,
        dialect: Some(row.get(5)?).filter(|word| word != OWN),
    })
}
