//! What the files of a store have in common: numbers that more than one part must agree on.

/// How many alerts a block has: the alerts whose ids differ only in the lowest six bits.
pub(super) const BLOCK: i64 = 64;

/// How many blocks a segment has.
pub(super) const SEGMENT_BLOCKS: i64 = 64;

/// How many alerts a segment has.
pub(super) const SEGMENT: i64 = BLOCK * SEGMENT_BLOCKS;

/// Tells a store from other databases: "Pige".
pub(super) const APPLICATION: u32 = 0x5069_6765;

/// The version of the tables that this program writes.
pub(super) const VERSION: u32 = 2;

/// Alerts have packets in them, which are nobody else's business.
pub(super) const MODE: u32 = 0o640;
