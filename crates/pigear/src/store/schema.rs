//! The store's tables, and how those of older versions become these.
//!
//! Alerts are kept in the order in which they came, 64 to a block, and 64 blocks to a segment. What is
//! searched by (signatures, addresses, times) is indexed of blocks, not of alerts: that takes a fraction
//! of the room and of the time, counts come for nothing, and a block is quickly looked through. And it is
//! indexed once a segment is complete: so whatever is written goes behind what was written before.

use rusqlite::{Connection, TransactionBehavior};

use super::error::StoreProblem;

/// How many alerts a block has: the alerts whose ids differ only in the lowest six bits.
pub(super) const BLOCK: i64 = 64;

/// How many blocks a segment has.
pub(super) const SEGMENT_BLOCKS: i64 = 64;

/// How many alerts a segment has.
pub(super) const SEGMENT: i64 = BLOCK * SEGMENT_BLOCKS;

/// Tells a store from other databases: "Pige".
pub(super) const APPLICATION: u32 = 0x5069_6765;

/// The version of the tables that this program writes.
pub(super) const VERSION: u32 = 1;

/// What makes the tables of each version out of those of the one before.
const STEPS: [&str; VERSION as usize] = [FIRST];

const FIRST: &str = "
-- Whatever has one value.
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- What many alerts have in common: the rule, with the names that belonged to it.
CREATE TABLE signature (
    id INTEGER PRIMARY KEY, gid INTEGER NOT NULL, sid INTEGER NOT NULL, rev INTEGER NOT NULL,
    classification INTEGER NOT NULL, priority INTEGER NOT NULL,
    sent BLOB NOT NULL, msg BLOB NOT NULL,
    class TEXT, class_description TEXT, class_priority INTEGER, refs TEXT NOT NULL
);
CREATE INDEX signature_by_sid ON signature (sid, gid);

-- The same: where they came from.
CREATE TABLE origin (
    id INTEGER PRIMARY KEY, sensor TEXT, socket BLOB, thread INTEGER, link_type INTEGER,
    pid INTEGER, uid INTEGER, dialect TEXT NOT NULL
);

-- The alerts. The rest of each, with its packet, is in `data` (record.rs).
CREATE TABLE alert (
    id INTEGER PRIMARY KEY, signature INTEGER NOT NULL, origin INTEGER NOT NULL, data BLOB NOT NULL
);

-- The blocks: from when (microseconds since 1970) the alerts are, when the last was received
-- (seconds), and how many there are.
CREATE TABLE block (
    id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL,
    received INTEGER NOT NULL, n INTEGER NOT NULL
);
CREATE INDEX block_by_last ON block (last);

-- The segments that are complete: how many alerts of which block have a signature (kind 0), a source (1),
-- a destination (2), in chunks (index/chunk.rs), each with its first key.
CREATE TABLE note (
    id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, segment INTEGER NOT NULL, first BLOB NOT NULL,
    chunk BLOB NOT NULL
);
CREATE UNIQUE INDEX note_by_key ON note (kind, segment, first);

-- The durable lanes: up to which alert each is done, and how far the batch goes that it has begun.
CREATE TABLE lane (
    name TEXT PRIMARY KEY, done INTEGER NOT NULL, begun INTEGER NOT NULL, moved INTEGER
) WITHOUT ROWID;

-- What was refused for good, with a copy of the alert, since that may be removed meanwhile.
CREATE TABLE dead_letter (
    id INTEGER PRIMARY KEY, lane TEXT NOT NULL, alert INTEGER NOT NULL, refused INTEGER NOT NULL,
    reason TEXT NOT NULL, again INTEGER NOT NULL DEFAULT 0,
    signature INTEGER NOT NULL, origin INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE INDEX dead_letter_again ON dead_letter (lane, id) WHERE again;
";

/// Makes a store out of an empty database.
pub(super) fn create(connection: &mut Connection) -> Result<(), StoreProblem> {
    connection.pragma_update(None, "page_size", 8192)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    migrate(connection, 0)
}

/// Brings tables of an older version up to date, each step whole or not at all.
pub(super) fn migrate(connection: &mut Connection, from: u32) -> Result<(), StoreProblem> {
    for (step, version) in STEPS.iter().zip(1..=VERSION).skip(from as usize) {
        let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        change.execute_batch(step)?;
        change.pragma_update(None, "application_id", APPLICATION)?;
        change.pragma_update(None, "user_version", version)?;
        change.commit()?;
    }
    Ok(())
}
