//! What a thread needs that reads a part of a search.

use pigear_alert::Alert;
use rusqlite::Connection;

use super::interned::InternedRows;
use super::row;

/// What such a thread has of its own.
pub(super) struct Helper {
    pub(super) connection: Connection,
    pub(super) interned: InternedRows,
    /// The last alert, whose memory the next one gets.
    pub(super) alert: Alert,
}

impl Helper {
    /// One that reads by this connection.
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, interned: InternedRows::default(), alert: row::empty_alert() }
    }
}
