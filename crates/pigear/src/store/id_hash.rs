//! Maps and sets of row ids, which this program gives out itself: nobody can choose ids that collide, and the
//! hash may be a quick one.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

pub(super) type IdMap<T> = HashMap<i64, T, BuildHasherDefault<IdHasher>>;
pub(super) type IdSet = HashSet<i64, BuildHasherDefault<IdHasher>>;

/// An odd number with random bits: the golden ratio of 2^64.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Hashes one number.
#[derive(Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0.rotate_left(8) ^ u64::from(*byte)).wrapping_mul(FACTOR);
        }
    }

    fn write_i64(&mut self, id: i64) {
        self.0 = id.cast_unsigned().wrapping_mul(FACTOR);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
