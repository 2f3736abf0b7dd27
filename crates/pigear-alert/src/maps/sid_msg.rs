mod form;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

pub(super) use self::form::Form;
use super::lines;
use super::problem::{MapProblem, Parsed, number, quoted, required};
use super::references::Reference;

/// The generator of text rules, and of a version 1 map, which has no generators.
const TEXT_RULES: u32 = 1;
/// The generator of shared-object rules; their stubs are in the map as text rules.
const SHARED_OBJECT_RULES: u32 = 3;

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

    fn reference_fields(&self) -> impl Iterator<Item = &str> {
        lines::fields(&self.text[self.message_end..]).filter(|field| !field.is_empty())
    }
}

impl Parsed<SidMsgMap> {
    fn add(&mut self, line: usize, key: (u32, u32), rule: Rule) {
        for field in rule.reference_fields().filter(|field| reference(field).is_none()) {
            self.report(line, MapProblem::BrokenReference { text: quoted(field) });
        }
        self.value.0.insert(key, rule);
    }
}

/// Splits `system,id`.
fn reference(field: &str) -> Option<Reference<'_>> {
    let (system, id) = field.split_once(',')?;
    let (system, id) = (system.trim(), id.trim());
    (!system.is_empty() && !id.is_empty()).then_some(Reference { system, id })
}

/// The rules by generator and signature id: `sid-msg.map`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SidMsgMap(HashMap<(u32, u32), Rule>);

impl SidMsgMap {
    /// Parses a `sid-msg.map`. Each line has one of three forms:
    ///
    /// - version 1, `sid || message || system,id || …`, always of generator 1;
    /// - version 2,
    ///   `generator || sid || revision || class || priority || message || system,id || …`;
    /// - what `snort --dump-msg-map` of Snort 3 prints,
    ///   `generator || sid || revision || "message" || system,id || …`.
    ///
    /// The numbers among its fields tell the form, so one file may have several. A line that could have
    /// more than one form is read in that of the file: version 2 under a comment `#v2`, else that of most
    /// other lines. Of two lines for one rule the later is used. An invalid reference is reported, and the
    /// rest of its line is used.
    #[must_use]
    pub fn parse(text: &str) -> Parsed<Self> {
        let lines: Vec<_> = lines::entries(text)
            .map(|(number, line)| (number, line, Form::told_by(line)))
            .collect();
        let form = Form::of_unclear(text, &lines);
        let mut parsed = Parsed::<Self>::default();
        for (line, entry, told) in lines {
            match told.unwrap_or(form).rule(entry) {
                Ok((key, rule)) => parsed.add(line, key, rule),
                Err(problem) => parsed.report(line, problem),
            }
        }
        parsed
    }

    /// Adds all rules of another map. Where both have a rule, the other map's is used.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The rule of an alert. Generator 3 falls back to generator 1.
    #[must_use]
    pub fn get(&self, generator: u32, sid: u32) -> Option<&Rule> {
        let found = self.0.get(&(generator, sid));
        if generator == SHARED_OBJECT_RULES {
            found.or_else(|| self.0.get(&(TEXT_RULES, sid)))
        } else {
            found
        }
    }

    /// The number of rules.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn version_1(line: &str) -> Result<((u32, u32), Rule), MapProblem> {
    let [sid, message, references] = split(line);
    let sid = number("sid", sid)?;
    let message = required("message", message)?;
    Ok(((TEXT_RULES, sid), Rule::new("", message, references)))
}

fn version_2(line: &str) -> Result<((u32, u32), Rule), MapProblem> {
    let [generator, sid, revision, class, priority, message, references] = split(line);
    let key = (number("generator", generator)?, number("sid", sid)?);
    let revision = number_or_none("revision", revision)?;
    let is_none = class.eq_ignore_ascii_case("NOCLASS") || class.eq_ignore_ascii_case(NONE);
    let class = if is_none { "" } else { class };
    let priority = number_or_none("priority", priority)?.filter(|&priority| priority != 0);
    let message = required("message", message)?;
    Ok((key, Rule { revision, priority, ..Rule::new(class, message, references) }))
}

fn dump(line: &str) -> Result<((u32, u32), Rule), MapProblem> {
    let [generator, sid, revision, message, references] = split(line);
    let key = (number("generator", generator)?, number("sid", sid)?);
    let revision = number_or_none("revision", revision)?;
    let unquoted = message.strip_prefix('"').and_then(|message| message.strip_suffix('"'));
    let message = required("message", unquoted.unwrap_or(message))?;
    Ok((key, Rule { revision, ..Rule::new("", message, references) }))
}

/// What some programs write for a number that a rule lacks.
const NONE: &str = "None";

fn number_or_none(field: &'static str, text: &str) -> Result<Option<u32>, MapProblem> {
    if text.eq_ignore_ascii_case(NONE) { Ok(None) } else { number(field, text).map(Some) }
}

/// The first fields of a line, empty if it has fewer; the last is the rest of the line.
fn split<const FIELDS: usize>(line: &str) -> [&str; FIELDS] {
    let mut fields = line.splitn(FIELDS, "||").map(str::trim);
    std::array::from_fn(|_| fields.next().unwrap_or_default())
}
