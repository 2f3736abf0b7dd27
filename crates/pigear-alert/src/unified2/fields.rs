use std::array;

/// Bytes that are known to be enough, so that reading a number can't fail. Network byte order.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a, const LEN: usize>(pub &'a [u8; LEN]);

impl<const LEN: usize> Fields<'_, LEN> {
    pub(super) fn u32_at<const OFFSET: usize>(self) -> u32 {
        const { assert!(OFFSET + 4 <= LEN) };
        u32::from_be_bytes(self.bytes_at::<OFFSET, 4>())
    }

    pub(super) fn u16_at<const OFFSET: usize>(self) -> u16 {
        const { assert!(OFFSET + 2 <= LEN) };
        u16::from_be_bytes(self.bytes_at::<OFFSET, 2>())
    }

    pub(super) fn bytes_at<const OFFSET: usize, const N: usize>(self) -> [u8; N] {
        const { assert!(OFFSET + N <= LEN) };
        array::from_fn(|i| self.0[OFFSET + i])
    }
}
