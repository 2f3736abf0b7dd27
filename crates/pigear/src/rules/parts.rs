use super::problem::{RuleProblem, beginning};
use super::quotes::{is_balanced, split, split_once};

/// A rule's header and options.
pub(super) struct Parts<'a> {
    pub(super) header: &'a [u8],
    /// The names of the options, with what is after the colon.
    pub(super) options: Vec<(&'a [u8], Option<&'a [u8]>)>,
}

impl<'a> Parts<'a> {
    pub(super) fn of(text: &'a [u8]) -> Result<Self, RuleProblem> {
        let text = text.trim_ascii();
        let begin = text.iter().position(|byte| *byte == b'(').ok_or(RuleProblem::NoOptions)?;
        let (header, body) = text.split_at(begin);
        if !is_balanced(body) {
            return Err(RuleProblem::UnclosedQuote);
        }
        let body = body.get(1..).and_then(|body| body.strip_suffix(b")"));
        let body = body.ok_or(RuleProblem::Unclosed)?;
        let header = header.trim_ascii();
        if !is_header(header) {
            return Err(RuleProblem::Header { text: Some(beginning(header)) });
        }
        let options = split(body, b';').filter(|option| !option.is_empty());
        let options = options.map(|option| split_once(option, |byte| byte == b':'));
        Ok(Self { header, options: options.collect() })
    }

    /// Whether the header has no addresses, as only Snort 3 permits.
    pub(super) fn has_short_header(&self) -> bool {
        words(self.header).count() <= 2
    }
}

/// Snort 3's short forms have an action, and perhaps a protocol or service.
fn is_header(header: &[u8]) -> bool {
    let is_direction = |word: &[u8]| matches!(word, b"->" | b"<>" | b"<-");
    match words(header).count() {
        0 => false,
        1 | 2 => true,
        _ => words(header).any(is_direction),
    }
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}
