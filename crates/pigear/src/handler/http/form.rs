//! Escapes for URLs and HTML forms.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};

/// All characters that RFC 3986 reserves, and all outside of ASCII.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same except the space, which a form encodes as `+`.
const RESERVED_IN_FORM: &AsciiSet = &RESERVED.remove(b' ');

/// The text as the value of a form's field (`application/x-www-form-urlencoded`).
pub(super) fn encoded(text: &[u8]) -> Vec<u8> {
    let encoded = percent_encode(text, RESERVED_IN_FORM).flat_map(str::bytes);
    encoded.map(|byte| if byte == b' ' { b'+' } else { byte }).collect()
}

/// The text as a part of a URL.
pub(super) fn url_part(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_safe_stays() {
        assert_eq!(encoded("a b&c=%+é~".as_bytes()), b"a+b%26c%3D%25%2B%C3%A9~");
        assert_eq!(url_part("a b/?#é-._~"), "a%20b%2F%3F%23%C3%A9-._~");
    }
}
