//! Digests that identify rows.

use sha2::{Digest as _, Sha256};

/// A digest of a row's columns: the first 128 bits of SHA-256. The columns depend on data from Snort, which
/// must not be able to produce a collision.
#[derive(Default)]
pub(super) struct Digest(Sha256);

impl Digest {
    pub(super) fn number(&mut self, number: Option<i64>) {
        self.bytes(number.map(i64::to_le_bytes).as_ref().map(<[u8; 8]>::as_slice));
    }

    pub(super) fn bytes(&mut self, bytes: Option<&[u8]>) {
        // With the length, so that no byte can move from one column to the next.
        let length = bytes.map_or(u64::MAX, |bytes| bytes.len() as u64);
        self.0.update(length.to_le_bytes());
        self.0.update(bytes.unwrap_or_default());
    }

    pub(super) fn finish(self) -> [u8; 16] {
        let whole: [u8; 32] = self.0.finalize().into();
        std::array::from_fn(|index| whole[index])
    }
}
