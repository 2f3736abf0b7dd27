//! Removes unused signatures and origins.

use rusqlite::{Connection, params};

/// Whether there are rows that no alert of this block or a later one has.
pub(super) fn is_any_unused(connection: &Connection, oldest: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM signature WHERE until < ?1) \
            OR EXISTS (SELECT 1 FROM origin WHERE until < ?1)",
        )?
        .query_row([oldest], |row| row.get(0))
}

/// Removes rows that no alert of this block or a later one has, and no dead letter, and returns how many
/// these were; at most this many of each kind are checked.
pub(super) fn remove_unused(
    connection: &Connection,
    oldest: i64,
    until: i64,
    most: usize,
) -> rusqlite::Result<Removed> {
    let mut removed = Removed::default();
    for table in ["signature", "origin"] {
        let mut select = connection.prepare_cached(&format!(
            "SELECT id, EXISTS (SELECT 1 FROM dead_letter WHERE {table} = {table}.id) \
            FROM {table} WHERE until < ?1 LIMIT ?2"
        ))?;
        let rows = select.query_map(params![oldest, most], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let rows: Vec<(i64, bool)> = rows.collect::<Result<_, _>>()?;
        removed.more |= rows.len() == most;
        for (id, has_letters) in rows {
            if has_letters {
                // It is checked again later.
                connection
                    .prepare_cached(&format!("UPDATE {table} SET until = ?2 WHERE id = ?1"))?
                    .execute([id, until])?;
            } else {
                connection
                    .prepare_cached(&format!("DELETE FROM {table} WHERE id = ?1"))?
                    .execute([id])?;
                removed.rows += 1;
            }
        }
    }
    Ok(removed)
}

/// The result of removing unused rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Removed {
    pub(super) rows: usize,
    /// Whether there may be more.
    pub(super) more: bool,
}
