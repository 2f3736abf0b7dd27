//! Constants of the file format that several modules share.

/// The alerts in a block: their ids differ only in the lowest six bits.
pub(super) const BLOCK: i64 = 64;

/// The blocks in a segment.
pub(super) const SEGMENT_BLOCKS: i64 = 64;

/// The alerts in a segment.
pub(super) const SEGMENT: i64 = BLOCK * SEGMENT_BLOCKS;

/// Identifies a store among other databases: "Pige".
pub(super) const APPLICATION: u32 = 0x5069_6765;

/// The version of the tables that this program writes.
pub(crate) const VERSION: u32 = 7;

/// Alerts have packets in them, which other users must not read.
pub(super) const MODE: u32 = 0o640;

/// The last id of the block with this one; any number may be asked for.
pub(super) fn end_of_block(id: i64) -> i64 {
    id | (BLOCK - 1)
}
