//! The statements of a file: rules, `include` and others, each with its line.
//!
//! Snort 2 continues a line after a backslash at its end. Snort 3 takes all lines up to the parenthesis that
//! closes a rule, and skips comments between its options. A rule that is not closed ends where the next
//! statement begins, so that it hides no other.

use std::iter::{Enumerate, Peekable};

use super::quotes::Quotes;

/// The words with which rules begin, besides those of a `ruletype`.
const ACTIONS: [&[u8]; 13] = [
    b"activate",
    b"alert",
    b"block",
    b"drop",
    b"dynamic",
    b"file_id",
    b"log",
    b"pass",
    b"react",
    b"reject",
    b"rewrite",
    b"sblock",
    b"sdrop",
];

/// The words with which other statements begin, in lower case.
const KEYWORDS: [&[u8]; 16] = [
    b"attribute_table",
    b"config",
    b"dynamicdetection",
    b"dynamicengine",
    b"dynamicoutput",
    b"dynamicpreprocessor",
    b"event_filter",
    b"include",
    b"ipvar",
    b"output",
    b"portvar",
    b"preprocessor",
    b"rate_filter",
    b"suppress",
    b"threshold",
    b"var",
];

/// A statement, with its lines joined.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// The number of its first line, from 1.
    pub(super) line: usize,
    pub(super) text: Vec<u8>,
    pub(super) kind: StatementKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatementKind {
    /// A rule, or what may be one of an unknown action.
    Rule,
    /// A comment that may be a rule.
    Disabled,
    /// One that begins with a keyword.
    Other,
}

/// The statements of a file.
pub(super) fn statements(bytes: &[u8]) -> Statements<'_> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let lines: Lines<'_> = bytes.split(|byte| *byte == b'\n');
    Statements { lines: lines.enumerate().peekable() }
}

type Lines<'a> = std::slice::Split<'a, u8, fn(&u8) -> bool>;

pub(super) struct Statements<'a> {
    lines: Peekable<Enumerate<Lines<'a>>>,
}

impl Iterator for Statements<'_> {
    type Item = Statement;

    fn next(&mut self) -> Option<Statement> {
        loop {
            let (number, line) = self.lines.next()?;
            let line = line.trim_ascii();
            let kind = match line {
                [] | [b';', ..] => continue,
                b"#begin" => {
                    self.skip_until(|line| line.starts_with(b"#end"));
                    continue;
                }
                [b'/', b'*', ..] => {
                    if !line.ends_with(b"*/") {
                        self.skip_until(|line| line.ends_with(b"*/"));
                    }
                    continue;
                }
                [b'#', ..] if begins_rule(uncommented(line)) => StatementKind::Disabled,
                [b'#', ..] => continue,
                _ if word_of(line) == b"ruletype" => {
                    self.skip_until(|line| line.ends_with(b"}"));
                    continue;
                }
                _ if is_keyword(word_of(line)) => StatementKind::Other,
                _ => StatementKind::Rule,
            };
            return Some(Statement { line: number + 1, text: self.joined(line, kind), kind });
        }
    }
}

impl Statements<'_> {
    /// Skips the lines up to one; if there is none, it skips nothing.
    fn skip_until(&mut self, is_last: impl Fn(&[u8]) -> bool) {
        let mut ahead = self.lines.clone();
        if ahead.any(|(_, line)| is_last(line.trim_ascii())) {
            self.lines = ahead;
        }
    }

    /// The text of the statement that begins with this line.
    fn joined(&mut self, first: &[u8], kind: StatementKind) -> Vec<u8> {
        let mut text = Joined::default();
        let uncomment =
            |line| if kind == StatementKind::Disabled { uncommented(line) } else { line };
        let mut is_continued = text.push(uncomment(first));
        while let Some((_, next)) = self.lines.peek() {
            let next = next.trim_ascii();
            let is_comment = next.starts_with(b"#");
            let is_part = match kind {
                StatementKind::Disabled => {
                    is_comment
                        && !begins_statement(uncommented(next))
                        && (is_continued || text.goes_on(uncommented(next)))
                }
                StatementKind::Rule => {
                    is_continued || (!begins_statement(next) && text.goes_on(next))
                }
                StatementKind::Other => is_continued,
            };
            if !is_part {
                break;
            }
            if is_continued || !is_comment || kind == StatementKind::Disabled {
                is_continued = text.push(uncomment(next));
            }
            self.lines.next();
        }
        text.bytes
    }
}

/// A rule's lines, as far as they were joined.
#[derive(Default)]
struct Joined {
    bytes: Vec<u8>,
    quotes: Quotes,
    position: Position,
    /// The last byte that is not blank.
    last: u8,
    is_continued: bool,
}

/// Where in a rule its text ends so far.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Position {
    #[default]
    InHeader,
    /// Where an option may begin, or the parenthesis close.
    BeforeOption,
    InOption,
    AtEnd,
}

impl Position {
    /// The position after a byte that is not blank.
    fn after(self, byte: u8, is_plain: bool) -> Self {
        match (self, byte) {
            (Self::InHeader, b'(') if is_plain => Self::BeforeOption,
            (Self::InHeader | Self::AtEnd, _) => self,
            (Self::BeforeOption, b')') if is_plain => Self::AtEnd,
            (_, b';') if is_plain => Self::BeforeOption,
            _ => Self::InOption,
        }
    }
}

impl Joined {
    /// Adds a line. Returns whether it ends with a backslash.
    fn push(&mut self, line: &[u8]) -> bool {
        if !self.is_continued && !self.bytes.is_empty() {
            self.bytes.push(b' ');
        }
        let beginning = line.strip_suffix(b"\\");
        self.is_continued = beginning.is_some();
        for &byte in beginning.unwrap_or(line) {
            let is_plain = self.quotes.is_plain(byte);
            let may_comment = matches!(self.position, Position::BeforeOption | Position::AtEnd);
            if byte == b'#' && is_plain && may_comment {
                // A comment of Snort 3.
                break;
            }
            if !byte.is_ascii_whitespace() {
                self.last = byte;
                self.position = self.position.after(byte, is_plain);
            }
            self.bytes.push(byte);
        }
        if !self.is_continued {
            self.bytes.truncate(self.bytes.trim_ascii_end().len());
        }
        self.is_continued
    }

    /// Whether a line without a backslash before it belongs to the same rule.
    fn goes_on(&self, next: &[u8]) -> bool {
        match self.position {
            Position::InHeader => next.starts_with(b"(") && is_action(word_of(&self.bytes)),
            // Where a line ends with a parenthesis, only its last semicolon may be missing.
            Position::BeforeOption | Position::InOption => {
                self.last != b')' && !self.quotes.is_open()
            }
            Position::AtEnd => false,
        }
    }
}

/// A line without the marks of a comment.
fn uncommented(line: &[u8]) -> &[u8] {
    let marks = line.iter().take_while(|byte| **byte == b'#' || byte.is_ascii_whitespace()).count();
    line.get(marks..).unwrap_or_default()
}

/// The first word of a line.
pub(super) fn word_of(line: &[u8]) -> &[u8] {
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'(';
    line.split(is_end).next().unwrap_or_default()
}

/// Whether a rule begins with this word.
pub(super) fn is_action(word: &[u8]) -> bool {
    ACTIONS.contains(&word)
}

fn is_keyword(word: &[u8]) -> bool {
    KEYWORDS
        .iter()
        .any(|keyword| keyword.eq_ignore_ascii_case(word.strip_suffix(b":").unwrap_or(word)))
}

/// Whether a line looks like the beginning of a rule.
fn begins_rule(line: &[u8]) -> bool {
    is_action(word_of(line))
}

fn begins_statement(line: &[u8]) -> bool {
    begins_rule(line) || is_keyword(word_of(line))
}
