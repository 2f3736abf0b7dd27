//! A rule, and the lines that it is parsed from.

use crate::maps::lines;
use crate::maps::problem::{MapProblem, number, required};
use crate::maps::references::Reference;

/// The generator of text rules, and of a version 1 map, which has no generators.
pub(super) const TEXT_RULES: u32 = 1;

/// A rule's entry in a `sid-msg.map`.
///
/// There are tens of thousands, so all text is in one string, and references are parsed on demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Class, message and references, the last as in the file, without other separators.
    text: Box<str>,
    class_end: usize,
    message_end: usize,
    revision: Option<u32>,
    priority: Option<u32>,
}

impl Rule {
    fn new(class: &str, message: &str, references: &str) -> Self {
        Self {
            text: [class, message, references].concat().into(),
            class_end: class.len(),
            message_end: class.len() + message.len(),
            revision: None,
            priority: None,
        }
    }

    /// The whole message, as in the file: it may have backslashes that the rule needed.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.text[self.class_end..self.message_end]
    }

    /// The rule's references.
    pub fn references(&self) -> impl Iterator<Item = Reference<'_>> {
        self.reference_fields().filter_map(reference)
    }

    /// The short name of the class; version 2 only.
    #[must_use]
    pub fn class(&self) -> Option<&str> {
        let class = &self.text[..self.class_end];
        (!class.is_empty()).then_some(class)
    }

    /// The rule's revision; version 2 and `--dump-msg-map` only.
    #[must_use]
    pub fn revision(&self) -> Option<u32> {
        self.revision
    }

    /// The rule's priority; version 2 only, and `None` for 0.
    #[must_use]
    pub fn priority(&self) -> Option<u32> {
        self.priority
    }

    pub(super) fn reference_fields(&self) -> impl Iterator<Item = &str> {
        lines::fields(&self.text[self.message_end..]).filter(|field| !field.is_empty())
    }
}

/// Splits `system,id`.
pub(super) fn reference(field: &str) -> Option<Reference<'_>> {
    let (system, id) = field.split_once(',')?;
    let (system, id) = (system.trim(), id.trim());
    (!system.is_empty() && !id.is_empty()).then_some(Reference { system, id })
}

pub(super) fn version_1(line: &str) -> Result<((u32, u32), Rule), MapProblem> {
    let [sid, message, references] = split(line);
    let sid = number("sid", sid)?;
    let message = required("message", message)?;
    Ok(((TEXT_RULES, sid), Rule::new("", message, references)))
}

pub(super) fn version_2(line: &str) -> Result<((u32, u32), Rule), MapProblem> {
    let [generator, sid, revision, class, priority, message, references] = split(line);
    let key = (number("generator", generator)?, number("sid", sid)?);
    let revision = number_or_none("revision", revision)?;
    let is_none = class.eq_ignore_ascii_case("NOCLASS") || class.eq_ignore_ascii_case(NONE);
    let class = if is_none { "" } else { class };
    let priority = number_or_none("priority", priority)?.filter(|&priority| priority != 0);
    let message = required("message", message)?;
    Ok((key, Rule { revision, priority, ..Rule::new(class, message, references) }))
}

pub(super) fn dump(line: &str) -> Result<((u32, u32), Rule), MapProblem> {
    let [generator, sid, revision, message, references] = split(line);
    let key = (number("generator", generator)?, number("sid", sid)?);
    let revision = number_or_none("revision", revision)?;
    let unquoted = message.strip_prefix('"').and_then(|message| message.strip_suffix('"'));
    let message = required("message", unquoted.unwrap_or(message))?;
    Ok((key, Rule { revision, ..Rule::new("", message, references) }))
}

/// What some programs write for a number that a rule lacks.
pub(super) const NONE: &str = "None";

fn number_or_none(field: &'static str, text: &str) -> Result<Option<u32>, MapProblem> {
    if text.eq_ignore_ascii_case(NONE) { Ok(None) } else { number(field, text).map(Some) }
}

/// The first fields of a line, empty if it has fewer; the last is the rest of the line.
fn split<const FIELDS: usize>(line: &str) -> [&str; FIELDS] {
    let mut fields = line.splitn(FIELDS, "||").map(str::trim);
    std::array::from_fn(|_| fields.next().unwrap_or_default())
}
