//! Writing alerts.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use pigear_alert::Alert;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::error::Problem;
use super::open::{self, Lock};
use super::record;
use super::schema::BLOCK;
use super::sides::Ids;

/// The one that writes alerts.
pub(super) struct Writer {
    pub(super) connection: Connection,
    path: PathBuf,
    lock: Lock,
    ids: Ids,
    /// The id of the last alert that was stored.
    last: i64,
    record: Vec<u8>,
}

/// An address as bytes: 4 or 16.
pub(super) fn address(ip: IpAddr) -> ([u8; 16], usize) {
    let mut bytes = [0; 16];
    let len = match ip {
        IpAddr::V4(ip) => {
            bytes[..4].copy_from_slice(&ip.octets());
            4
        }
        IpAddr::V6(ip) => {
            bytes = ip.octets();
            16
        }
    };
    (bytes, len)
}

/// What is noted of the blocks that a batch is in.
#[derive(Default)]
struct Notes {
    blocks: HashMap<i64, Block>,
    signed: HashMap<(i64, i64), i64>,
    sources: HashMap<(IpAddr, i64), i64>,
    destinations: HashMap<(IpAddr, i64), i64>,
}

/// From when alerts of one block are.
struct Block {
    first: i64,
    last: i64,
    received: i64,
    n: i64,
}

impl Notes {
    fn add(&mut self, alert: &Alert, id: i64, signature: i64) {
        let block = id / BLOCK;
        let (time, received) =
            (record::microseconds(alert.timestamp()), alert.received.as_second());
        let noted =
            self.blocks.entry(block).or_insert(Block { first: time, last: time, received, n: 0 });
        noted.first = noted.first.min(time);
        noted.last = noted.last.max(time);
        noted.received = noted.received.max(received);
        noted.n += 1;
        *self.signed.entry((signature, block)).or_default() += 1;
        if let Some(ip) = alert.src_ip() {
            *self.sources.entry((ip, block)).or_default() += 1;
        }
        if let Some(ip) = alert.dst_ip() {
            *self.destinations.entry((ip, block)).or_default() += 1;
        }
    }

    fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut insert = connection.prepare_cached(
            "INSERT INTO block VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET \
            first = min(first, excluded.first), last = max(last, excluded.last), \
            received = max(received, excluded.received), n = n + excluded.n",
        )?;
        for (id, block) in &self.blocks {
            insert.execute(params![id, block.first, block.last, block.received, block.n])?;
        }
        let mut insert = connection.prepare_cached(
            "INSERT INTO signed VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET n = n + excluded.n",
        )?;
        for ((signature, block), n) in &self.signed {
            insert.execute(params![signature, block, n])?;
        }
        drop(insert);
        write_addresses(connection, "source", &self.sources)?;
        write_addresses(connection, "destination", &self.destinations)
    }
}

fn write_addresses(
    connection: &Connection,
    table: &str,
    noted: &HashMap<(IpAddr, i64), i64>,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(&format!(
        "INSERT INTO {table} VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET n = n + excluded.n"
    ))?;
    // In their order, so that neighbours are written together.
    let mut sorted: Vec<_> = noted.iter().collect();
    sorted.sort_unstable();
    for ((ip, block), n) in sorted {
        let (bytes, len) = address(*ip);
        insert.execute(params![bytes.get(..len), block, n])?;
    }
    Ok(())
}

impl Writer {
    /// Opens a store, or creates it.
    pub(super) fn open(path: PathBuf) -> Result<Self, Problem> {
        let (connection, lock) = open::to_write(&path)?;
        let last = last_id(&connection)?;
        Ok(Self { connection, path, lock, ids: Ids::default(), last, record: Vec::new() })
    }

    /// The id of the last alert that was stored; 0 if there was none yet.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    /// Stores alerts, all or none, and returns the id of the last.
    pub(super) fn append(&mut self, alerts: &[Arc<Alert>]) -> Result<i64, Problem> {
        let result = self.try_append(alerts);
        match result {
            Ok(last) => {
                self.last = last;
                Ok(last)
            }
            Err(error) => {
                // Some may be known that were taken back.
                self.ids = Ids::default();
                Err(error.into())
            }
        }
    }

    fn try_append(&mut self, alerts: &[Arc<Alert>]) -> rusqlite::Result<i64> {
        let Self { connection, ids, record, .. } = self;
        let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut id = self.last;
        let mut notes = Notes::default();
        {
            let mut insert = change.prepare_cached("INSERT INTO alert VALUES (?1, ?2, ?3, ?4)")?;
            for alert in alerts {
                id += 1;
                let (signature, origin) = ids.of(alert, &change)?;
                record.clear();
                record::encode(alert, record);
                insert.execute(params![id, signature, origin, &*record])?;
                notes.add(alert, id, signature);
            }
        }
        notes.write(&change)?;
        let mut note = change.prepare_cached("INSERT OR REPLACE INTO meta VALUES ('last', ?1)")?;
        note.execute([id])?;
        drop(note);
        change.commit()?;
        Ok(id)
    }

    /// Begins a change that is made whole or not at all.
    pub(super) fn change(&mut self) -> rusqlite::Result<(Transaction<'_>, &mut Ids)> {
        let change = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        Ok((change, &mut self.ids))
    }

    /// Ends in order. What is still written after this is checked at the next start.
    pub(super) fn close(&mut self) {
        if let Err(error) = open::checkpoint(&self.connection) {
            tracing::debug!("{}: {error}", self.path.display());
        }
        open::leave(&mut self.lock, &self.path);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

/// The last id that was given: none is given twice, even if its alert was removed.
pub(super) fn last_id(connection: &Connection) -> rusqlite::Result<i64> {
    let last: Option<i64> = connection
        .query_row("SELECT value FROM meta WHERE key = 'last'", [], |row| row.get(0))
        .optional()?;
    Ok(last.unwrap_or_default())
}
