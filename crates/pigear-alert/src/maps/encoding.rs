//! The encoding of Snort's files, which nothing states.

use std::borrow::Cow;

/// The text of a file: a line that isn't UTF-8 is read as Latin-1, as the messages of old rules are.
///
/// Bytes 0x80 to 0x9f, which no text in Latin-1 has, are read as in Windows-1252.
#[must_use]
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(bytes) {
        return text.into();
    }
    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
    lines.map(|line| str::from_utf8(line).map_or_else(|_| latin_1(line), Into::into)).collect()
}

/// Decodes bytes as Latin-1.
pub(super) fn latin_1(bytes: &[u8]) -> String {
    let decoded = |&byte: &u8| match byte {
        0x80..=0x9f => WINDOWS.get(usize::from(byte - 0x80)).copied().unwrap_or_default(),
        _ => char::from(byte),
    };
    bytes.iter().map(decoded).collect()
}

/// The characters of the bytes 0x80 to 0x9f in Windows-1252; undefined ones are U+FFFD.
const WINDOWS: [char; 32] = [
    '€', '\u{fffd}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{fffd}', 'Ž',
    '\u{fffd}', '\u{fffd}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{fffd}',
    'ž', 'Ÿ',
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_own_encoding() {
        assert_eq!(text("é\n".as_bytes()), "é\n");
        assert_eq!(
            text(b"\xc3\xa9 caf\xc3\xa9\ncaf\xe9 \x93x\x94\n\xc3\xa9"),
            "é café\ncafé “x”\né"
        );
        assert_eq!(text(b"\x81\xff"), "\u{fffd}ÿ");
    }
}
