//! The table of what has one value.

use rusqlite::{Connection, OptionalExtension, params};

/// A number that the store keeps.
pub(super) fn number(connection: &Connection, key: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// Keeps a number.
pub(super) fn set_number(connection: &Connection, key: &str, value: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?
        .execute(params![key, value])?;
    Ok(())
}

/// The last id that was given: none is given twice, even if its alert was removed.
pub(super) fn last_id(connection: &Connection) -> rusqlite::Result<i64> {
    Ok(number(connection, "last")?.unwrap_or_default())
}

/// The version of the store's tables: one that is only read may be older than this program's.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}
