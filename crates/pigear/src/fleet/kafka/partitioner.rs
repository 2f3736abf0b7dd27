//! Which partition an alert goes to: the one that Kafka's own producers choose for the same key.

const SEED: u32 = 0x9747_b28c;
const FACTOR: u32 = 0x5bd1_e995;

/// The partition of a key, of this number of partitions.
pub(super) fn partition(key: &[u8], partitions: usize) -> usize {
    let positive = murmur2(key) & 0x7fff_ffff;
    (positive as usize).checked_rem(partitions).unwrap_or_default()
}

/// Murmur2 with 32 bits, as in Kafka's `Utils.murmur2`.
fn murmur2(data: &[u8]) -> u32 {
    let (chunks, rest) = data.as_chunks::<4>();
    let mut hash = SEED ^ u32::try_from(data.len()).unwrap_or(u32::MAX);
    for chunk in chunks {
        let mut word = u32::from_le_bytes(*chunk).wrapping_mul(FACTOR);
        word ^= word >> 24;
        hash = hash.wrapping_mul(FACTOR) ^ word.wrapping_mul(FACTOR);
    }
    for (index, byte) in rest.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * index);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(FACTOR);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(FACTOR);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values are those of Kafka's own test of its hash.
    #[test]
    fn keys_are_hashed_as_by_kafka() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
        assert_eq!(partition(b"abc", 1), 0);
        assert_eq!(partition(b"abc", 10), 7);
        assert_eq!(partition(b"abc", 0), 0);
    }
}
