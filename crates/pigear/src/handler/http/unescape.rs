//! Removes escapes from a text.

/// A byte of the unescaped text, and its position in the escaped one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) byte: u8,
    pub(super) begin: usize,
    pub(super) end: usize,
}

/// The most nested escapes that are removed: a URL within JSON within HTML, and one more.
const LAYERS: usize = 4;

const ENTITIES: [(&str, u8); 5] =
    [("&amp;", b'&'), ("&lt;", b'<'), ("&gt;", b'>'), ("&quot;", b'"'), ("&apos;", b'\'')];

/// The text without the escapes of URLs, JSON and HTML. Case is lost, and so is the difference between
/// `+` and a space, which forms don't have.
pub(super) fn meaning(text: &str) -> Vec<Meaning> {
    let mut all: Vec<_> = text
        .char_indices()
        .flat_map(|(begin, letter)| {
            let end = begin + letter.len_utf8();
            let bytes = text.get(begin..end).unwrap_or_default().bytes();
            bytes.map(move |byte| Meaning { byte, begin, end })
        })
        .collect();
    for _ in 0..LAYERS {
        let inner = without_a_layer(&all);
        if inner.len() == all.len() {
            break;
        }
        all = inner;
    }
    for meaning in &mut all {
        meaning.byte = if meaning.byte == b'+' { b' ' } else { meaning.byte.to_ascii_lowercase() };
    }
    all
}

fn without_a_layer(mut text: &[Meaning]) -> Vec<Meaning> {
    let mut inner = Vec::with_capacity(text.len());
    while let [first, rest @ ..] = text {
        // The longest escape is `&#x10FFFF;`.
        let next: Vec<u8> = text.iter().take(10).map(|meaning| meaning.byte).collect();
        if let Some((escaped, len)) = escape(&next)
            && let Some((escape, behind)) = text.split_at_checked(len)
        {
            let end = escape.last().map_or(first.end, |last| last.end);
            let meaning = |byte| Meaning { byte, begin: first.begin, end };
            let mut buffer = [0; 4];
            inner.extend(escaped.as_bytes(&mut buffer).iter().copied().map(meaning));
            text = behind;
        } else {
            inner.push(*first);
            text = rest;
        }
    }
    inner
}

/// The character of an escape.
#[derive(Clone, Copy)]
enum Escaped {
    Byte(u8),
    Letter(char),
}

impl Escaped {
    fn as_bytes(self, buffer: &mut [u8; 4]) -> &[u8] {
        match self {
            Self::Byte(byte) => {
                *buffer = [byte, 0, 0, 0];
                buffer.get(..1).unwrap_or_default()
            }
            Self::Letter(letter) => letter.encode_utf8(buffer).as_bytes(),
        }
    }
}

/// The escape at the start of a text, and its length.
fn escape(text: &[u8]) -> Option<(Escaped, usize)> {
    let byte = |from: usize| number(text.get(from..from + 2)?, 16)?.try_into().ok();
    match text {
        [b'%', ..] => Some((Escaped::Byte(byte(1)?), 3)),
        [b'\\', b'x', ..] => Some((Escaped::Byte(byte(2)?), 4)),
        [b'\\', b'u', ..] => {
            let code = number(text.get(2..6)?, 16)?;
            Some((Escaped::Letter(char::from_u32(code)?), 6))
        }
        [b'\\', byte @ (b'/' | b'\\' | b'"' | b'\''), ..] => Some((Escaped::Byte(*byte), 2)),
        [b'&', b'#', ..] => {
            let end = text.iter().position(|&byte| byte == b';')?;
            let code = match text.get(2..end)? {
                [b'x' | b'X', digits @ ..] => number(digits, 16)?,
                digits => number(digits, 10)?,
            };
            Some((Escaped::Letter(char::from_u32(code)?), end + 1))
        }
        [b'&', ..] => {
            let named = ENTITIES.iter().find(|(name, _)| text.starts_with(name.as_bytes()))?;
            Some((Escaped::Byte(named.1), named.0.len()))
        }
        _ => None,
    }
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let digits = str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u32::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(text: &str) -> String {
        let bytes = meaning(text).iter().map(|meaning| meaning.byte).collect();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn escapes_of_urls_json_and_html_are_read_through() {
        for written in [
            "/hook/s\"é",
            "%2Fhook%2fs%22%C3%A9",
            r#"\/hook\/s\"\u00e9"#,
            "&#47;hook&#x2f;s&quot;&#233;",
            "%252Fhook%25252Fs%2522%25C3%25A9",
            r"\\/HOOK\\u002Fs\x22\\u00E9",
        ] {
            assert_eq!(plain(written), "/hook/s\"é", "{written}");
        }
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in ["%", "%2", "%zz", r"\", r"\u12", r"\ud800", "&", "&#;", "&#x110000;", "%-1"] {
            assert_eq!(plain(text), text);
        }
    }

    proptest! {
        #[test]
        fn places_are_within_the_text_and_grow(text in "[a%2fF\\\\u0/x&#;amp\u{e9}]{0,60}") {
            let all = meaning(&text);
            let mut last = 0;
            for meaning in all {
                prop_assert!(meaning.begin >= last && meaning.begin < meaning.end);
                prop_assert!(text.get(meaning.begin..meaning.end).is_some());
                last = meaning.begin;
            }
        }
    }
}
