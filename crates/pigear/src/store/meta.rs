//! The table of single values.

use rusqlite::{Connection, OptionalExtension, params};

/// The segments before this one have no ports and lengths in their index.
pub(super) const WITHOUT_NUMBERS: &str = "segments_without_numbers";

/// A number in the table.
pub(super) fn number(connection: &Connection, key: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// Stores a number.
pub(super) fn set_number(connection: &Connection, key: &str, value: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?
        .execute(params![key, value])?;
    Ok(())
}

/// The last id that was assigned: none is assigned twice, even if its alert was removed.
pub(super) fn last_id(connection: &Connection) -> rusqlite::Result<i64> {
    Ok(number(connection, "last")?.unwrap_or_default())
}

/// The version of the store's tables: that of a store which is only read may be older than this program's.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}
