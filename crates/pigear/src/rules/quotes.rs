/// Follows the quotes in a rule, byte by byte.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Quotes {
    is_open: bool,
    is_escaped: bool,
}

impl Quotes {
    /// Whether the next byte has a meaning of its own: it is outside of quotes, and no backslash precedes
    /// it.
    pub(super) fn is_plain(&mut self, byte: u8) -> bool {
        if self.is_escaped {
            self.is_escaped = false;
            return false;
        }
        match byte {
            b'\\' => self.is_escaped = true,
            b'"' => self.is_open = !self.is_open,
            _ => return !self.is_open,
        }
        false
    }

    /// Whether a quote is open.
    pub(super) fn is_open(self) -> bool {
        self.is_open
    }
}

/// Whether each quote in a text is closed.
pub(super) fn is_balanced(text: &[u8]) -> bool {
    let mut quotes = Quotes::default();
    for &byte in text {
        let _ = quotes.is_plain(byte);
    }
    !quotes.is_open()
}

/// The parts of a text between plain separators, trimmed.
pub(super) fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut quotes = Quotes::default();
    text.split(move |&byte| quotes.is_plain(byte) && byte == separator).map(<[u8]>::trim_ascii)
}

/// The same at the first separator only, which need not be outside of quotes.
pub(super) fn split_once(text: &[u8], is_separator: impl Fn(u8) -> bool) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|&byte| is_separator(byte)) {
        Some(at) => {
            let (before, after) = text.split_at(at);
            (before.trim_ascii(), Some(after.get(1..).unwrap_or_default().trim_ascii()))
        }
        None => (text.trim_ascii(), None),
    }
}

/// A text without the quotes around it, if it has any, and without the backslashes that protect a quote, a
/// semicolon, a colon or a backslash.
pub(super) fn unquoted(text: &[u8]) -> Vec<u8> {
    let inner = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
    let mut rest = inner.unwrap_or(text);
    let mut plain = Vec::with_capacity(rest.len());
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after.split_first()) {
            (b'\\', Some((&protected @ (b'"' | b';' | b':' | b'\\'), after))) => {
                plain.push(protected);
                rest = after;
            }
            _ => plain.push(byte),
        }
    }
    plain
}
