use super::rule::{NONE, Rule, dump, reference, version_1, version_2};
use crate::maps::lines;
use crate::maps::problem::MapProblem;

/// The fields of a version 2 line before its references.
const VERSION_2_FIELDS: usize = 6;

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::maps) enum Form {
    Version1,
    Version2,
    Dump,
}

impl Form {
    const ALL: [Self; 3] = [Self::Version1, Self::Version2, Self::Dump];

    /// The form of the lines that don't tell theirs: that of `#v2`, or else of most others. It is another
    /// one if most of them would fail.
    pub(super) fn of_unclear(text: &str, lines: &[(usize, &str, Option<Self>)]) -> Self {
        let told = |form| lines.iter().filter(|(_, _, told)| *told == Some(form)).count();
        // Of equals the last is the maximum.
        let most = Self::ALL.into_iter().rev().max_by_key(|form| told(*form));
        let first = if has_mark(text) { Self::Version2 } else { most.unwrap_or(Self::Version1) };
        let unclear = lines.iter().filter(|(_, _, told)| told.is_none()).map(|(_, line, _)| *line);
        let unclear: Vec<&str> = unclear.collect();
        let failures = |form: Self| unclear.iter().filter(|line| !form.fits(line)).count();
        if 2 * failures(first) <= unclear.len() {
            return first;
        }
        // Of equals the first is the minimum.
        let others = Self::ALL.into_iter().filter(|form| *form != first);
        std::iter::once(first).chain(others).min_by_key(|form| failures(*form)).unwrap_or(first)
    }

    /// The form that a line must have, whatever the file's is.
    pub(in crate::maps) fn told_by(line: &str) -> Option<Self> {
        let fields: Vec<&str> = lines::fields(line).collect();
        let is_number = |n: usize| fields.get(n).is_some_and(|field| field.parse::<u32>().is_ok());
        let is_number_or_none =
            |n: usize| is_number(n) || fields.get(n).is_some_and(|f| f.eq_ignore_ascii_case(NONE));
        let are_references = |fields: Option<&[&str]>| {
            fields.is_some_and(|fields| {
                fields.iter().all(|field| field.is_empty() || reference(field).is_some())
            })
        };
        if !is_number(0) {
            None
        } else if !is_number(1) {
            // A message, unless it is a broken number of the other forms.
            let is_too_short = !is_number(2) && fields.len() < VERSION_2_FIELDS;
            let is_message = fields.len() > 1 && (is_too_short || are_references(fields.get(2..)));
            is_message.then_some(Self::Version1)
        } else if !is_number_or_none(2) {
            None
        } else if fields.len() >= VERSION_2_FIELDS && is_number_or_none(4) {
            Some(Self::Version2)
        } else {
            (fields.len() > 3 && are_references(fields.get(4..))).then_some(Self::Dump)
        }
    }

    /// Parses a line of this form.
    pub(super) fn rule(self, line: &str) -> Result<((u32, u32), Rule), MapProblem> {
        match self {
            Self::Version1 if lines::is_of_gen_msg(line) => {
                Err(MapProblem::OtherMap { map: "gen-msg.map" })
            }
            Self::Version1 => version_1(line),
            Self::Version2 => version_2(line),
            Self::Dump => dump(line),
        }
    }

    /// Whether a line can be read in this form, with most of its references.
    fn fits(self, line: &str) -> bool {
        self.rule(line).is_ok_and(|(_, rule)| {
            let (all, whole) = (rule.reference_fields().count(), rule.references().count());
            2 * whole >= all
        })
    }
}

/// Whether a comment before the first entry is `#v2`.
fn has_mark(text: &str) -> bool {
    let comments = lines::numbered(text).map(|(_, line)| line);
    let mut comments = comments.take_while(|line| line.is_empty() || line.starts_with('#'));
    comments.any(|line| line.trim_start_matches('#').trim().eq_ignore_ascii_case("v2"))
}
