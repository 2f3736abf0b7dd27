mod form;
mod rule;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

pub(super) use self::form::Form;
pub use self::rule::Rule;
use self::rule::{TEXT_RULES, reference};
use super::lines;
use super::problem::{MapProblem, Parsed, quoted};

/// The generator of shared-object rules; their stubs are in the map as text rules.
const SHARED_OBJECT_RULES: u32 = 3;

impl Parsed<SidMsgMap> {
    fn add(&mut self, line: usize, key: (u32, u32), rule: Rule) {
        for field in rule.reference_fields().filter(|field| reference(field).is_none()) {
            self.report(line, MapProblem::BrokenReference { text: quoted(field) });
        }
        self.value.0.insert(key, rule);
    }
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
