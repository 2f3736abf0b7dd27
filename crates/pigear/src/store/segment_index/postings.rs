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

use std::collections::BTreeMap;

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

impl Posting<'_> {
    /// The blocks with such alerts.
    pub(super) fn blocks(self) -> Blocks {
        let mut blocks = Blocks::default();
        for [block, _] in self.counts {
            blocks.add((*block).into());
        }
        blocks
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

/// The chunks of a segment's index.
pub(super) fn write(counts: &BTreeMap<(KeyKind, Key, u8), u8>) -> Vec<PostingList> {
    let index = counts.iter().map(|(&(kind, key, block), &alerts)| (kind, key, block, alerts));
    let (index, mut chunks) = (index.collect::<Vec<_>>(), Vec::<PostingList>::new());
    for of_key in index.chunk_by(|(kind, key, ..), (is, of, ..)| (kind, key) == (is, of)) {
        let Some(&(kind, key, ..)) = of_key.first() else { continue };
        let mut chunk = chunks
            .pop_if(|chunk| chunk.kind == kind && chunk.bytes.len() < COMPLETE)
            .unwrap_or(PostingList { kind, first: key, bytes: Vec::new() });
        chunk.bytes.push(key.len);
        chunk.bytes.extend_from_slice(key.as_bytes());
        chunk.bytes.push(u8::try_from(of_key.len()).unwrap_or(u8::MAX));
        chunk.bytes.extend(of_key.iter().flat_map(|(.., block, alerts)| [block, alerts]));
        chunks.push(chunk);
    }
    chunks
}

/// Decodes a chunk of a segment's index; `None` if it is invalid.
pub(super) fn read(mut rest: &[u8], mut visit: impl FnMut(Posting<'_>)) -> Option<()> {
    while let Some(len) = rest.split_off_first() {
        let key = Key::new(rest.split_off(..usize::from(*len))?)?;
        let blocks = rest.split_off_first()?;
        let (counts, _) = rest.split_off(..usize::from(*blocks) * 2)?.as_chunks();
        visit(Posting { key, counts });
    }
    Some(())
}

#[cfg(test)]
mod tests {
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
            let mut last = None;
            for PostingList { kind, first, bytes } in write(&counts) {
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
