use rusqlite::{Connection, Row};

/// A row of a table in which each digest occurs once, as it is read.
pub(in crate::store) trait InternedRow: Sized {
    /// The table.
    const TABLE: &'static str;
    /// The columns that a row is read from, by position: finding them by name takes longer than reading them.
    const COLUMNS: &'static str;

    /// Reads a row of [`COLUMNS`](Self::COLUMNS).
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self>;

    /// The digest of its columns.
    fn stored_digest(&self) -> [u8; 16];
}

/// A row of such a table, as it is looked for and added.
pub(in crate::store) trait WantedRow {
    /// Selects the id and the last block of the row with a digest.
    const FIND: &'static str;
    /// Sets the last block of the row with an id.
    const RENEW: &'static str;

    /// Equal for equal rows only.
    fn digest(&self) -> [u8; 16];

    /// Adds the row, unless there is one with this digest, and returns how many were added.
    fn insert(
        &self,
        digest: &[u8; 16],
        until: i64,
        connection: &Connection,
    ) -> rusqlite::Result<usize>;
}
