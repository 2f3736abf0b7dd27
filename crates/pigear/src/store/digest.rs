//! What rows are found by.

use sha2::{Digest as _, Sha256};

/// A digest of a row's columns: of a SHA-256, as much as a UUID has. What Snort sends decides about the
/// columns, and must not be able to make two rows look like one.
#[derive(Default)]
pub(super) struct Digest(Sha256);

impl Digest {
    pub(super) fn number(&mut self, number: Option<i64>) {
        self.bytes(number.map(i64::to_le_bytes).as_ref().map(<[u8; 8]>::as_slice));
    }

    pub(super) fn bytes(&mut self, bytes: Option<&[u8]>) {
        // The length, so that no byte can move from one column to the next.
        let length = bytes.map_or(u64::MAX, |bytes| bytes.len() as u64);
        self.0.update(length.to_le_bytes());
        self.0.update(bytes.unwrap_or_default());
    }

    pub(super) fn finish(self) -> [u8; 16] {
        let whole: [u8; 32] = self.0.finalize().into();
        std::array::from_fn(|index| whole[index])
    }
}
