//! Bytes as people read them.

use std::io::Write;

const WIDTH: usize = 16;

/// Two digits and a space for each value, and a space behind each half.
const VALUES_LEN: usize = 3 * WIDTH + 2;

/// Appends the bytes, sixteen a line: their offset, their values, and their characters.
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
        put_values(line, out);
        out.extend(line.iter().map(|&byte| printable(byte)));
        out.push(b'\n');
    }
}

/// Appends the values in two halves, as wide as those of a full line.
fn put_values(line: &[u8], out: &mut Vec<u8>) {
    let end = out.len() + VALUES_LEN;
    for (column, byte) in line.iter().enumerate() {
        if column == WIDTH / 2 {
            out.push(b' ');
        }
        out.extend([digit(byte >> 4), digit(byte & 0x0f), b' ']);
    }
    out.resize(end, b' ');
}

fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
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
