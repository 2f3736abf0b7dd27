//! Bytes as people read them.

use std::io::Write;

const WIDTH: usize = 16;

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
        for column in 0..WIDTH {
            let _ = match line.get(column) {
                Some(byte) => write!(out, "{byte:02x} "),
                None => write!(out, "   "),
            };
            if column == WIDTH / 2 - 1 || column == WIDTH - 1 {
                out.push(b' ');
            }
        }
        out.extend(line.iter().map(|&byte| printable(byte)));
        out.push(b'\n');
    }
}

fn printable(byte: u8) -> u8 {
    if byte.is_ascii_graphic() || byte == b' ' { byte } else { b'.' }
}
