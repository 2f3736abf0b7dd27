use super::content::Content;
use super::contents::contents;
use super::parts::Parts;
use super::problem::{RuleProblem, beginning};
use super::quotes::{split, split_once, unquoted};
use super::statements::{is_action, word_of};

/// A rule of Snort 2 or 3, taken apart.
///
/// Texts are bytes, because files of rules have no stated encoding;
/// [`maps::text`](pigear_alert::maps::text) decodes them for display. Texts that the rule has in quotes are
/// without these, and without the backslashes in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// What is before the parenthesis: action, protocol, addresses, ports, direction.
    pub header: Vec<u8>,
    /// The options in their order, including those that have fields of their own.
    pub options: Vec<RuleOption>,
    /// The generator; 1 if the rule has no `gid`.
    pub gid: u32,
    /// The signature id.
    pub sid: u32,
    /// The revision.
    pub rev: Option<u32>,
    /// The message.
    pub msg: Option<Vec<u8>>,
    /// The short name of the class.
    pub classtype: Option<Vec<u8>>,
    /// The priority.
    pub priority: Option<u32>,
    /// The references: the system and the id in it.
    pub references: Vec<(Vec<u8>, Vec<u8>)>,
    /// The metadata: names and values.
    pub metadata: Vec<(Vec<u8>, Vec<u8>)>,
    /// The value of `flow`.
    pub flow: Option<Vec<u8>>,
    /// The regular expressions, as they are written.
    pub pcre: Vec<Vec<u8>>,
    /// The contents.
    pub contents: Vec<Content>,
}

/// An option of a rule, as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleOption {
    /// Its name.
    pub name: Vec<u8>,
    /// What is after the colon.
    pub value: Option<Vec<u8>>,
}

impl Rule {
    /// Parses the text of a rule, without a comment's `#` and with its lines joined.
    ///
    /// # Errors
    /// If it is not a rule, or has a number or content that can't be read. Only of a text that begins with an
    /// action of Snort something is quoted.
    pub fn parse(text: &[u8]) -> Result<Self, RuleProblem> {
        let begins_as_rule = is_action(word_of(text.trim_ascii_start()));
        Self::parts(text).map_err(|it| if begins_as_rule { it } else { it.without_text() })
    }

    fn parts(text: &[u8]) -> Result<Self, RuleProblem> {
        let parts = Parts::of(text)?;
        let mut rule = Self { header: parts.header.to_vec(), gid: 1, ..Self::default() };
        let mut sid = None;
        for &(name, value) in &parts.options {
            rule.options.push(RuleOption { name: name.to_vec(), value: value.map(<[u8]>::to_vec) });
            let value = value.unwrap_or_default();
            match name {
                b"sid" => sid = Some(number("sid", value)?),
                b"gid" => rule.gid = number("gid", value)?,
                b"rev" => rule.rev = Some(number("rev", value)?),
                b"priority" => rule.priority = Some(number("priority", value)?),
                b"msg" => rule.msg = Some(unquoted(value)),
                b"classtype" => rule.classtype = Some(unquoted(value)),
                b"flow" => rule.flow = Some(value.to_vec()),
                b"pcre" => rule.pcre.push(value.to_vec()),
                b"reference" => rule.references.push(pair(value, |byte| byte == b',')),
                b"metadata" => {
                    let entries = split(value, b',').filter(|entry| !entry.is_empty());
                    rule.metadata.extend(entries.map(|entry| pair(entry, is_blank)));
                }
                _ => {}
            }
        }
        rule.contents = contents(&parts)?;
        rule.sid = sid.ok_or(RuleProblem::NoSid)?;
        Ok(rule)
    }

    /// The first word: what Snort does.
    #[must_use]
    pub fn action(&self) -> &[u8] {
        word_of(&self.header)
    }
}

fn number(option: &'static str, value: &[u8]) -> Result<u32, RuleProblem> {
    let number = str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| RuleProblem::NotANumber { option, text: Some(beginning(value)) })
}

fn pair(value: &[u8], is_separator: fn(u8) -> bool) -> (Vec<u8>, Vec<u8>) {
    let (first, second) = split_once(value, is_separator);
    (unquoted(first), unquoted(second.unwrap_or_default()))
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}
