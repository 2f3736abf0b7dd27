//! A hexdump.

use std::io::Write;

const WIDTH: usize = 16;

/// Two digits and a space for each byte, and a space after each half.
const VALUES_LEN: usize = 3 * WIDTH + 2;

/// Appends the bytes, sixteen a line: offset, values, and characters.
///
/// ```
/// let mut out = Vec::new();
/// pigear_alert::format::hexdump(b"GET / HTTP/1.0\r\n\r\n", &mut out);
/// assert_eq!(String::from_utf8_lossy(&out), "\
/// 0000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 30 0d 0a  GET / HTTP/1.0..
/// 0010  0d 0a                                             ..
/// ");
/// ```
pub fn hexdump(bytes: &[u8], out: &mut Vec<u8>) {
    for (n, line) in bytes.chunks(WIDTH).enumerate() {
        // Writing to a `Vec` can't fail.
        let _ = write!(out, "{:04x}  ", n * WIDTH);
        out.extend(values(line));
        out.extend(line.iter().map(|&byte| printable(byte)));
        out.push(b'\n');
    }
}

/// The values in two halves, padded to the width of a full line.
fn values(line: &[u8]) -> [u8; VALUES_LEN] {
    let mut values = [b' '; VALUES_LEN];
    for (column, byte) in line.iter().take(WIDTH).enumerate() {
        let at = 3 * column + column / (WIDTH / 2);
        values[at] = digit(*byte >> 4);
        values[at + 1] = digit(*byte);
    }
    values
}

fn digit(value: u8) -> u8 {
    b"0123456789abcdef"[usize::from(value & 0x0f)]
}

fn printable(byte: u8) -> u8 {
    if byte.is_ascii_graphic() || byte == b' ' { byte } else { b'.' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_characters_stand_in_one_column_however_short_the_line() {
        for len in 1..=WIDTH {
            let mut out = Vec::new();
            hexdump(&vec![b'x'; len], &mut out);
            let line = String::from_utf8(out).unwrap();
            assert_eq!(line.find('x'), Some(56), "{line}");
            assert_eq!(line.len(), 56 + len + 1, "{line}");
        }
    }
}
