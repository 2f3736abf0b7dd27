//! Reads chunks of blocks, on a thread of its own.

use pigear_alert::Alert;
use rusqlite::Connection;

use super::interned::InternedRows;
use super::row;

/// Reads chunks of blocks for a [`Reader`](super::reader::Reader) whose search several threads share.
pub(super) struct ChunkReader {
    pub(super) connection: Connection,
    pub(super) interned: InternedRows,
    /// The last alert, whose memory the next one gets.
    pub(super) alert: Alert,
}

impl ChunkReader {
    /// One that reads by this connection.
    pub(super) fn new(connection: Connection, interned: InternedRows) -> Self {
        Self { connection, interned, alert: row::empty_alert() }
    }
}
