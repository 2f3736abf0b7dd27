//! Variable-length numbers: seven bits a byte, the lowest first.

pub(crate) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

pub(crate) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned());
}

pub(crate) fn put_difference(out: &mut Vec<u8>, number: u32, from: u32) {
    put_signed(out, i64::from(number) - i64::from(from));
}

pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

pub(crate) fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    take(bytes)?.try_into().ok()
}

pub(crate) fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    let folded = take(bytes)?;
    Some((folded >> 1).cast_signed() ^ -(folded & 1).cast_signed())
}

pub(crate) fn take_difference(bytes: &mut &[u8], from: u32) -> Option<u32> {
    let difference = take_signed(bytes)?;
    moved(from, difference)
}

pub(crate) fn moved(from: u32, by: i64) -> Option<u32> {
    i64::from(from).checked_add(by)?.try_into().ok()
}

/// Bytes, with their length before them.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(crate) fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(take(bytes)?).ok()?;
    bytes.split_off(..len)
}

pub(crate) fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    bytes.split_off_first().copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(number: i64, from: u32, to: u32) {
            let mut bytes = Vec::new();
            put_signed(&mut bytes, number);
            put_difference(&mut bytes, to, from);
            let mut rest = &*bytes;
            prop_assert_eq!(take_signed(&mut rest), Some(number));
            prop_assert_eq!(take_difference(&mut rest, from), Some(to));
            prop_assert!(rest.is_empty());
        }
    }
}
