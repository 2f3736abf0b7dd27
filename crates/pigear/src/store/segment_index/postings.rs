//! The encoding of the index.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | length of the key |
//! | so many | the key |
//! | 1 | how many blocks follow |
//! | 2 each | the block, within its segment; how many of its alerts have the key |
//!
//! And so on, in the order of the keys.

use super::blocks::Blocks;
use super::key::{Key, KeyKind};

/// The size of a full chunk, in bytes: four fit into a page.
const COMPLETE: usize = 1_800;

/// How many alerts of a segment's blocks have a key.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Posting<'a> {
    pub(in crate::store) key: Key,
    /// The blocks, each with its number of alerts.
    counts: &'a [[u8; 2]],
}

impl<'a> Posting<'a> {
    /// The blocks with such alerts.
    pub(super) fn blocks(self) -> Blocks {
        let mut blocks = Blocks::default();
        for [block, _] in self.counts {
            blocks.add((*block).into());
        }
        blocks
    }

    /// The blocks, counted within the segment, each with its number of alerts.
    pub(in crate::store) fn counts(self) -> impl Iterator<Item = (i64, u64)> + 'a {
        self.counts.iter().map(|[block, alerts]| ((*block).into(), (*alerts).into()))
    }

    /// The number of alerts in some blocks.
    pub(in crate::store) fn alerts(self, within: Blocks) -> u64 {
        let counts = self.counts.iter().filter(|[block, _]| within.has((*block).into()));
        counts.map(|[_, alerts]| u64::from(*alerts)).sum()
    }
}

/// A chunk, with its kind and its first key.
pub(super) struct PostingList {
    pub(super) kind: KeyKind,
    pub(super) first: Key,
    pub(super) bytes: Vec<u8>,
}

/// An alert of a block, counted within its segment, has a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Occurrence {
    pub(super) kind: KeyKind,
    pub(super) key: Key,
    pub(super) block: u8,
}

impl Occurrence {
    /// The order of kinds, keys and blocks, as numbers, which are compared quickly.
    pub(super) fn order(&self) -> (u8, u128, u8, u8) {
        let (bytes, len) = self.key.order();
        (self.kind as u8, bytes, len, self.block)
    }
}

/// The chunks of a segment's index, from the sorted keys of its alerts.
pub(super) fn write(sorted: &[Occurrence]) -> Vec<PostingList> {
    let mut chunks = Vec::<PostingList>::new();
    for of_key in sorted.chunk_by(|a, b| (a.kind, a.key) == (b.kind, b.key)) {
        let Some(&Occurrence { kind, key, .. }) = of_key.first() else { continue };
        let mut chunk = chunks
            .pop_if(|chunk| chunk.kind == kind && chunk.bytes.len() < COMPLETE)
            .unwrap_or(PostingList { kind, first: key, bytes: Vec::new() });
        let in_blocks = || of_key.chunk_by(|a, b| a.block == b.block);
        chunk.bytes.push(key.len);
        chunk.bytes.extend_from_slice(key.as_bytes());
        chunk.bytes.push(u8::try_from(in_blocks().count()).unwrap_or(u8::MAX));
        for in_block in in_blocks() {
            let alerts = u8::try_from(in_block.len()).unwrap_or(u8::MAX);
            chunk
                .bytes
                .extend(in_block.first().map(|first| [first.block, alerts]).into_iter().flatten());
        }
        chunks.push(chunk);
    }
    chunks
}

/// Decodes a chunk of a segment's index; `None` if it is invalid: keys are in order, and each has blocks.
pub(super) fn read(mut rest: &[u8], mut visit: impl FnMut(Posting<'_>)) -> Option<()> {
    let mut last = None;
    while let Some(len) = rest.split_off_first() {
        let key = Key::new(rest.split_off(..usize::from(*len))?)?;
        let blocks = rest.split_off_first().filter(|blocks| **blocks > 0)?;
        let (counts, _) = rest.split_off(..usize::from(*blocks) * 2)?.as_chunks();
        if last.replace(key).is_some_and(|last| last >= key) {
            return None;
        }
        visit(Posting { key, counts });
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::btree_map;
    use proptest::prelude::*;

    use super::*;

    fn kind() -> impl Strategy<Value = KeyKind> {
        prop_oneof![Just(KeyKind::Signature), Just(KeyKind::Source), Just(KeyKind::Destination)]
    }

    fn key() -> impl Strategy<Value = Key> {
        prop_oneof![
            any::<u8>().prop_map(|id| Key::signature(id.into())),
            any::<[u8; 4]>().prop_map(|ip| std::net::IpAddr::from(ip).into()),
            any::<[u8; 16]>().prop_map(|ip| std::net::IpAddr::from(ip).into()),
        ]
    }

    proptest! {
        #[test]
        fn notes_come_back(counts in btree_map((kind(), key(), 0..64_u8), 1..=64_u8, 0..500)) {
            let mut back = BTreeMap::new();
            let of = |(&(kind, key, block), &alerts): (&(KeyKind, Key, u8), &u8)| {
                std::iter::repeat_n(Occurrence { kind, key, block }, alerts.into())
            };
            let sorted: Vec<_> = counts.iter().flat_map(of).collect();
            prop_assert!(sorted.is_sorted_by_key(Occurrence::order));
            let mut last = None;
            for PostingList { kind, first, bytes } in write(&sorted) {
                prop_assert!(last < Some((kind, first)), "chunks are in order");
                let mut least = None;
                read(&bytes, |posting| {
                    least.get_or_insert(posting.key);
                    let counts = posting.counts.iter();
                    back.extend(counts.map(|[block, alerts]| ((kind, posting.key, *block), *alerts)));
                    last = Some((kind, posting.key));
                }).unwrap();
                prop_assert_eq!(least, Some(first));
            }
            prop_assert_eq!(back, counts);
        }

        #[test]
        fn bytes_that_are_no_notes_are_no_trouble(bytes: Vec<u8>) {
            let mut understood = 0;
            let outcome = read(&bytes, |posting| {
                understood += 2 + posting.key.as_bytes().len() + 2 * posting.counts.len();
            });
            prop_assert!(understood <= bytes.len());
            prop_assert_eq!(outcome.is_some(), understood == bytes.len());
        }
    }
}
