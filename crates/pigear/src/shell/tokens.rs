//! Splits the input into tokens: for colours, and to tell whether it is complete.

use std::ops::Range;

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Comment,
    Keyword,
    AlertFields,
    Number,
    Plain,
    Text,
}

/// The keywords of the language.
pub(super) const KEYWORDS: [&str; 20] = [
    "break", "catch", "const", "continue", "do", "else", "false", "fn", "for", "if", "in", "let",
    "loop", "return", "switch", "throw", "true", "try", "until", "while",
];

/// A text in tokens.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Every byte is in one token.
    pub(super) pieces: Vec<(Range<usize>, TokenKind)>,
    depth: i32,
    is_open: bool,
}

impl Scan {
    pub(super) fn of(text: &str) -> Self {
        let mut scan = Self::default();
        let mut start = 0;
        while let Some(rest) = text.get(start..)
            && !rest.is_empty()
        {
            let (len, kind) = scan.piece(rest);
            scan.pieces.push((start..start + len, kind));
            start += len;
        }
        scan
    }

    /// Whether the input is incomplete: a bracket, comment or multi-line string is open.
    pub(super) fn goes_on(&self) -> bool {
        self.depth > 0 || self.is_open
    }

    /// The first token's length and kind. The text is not empty.
    fn piece(&mut self, rest: &str) -> (usize, TokenKind) {
        let first = rest.chars().next().unwrap_or_default();
        match first {
            '/' if rest.starts_with("//") => {
                (rest.find('\n').unwrap_or(rest.len()), TokenKind::Comment)
            }
            '/' if rest.starts_with("/*") => (self.until(rest, "*/", 2), TokenKind::Comment),
            '"' | '\'' => (quoted(rest, first), TokenKind::Text),
            '`' => (self.until(rest, "`", 1), TokenKind::Text),
            '0'..='9' => (
                length(rest, |letter| letter.is_alphanumeric() || letter == '_'),
                TokenKind::Number,
            ),
            _ if is_name(first) => {
                let len = length(rest, is_name);
                (len, kind_of(rest.get(..len).unwrap_or_default()))
            }
            _ => {
                self.depth += match first {
                    '(' | '[' | '{' => 1,
                    ')' | ']' | '}' => -1,
                    _ => 0,
                };
                (first.len_utf8(), TokenKind::Plain)
            }
        }
    }

    /// The end of a token that may span lines.
    fn until(&mut self, rest: &str, end: &str, from: usize) -> usize {
        let found = rest.get(from..).and_then(|inner| inner.find(end));
        self.is_open |= found.is_none();
        found.map_or(rest.len(), |at| from + at + end.len())
    }
}

/// A quoted string or character ends with its line.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            '\n' => return at,
            _ if letter == quote && !escaped => return at + 1,
            _ => escaped = letter == '\\' && !escaped,
        }
    }
    rest.len()
}

fn length(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.find(|letter| !belongs(letter)).unwrap_or(rest.len())
}

pub(super) fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn kind_of(name: &str) -> TokenKind {
    match name {
        "msg" | "alert" | "alerts" => TokenKind::AlertFields,
        _ if KEYWORDS.contains(&name) => TokenKind::Keyword,
        _ => TokenKind::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_goes_on() {
        for text in ["fn f(x) {", "f(1,", "[", "`a\nb", "/* x", "if msg.priority == 1 {\n  2"] {
            assert!(Scan::of(text).goes_on(), "{text}");
        }
        for text in [
            "",
            "1",
            "f(\"(\")",
            "\"{",
            "// {",
            "}",
            "fn f() { 1 }",
            "/* { */ 1",
            "`{`",
            "'{'",
            "'\\''",
        ] {
            assert!(!Scan::of(text).goes_on(), "{text}");
        }
    }

    #[test]
    fn every_byte_is_in_one_piece() {
        for text in ["let x = msg.msg + \"ü\\\"\"; // é", "\"open\nnext", "`a", "1.5e3 ü%", "/*"]
        {
            let scan = Scan::of(text);
            let whole: String = scan.pieces.iter().map(|(range, _)| &text[range.clone()]).collect();
            assert_eq!(whole, text);
        }
    }

    #[test]
    fn pieces_are_told_apart() {
        let kinds =
            |text| Scan::of(text).pieces.into_iter().map(|piece| piece.1).collect::<Vec<_>>();
        assert_eq!(kinds("msg.x"), [TokenKind::AlertFields, TokenKind::Plain, TokenKind::Plain]);
        assert_eq!(kinds("let"), [TokenKind::Keyword]);
        assert_eq!(kinds("12\"a\""), [TokenKind::Number, TokenKind::Text]);
    }
}
