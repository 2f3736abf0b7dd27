//! A datagram as it was sent.

use std::fmt;

/// How many bytes are looked at together.
const CHUNK: usize = 64;

/// A datagram as it was sent, in less memory: most of it is zero bytes between the packet and the event.
///
/// ```
/// use pigear_alert::Datagram;
///
/// let sent = [&b"ICMP PING"[..], &[0; 65_850], b"event"].concat();
/// let datagram = Datagram::new(&sent);
/// assert_eq!(datagram.len(), 65_864);
/// assert!(datagram.memory() < 200);
/// assert_eq!(datagram.to_vec(), sent);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Datagram {
    /// All chunks with a byte that isn't zero, and what follows the last whole chunk.
    kept: Box<[u8]>,
    stretches: Box<[Stretch]>,
    len: usize,
}

/// Chunks that are kept, and the zero ones behind them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stretch {
    kept: u32,
    zero: u32,
}

impl Datagram {
    /// Keeps a datagram.
    #[must_use]
    pub fn new(sent: &[u8]) -> Self {
        let (chunks, rest) = sent.as_chunks::<CHUNK>();
        let (mut kept, mut stretches, mut last) = (Vec::new(), Vec::new(), Stretch::default());
        for chunk in chunks {
            if *chunk == [0; CHUNK] {
                last.zero += 1;
                continue;
            }
            kept.extend_from_slice(chunk);
            if last.zero > 0 {
                stretches.push(std::mem::take(&mut last));
            }
            last.kept += 1;
        }
        stretches.push(last);
        kept.extend_from_slice(rest);
        Self { kept: kept.into(), stretches: stretches.into(), len: sent.len() }
    }

    /// How many bytes were sent.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All bytes that were sent.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut sent = Vec::with_capacity(self.len);
        let mut left = &*self.kept;
        for stretch in &self.stretches {
            let (kept, rest) = left.split_at(left.len().min(stretch.kept as usize * CHUNK));
            sent.extend_from_slice(kept);
            sent.resize(sent.len() + stretch.zero as usize * CHUNK, 0);
            left = rest;
        }
        sent.extend_from_slice(left);
        sent
    }

    /// How many bytes it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.kept.len() + size_of_val(&*self.stretches)
    }
}

impl fmt::Debug for Datagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datagram").field("len", &self.len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_bytes_come_back(parts in prop::collection::vec((0_u8..3, 0_usize..200), 0..12)) {
            let sent: Vec<u8> = parts.iter().flat_map(|(byte, len)| vec![*byte; *len]).collect();
            let datagram = Datagram::new(&sent);
            prop_assert_eq!(datagram.to_vec(), sent);
        }
    }

    #[test]
    fn zeros_take_no_memory() {
        assert_eq!(Datagram::new(&vec![0; 65_536]).memory(), size_of::<Stretch>());
        assert!(Datagram::new(&[]).is_empty());
    }
}
