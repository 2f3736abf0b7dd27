//! The contents of a rule, and their modifiers.

use super::problem::{RuleProblem, beginning};
use super::quotes::{split, split_once};

/// Bytes that a rule looks for: its option `content` or `uricontent`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[non_exhaustive]
pub struct Content {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether they must not be there (`!`).
    pub is_negated: bool,
    /// Whether letters match without case.
    pub nocase: bool,
    /// How many bytes from the beginning are not searched.
    pub offset: Option<Distance>,
    /// How many bytes from `offset` on are searched.
    pub depth: Option<Distance>,
    /// How many bytes after the previous match are not searched; may be negative.
    pub distance: Option<Distance>,
    /// How many bytes from `distance` on are searched.
    pub within: Option<Distance>,
    /// Whether Snort looks for this content first. It makes no difference to what matches.
    pub fast_pattern: bool,
    /// Whether the packet's own bytes are searched, whatever a preprocessor made of them.
    pub rawbytes: bool,
    /// The buffer that is searched, such as `http_uri`; `None` for the packet's payload.
    pub buffer: Option<Box<str>>,
    /// What its distance counts from.
    pub(super) cursor: Cursor,
}

/// A number of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distance {
    /// As in `offset:4`.
    Bytes(i32),
    /// The name of a variable that another option of the rule sets.
    Variable(Box<str>),
}

impl Distance {
    /// The number, if it is a plain one.
    #[must_use]
    pub fn bytes(&self) -> Option<i32> {
        match self {
            Self::Bytes(bytes) => Some(*bytes),
            Self::Variable(_) => None,
        }
    }
}

/// Where the search for the previous option ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Cursor {
    /// Nothing was searched in this buffer before.
    #[default]
    Start,
    /// After the match of the content with this index.
    After(usize),
    /// After something that only Snort knows, such as a regular expression.
    Unknown,
}

impl Content {
    /// Parses the value of the option, with the modifiers of Snort 3 after it.
    pub(super) fn parse(value: &[u8]) -> Result<Self, RuleProblem> {
        let mut parts = split(value, b',');
        let text = parts.next().unwrap_or_default();
        let positive = text.strip_prefix(b"!").map(<[u8]>::trim_ascii);
        let is_negated = positive.is_some();
        let quoted = positive.unwrap_or(text);
        let inner = quoted.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
        let inner = inner.ok_or_else(|| RuleProblem::NotQuoted { text: Some(beginning(text)) })?;
        let mut content = Self { bytes: bytes(inner)?, is_negated, ..Self::default() };
        for modifier in parts {
            let (name, value) = split_once(modifier, |byte| byte == b' ' || byte == b'\t');
            content.modify(name, value.unwrap_or_default());
        }
        Ok(content)
    }

    /// Whether it has the form of Snort 3, with modifiers after a comma.
    pub(super) fn has_modifiers(value: &[u8]) -> bool {
        split(value, b',').nth(1).is_some()
    }

    /// Applies a modifier. Returns whether there is one of this name.
    pub(super) fn modify(&mut self, name: &[u8], value: &[u8]) -> bool {
        match name {
            b"nocase" => self.nocase = true,
            b"rawbytes" => self.rawbytes = true,
            b"fast_pattern" => self.fast_pattern = true,
            b"fast_pattern_offset" | b"fast_pattern_length" => {}
            b"offset" => self.offset = Some(distance(value)),
            b"depth" => self.depth = Some(distance(value)),
            b"distance" => self.distance = Some(distance(value)),
            b"within" => self.within = Some(distance(value)),
            _ => return false,
        }
        true
    }

    /// Whether it is searched from the end of the previous match.
    #[must_use]
    pub fn is_relative(&self) -> bool {
        self.distance.is_some() || self.within.is_some()
    }
}

fn distance(value: &[u8]) -> Distance {
    let text = String::from_utf8_lossy(value.trim_ascii());
    match text.parse() {
        Ok(bytes) => Distance::Bytes(bytes),
        Err(_) => Distance::Variable(text.into()),
    }
}

/// The bytes of a content: text, with a backslash before some characters, and hexadecimal numbers between
/// `|`.
fn bytes(text: &[u8]) -> Result<Vec<u8>, RuleProblem> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\\' => {
                if let Some((&escaped, after)) = rest.split_first() {
                    bytes.push(escaped);
                    rest = after;
                }
            }
            b'|' => {
                let end = rest.iter().position(|&byte| byte == b'|');
                let (inside, after) = rest.split_at(end.unwrap_or(rest.len()));
                let is_closed = end.is_some();
                let problem = || RuleProblem::Hex { text: Some(beginning(inside)) };
                hex(inside, &mut bytes).filter(|()| is_closed).ok_or_else(problem)?;
                rest = after.get(1..).unwrap_or_default();
            }
            byte => bytes.push(byte),
        }
    }
    Ok(bytes)
}

/// Adds bytes that are written as pairs of hexadecimal digits, with blanks anywhere between them.
fn hex(text: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    let mut digits = text.iter().filter(|byte| !byte.is_ascii_whitespace());
    let value =
        |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let Some(high) = digits.next() {
        bytes.push(value(high)? << 4 | value(digits.next()?)?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &[u8]) -> Content {
        Content::parse(value).unwrap()
    }

    #[test]
    fn a_content_is_text_and_hexadecimal_numbers() {
        let content = parsed(br#""a\;b\"c\\d\:e|20 7c|f|0d0A|\|""#);
        assert_eq!(content.bytes, b"a;b\"c\\d:e |f\r\n|");
        assert_eq!(parsed(b"\"\"").bytes, b"");
        assert_eq!(parsed(b"\"caf\xe9 ; , ( )\"").bytes, b"caf\xe9 ; , ( )");
    }

    #[test]
    fn an_exclamation_mark_negates_it() {
        assert!(parsed(b"!\"a\"").is_negated);
        assert!(parsed(b"! \"a\"").is_negated);
        assert!(!parsed(b"\"!a\"").is_negated);
        assert_eq!(parsed(b"! \"a\"").bytes, b"a");
    }

    #[test]
    fn modifiers_of_snort_3_follow_commas() {
        let content = parsed(
            b"\"a,nocase\", nocase,offset 4,depth  -8 , distance var,within 2,fast_pattern,fast_pattern_offset 1,rawbytes",
        );
        assert_eq!(content.bytes, b"a,nocase");
        assert!(content.nocase && content.fast_pattern && content.rawbytes);
        assert_eq!(content.offset, Some(Distance::Bytes(4)));
        assert_eq!(content.depth, Some(Distance::Bytes(-8)));
        assert_eq!(content.distance, Some(Distance::Variable("var".into())));
        assert_eq!(content.within, Some(Distance::Bytes(2)));
    }

    #[test]
    fn what_is_no_content_is_said() {
        let problem = |value: &[u8]| Content::parse(value).unwrap_err().to_string();
        assert_eq!(problem(b"abc"), "content is \"abc\", not a text in quotes");
        assert_eq!(problem(b"\"a"), "content is \"\\\"a\", not a text in quotes");
        let hex = |inside| {
            format!("what a content has between | is {inside:?}, not pairs of hexadecimal digits")
        };
        assert_eq!(problem(b"\"|41 4|\""), hex("41 4"));
        assert_eq!(problem(b"\"|4x|\""), hex("4x"));
        assert_eq!(problem(b"\"a|41\""), hex("41"));
    }
}
