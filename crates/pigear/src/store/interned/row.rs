use rusqlite::{Connection, Row};

/// A row of a table in which each digest occurs once.
pub(in crate::store) trait InternedRow: Sized {
    /// The table.
    const TABLE: &'static str;
    /// Selects all columns of the row with an id.
    const SELECT: &'static str;
    /// Selects the id and the last block of the row with a digest.
    const FIND: &'static str;
    /// Sets the last block of the row with an id.
    const RENEW: &'static str;

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self>;

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
