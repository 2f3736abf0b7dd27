//! The store's tables, and migrations from older versions.
//!
//! Alerts are stored in the order in which they came, 64 to a block, and 64 blocks to a segment. The
//! index (of signatures, addresses, ports, times) is by block, not by alert: that takes a fraction of the space
//! and time, counts come for free, and a block is searched quickly. A segment is indexed when it is
//! complete, so all writes are appends.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::error::StoreProblem;
use super::interned;
use super::layout::{APPLICATION, BLOCK, SEGMENT, VERSION};
use super::meta;
use super::triage;

/// The migration to each version from the one before.
const STEPS: [fn(&Transaction<'_>) -> rusqlite::Result<()>; VERSION as usize] =
    [first, second, third, fourth, fifth, sixth, seventh];

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
-- a destination (2), and others since version 6 (segment_index/key.rs), in chunks (segment_index/postings.rs),
-- each with its first key.
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

/// Ids are never reused (AUTOINCREMENT): readers cache the meaning of an id.
const SECOND: &str = "
-- A signature is found by the digest of all its columns. No alert of a block behind `until` has it, unless
-- `until` is moved first.
CREATE TABLE signature_2 (
    id INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB, until INTEGER NOT NULL,
    gid INTEGER NOT NULL, sid INTEGER NOT NULL, rev INTEGER NOT NULL,
    classification INTEGER NOT NULL, priority INTEGER NOT NULL,
    sent BLOB NOT NULL, msg BLOB NOT NULL,
    class TEXT, class_description TEXT, class_priority INTEGER, refs TEXT NOT NULL
);
INSERT INTO signature_2
    SELECT id, NULL, 0, gid, sid, rev, classification, priority, sent, msg, class, class_description,
    class_priority, refs FROM signature;
DROP TABLE signature;
ALTER TABLE signature_2 RENAME TO signature;
CREATE INDEX signature_by_sid ON signature (sid, gid);
CREATE UNIQUE INDEX signature_by_digest ON signature (digest);
CREATE INDEX signature_by_until ON signature (until);

CREATE TABLE origin_2 (
    id INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB, until INTEGER NOT NULL,
    sensor TEXT, socket BLOB, thread INTEGER, link_type INTEGER,
    pid INTEGER, uid INTEGER, dialect TEXT NOT NULL
);
INSERT INTO origin_2
    SELECT id, NULL, 0, sensor, socket, thread, link_type, pid, uid, dialect FROM origin;
DROP TABLE origin;
ALTER TABLE origin_2 RENAME TO origin;
CREATE UNIQUE INDEX origin_by_digest ON origin (digest);
CREATE INDEX origin_by_until ON origin (until);

-- The account of a lane since it is known, how many of its dead letters were removed unread, and to whom
-- it delivers.
ALTER TABLE lane ADD COLUMN handled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lane ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lane ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lane ADD COLUMN filtered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lane ADD COLUMN muted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lane ADD COLUMN removed_letters INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lane ADD COLUMN target TEXT;

-- A dead letter may be about more alerts than the one that it has, or have what could not be decoded.
-- `bytes` is what it takes of the file, roughly.
CREATE TABLE dead_letter_2 (
    id INTEGER PRIMARY KEY AUTOINCREMENT, lane TEXT NOT NULL, alert INTEGER NOT NULL,
    refused INTEGER NOT NULL, reason TEXT NOT NULL, again INTEGER NOT NULL DEFAULT 0,
    signature INTEGER NOT NULL, origin INTEGER NOT NULL, data BLOB NOT NULL,
    count INTEGER NOT NULL DEFAULT 1, damaged INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL
);
INSERT INTO dead_letter_2
    SELECT id, lane, alert, refused, reason, again, signature, origin, data, 1, 0,
    length(data) + length(reason) + 400 FROM dead_letter;
DROP TABLE dead_letter;
ALTER TABLE dead_letter_2 RENAME TO dead_letter;
CREATE INDEX dead_letter_again ON dead_letter (lane, id) WHERE again;
CREATE INDEX dead_letter_by_signature ON dead_letter (signature);
CREATE INDEX dead_letter_by_origin ON dead_letter (origin);
CREATE INDEX dead_letter_by_time ON dead_letter (refused) WHERE NOT again;

-- The bytes of all dead letters, kept up to date by triggers.
INSERT OR REPLACE INTO meta SELECT 'dead_letter_bytes', coalesce(sum(bytes), 0) FROM dead_letter;
CREATE TRIGGER dead_letter_added AFTER INSERT ON dead_letter BEGIN
    UPDATE meta SET value = value + new.bytes WHERE key = 'dead_letter_bytes';
END;
CREATE TRIGGER dead_letter_removed AFTER DELETE ON dead_letter BEGIN
    UPDATE meta SET value = value - old.bytes WHERE key = 'dead_letter_bytes';
END;
CREATE TRIGGER dead_letter_changed AFTER UPDATE OF bytes ON dead_letter BEGIN
    UPDATE meta SET value = value + new.bytes - old.bytes WHERE key = 'dead_letter_bytes';
END;
";

const THIRD: &str = "
-- What a lane has settled behind its mark, because it doesn't settle in order: the first and the last
-- alert of each range. No two touch.
CREATE TABLE settled (
    lane TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (lane, first)
) WITHOUT ROWID;

-- When a lane with a limit of messages sent the last ones (recent_sends.rs).
ALTER TABLE lane ADD COLUMN sends TEXT;
";

const SEVENTH: &str = "
-- When the last alert of a block was stored, by the clock of this machine (seconds). `received` is by the clock of
-- whoever received it.
ALTER TABLE block ADD COLUMN stored INTEGER NOT NULL DEFAULT 0;
UPDATE block SET stored = received;
";

fn first(change: &Transaction<'_>) -> rusqlite::Result<()> {
    change.execute_batch(FIRST)
}

fn second(change: &Transaction<'_>) -> rusqlite::Result<()> {
    change.execute_batch(SECOND)?;
    let block = meta::last_id(change)? / BLOCK;
    for table in ["signature", "origin"] {
        change.execute(&format!("UPDATE {table} SET until = ?1"), [block])?;
    }
    interned::add_digests(change)
}

fn third(change: &Transaction<'_>) -> rusqlite::Result<()> {
    change.execute_batch(THIRD)
}

/// There is triage; and the revision of a rule is in each alert's record, and not in the digest of its
/// signature any more.
fn fourth(change: &Transaction<'_>) -> rusqlite::Result<()> {
    change.execute_batch(triage::TABLES)?;
    change.execute("UPDATE signature SET digest = NULL", [])?;
    interned::add_signature_digests(change)
}

/// The marks of a block's alerts are bits.
fn fifth(change: &Transaction<'_>) -> rusqlite::Result<()> {
    change.execute_batch(triage::BITS)
}

/// Ports and lengths are indexed. Those of the segments that are complete will be later.
fn sixth(change: &Transaction<'_>) -> rusqlite::Result<()> {
    let open = meta::last_id(change)? / SEGMENT;
    if open > 0 { meta::set_number(change, meta::WITHOUT_NUMBERS, open) } else { Ok(()) }
}

/// A block is as old as its being stored.
fn seventh(change: &Transaction<'_>) -> rusqlite::Result<()> {
    change.execute_batch(SEVENTH)
}

/// Creates the tables in an empty database.
pub(super) fn create(connection: &mut Connection) -> Result<(), StoreProblem> {
    connection.pragma_update(None, "page_size", 8192)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    migrate(connection, 0)
}

/// Migrates tables of an older version, each step in a transaction.
pub(super) fn migrate(connection: &mut Connection, from: u32) -> Result<(), StoreProblem> {
    migrate_to(connection, from, VERSION)
}

/// The same, up to a version.
pub(super) fn migrate_to(
    connection: &mut Connection,
    from: u32,
    to: u32,
) -> Result<(), StoreProblem> {
    for (step, version) in STEPS.iter().zip(1..=to).skip(from as usize) {
        let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        step(&change)?;
        change.pragma_update(None, "application_id", APPLICATION)?;
        change.pragma_update(None, "user_version", version)?;
        change.commit()?;
    }
    Ok(())
}
