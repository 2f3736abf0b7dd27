//! The encoding of HTML forms.

/// The text as the value of a form's field (`application/x-www-form-urlencoded`).
pub(super) fn encoded(text: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(text.len() * 3 / 2);
    for &byte in text {
        match byte {
            b' ' => encoded.push(b'+'),
            byte => percent(byte, &mut encoded),
        }
    }
    encoded
}

/// The text as a part of a URL.
pub(super) fn url_part(text: &str) -> String {
    let mut encoded = Vec::with_capacity(text.len());
    text.bytes().for_each(|byte| percent(byte, &mut encoded));
    String::from_utf8(encoded).unwrap_or_default()
}

fn percent(byte: u8, to: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        to.push(byte);
    } else {
        to.push(b'%');
        to.extend(
            [byte >> 4, byte & 15].iter().filter_map(|&digit| DIGITS.get(usize::from(digit))),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_safe_stays() {
        assert_eq!(encoded("a b&c=%+é~".as_bytes()), b"a+b%26c%3D%25%2B%C3%A9~");
        assert_eq!(url_part("a b/?#é"), "a%20b%2F%3F%23%C3%A9");
    }
}
