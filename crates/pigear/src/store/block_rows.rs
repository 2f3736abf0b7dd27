//! The time range of each block.

use std::collections::HashMap;

use pigear_alert::Alert;
use rusqlite::{Connection, OptionalExtension, params};

use super::layout::BLOCK;
use super::record;

/// The time ranges of the blocks of a batch.
#[derive(Default)]
pub(super) struct BlockRows(HashMap<i64, BlockRow>);

/// The time range of one block.
struct BlockRow {
    first: i64,
    last: i64,
    received: i64,
    n: i64,
}

impl BlockRows {
    pub(super) fn add(&mut self, alert: &Alert, id: i64) {
        let time = record::microseconds(alert.timestamp());
        let received = alert.received.as_second();
        let block = self.0.entry(id / BLOCK).or_insert(BlockRow {
            first: time,
            last: time,
            received,
            n: 0,
        });
        block.first = block.first.min(time);
        block.last = block.last.max(time);
        block.received = block.received.max(received);
        block.n += 1;
    }

    /// Writes them, as stored at this time, in seconds since 1970.
    pub(super) fn write(&self, stored: i64, connection: &Connection) -> rusqlite::Result<()> {
        let mut insert = connection.prepare_cached(
            "INSERT INTO block VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET \
            first = min(first, excluded.first), last = max(last, excluded.last), \
            received = max(received, excluded.received), n = n + excluded.n, \
            stored = max(stored, excluded.stored)",
        )?;
        for (id, block) in &self.0 {
            let BlockRow { first, last, received, n } = block;
            insert.execute(params![id, first, last, received, n, stored])?;
        }
        Ok(())
    }
}

/// The column with the time by which a block has its age, in a store of this version.
pub(super) fn time_of_age(version: u32) -> &'static str {
    if version < 7 { "received" } else { "stored" }
}

/// The oldest stored block, if there is one.
pub(super) fn oldest(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM block ORDER BY id LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()
}
