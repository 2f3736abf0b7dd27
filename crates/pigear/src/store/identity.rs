//! The identity of a store: random, and kept in it, so that a copy has it too.

use std::fmt;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::str::FromStr;
use std::time::UNIX_EPOCH;

use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};

/// The key of the identity.
const KEY: &str = "identity";

/// Which store it is: another store at the same path has another.
///
/// A copy of a store, such as a backup, has the same, but may have other alerts behind those that were copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoreIdentity(u64);

impl StoreIdentity {
    /// Of a store that has none, because no Pigear of this version has written to it: that of its file.
    pub(super) fn of_file(path: &Path) -> Self {
        Self(fs::metadata(path).map_or(0, |file| digest(&file)))
    }

    /// That of a store, or this one.
    pub(super) fn of(connection: &Connection, otherwise: Self) -> rusqlite::Result<Self> {
        let found = connection
            .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
            .query_row([KEY], |row| Ok(row.get_ref(0)?.as_str().ok().map(str::to_owned)))
            .optional()?;
        Ok(found.flatten().and_then(|text| text.parse().ok()).unwrap_or(otherwise))
    }
}

fn digest(file: &Metadata) -> u64 {
    let born = file.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    let numbers =
        [u128::from(file.dev()), u128::from(file.ino()), born.map_or(0, |born| born.as_nanos())];
    let digest = Sha256::digest(numbers.map(u128::to_le_bytes).concat());
    digest.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

/// Gives a store its identity, unless it has one.
pub(super) fn ensure(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "INSERT OR IGNORE INTO meta VALUES (?1, lower(hex(randomblob(8))))";
    connection.execute(sql, [KEY]).map(drop)
}

impl fmt::Display for StoreIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The text is not the identity of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 16 hexadecimal digits in lower case")]
pub struct NotAnIdentity;

impl FromStr for StoreIdentity {
    type Err = NotAnIdentity;

    fn from_str(text: &str) -> Result<Self, NotAnIdentity> {
        let is_digit = |letter: u8| letter.is_ascii_digit() || (b'a'..=b'f').contains(&letter);
        if text.len() != 16 || !text.bytes().all(is_digit) {
            return Err(NotAnIdentity);
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| NotAnIdentity)
    }
}
