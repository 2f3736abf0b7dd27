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

    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut insert = connection.prepare_cached(
            "INSERT INTO block VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET \
            first = min(first, excluded.first), last = max(last, excluded.last), \
            received = max(received, excluded.received), n = n + excluded.n",
        )?;
        for (id, block) in &self.0 {
            insert.execute(params![id, block.first, block.last, block.received, block.n])?;
        }
        Ok(())
    }
}

/// The oldest stored block, if there is one.
pub(super) fn oldest(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM block ORDER BY id LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()
}
