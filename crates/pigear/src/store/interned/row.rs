use rusqlite::{Connection, Row};

/// A table in which each digest occurs once.
pub(in crate::store) trait InternedTable {
    /// Its name.
    const TABLE: &'static str;
}

/// A row of such a table, as it is read.
pub(in crate::store) trait InternedRow: InternedTable + Sized {
    /// The columns that a row is read from, by position: finding them by name takes longer than reading them.
    const COLUMNS: &'static str;

    /// Reads a row of [`COLUMNS`](Self::COLUMNS).
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self>;

    /// The digest of its columns.
    fn stored_digest(&self) -> [u8; 16];
}

/// A row of such a table, as it is looked for and added.
pub(in crate::store) trait WantedRow: InternedTable {
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
