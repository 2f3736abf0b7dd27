//! What is asked of texts.

use std::cmp::Ordering;

use super::operand::Operator;

/// What is asked of a text.
#[derive(Clone, Debug)]
pub(super) enum TextTest {
    Compare(Operator, Box<str>),
    /// `in` a list.
    Among(Box<[Box<str>]>),
    Contains(Box<str>),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    /// `in` a text.
    PartOf(Box<str>),
}

/// Whether upper and lower case differ.
#[derive(Clone, Copy, Debug)]
pub(super) enum Case {
    Matters,
    /// That of ASCII letters doesn't matter.
    Ignored,
}

impl TextTest {
    /// The answer for a text, or for one that isn't known.
    pub(super) fn is_true_of(&self, text: Option<&str>, case: Case) -> bool {
        let Some(text) = text else {
            return matches!(self, Self::Compare(op, _) if op.holds_between_types());
        };
        match self {
            Self::Compare(op @ (Operator::Equal | Operator::NotEqual), other) => {
                case.equal(text, other) == (*op == Operator::Equal)
            }
            Self::Compare(op, other) => op.holds(case.order(text, other)),
            Self::Among(all) => all.iter().any(|other| case.equal(text, other)),
            Self::Contains(part) => case.contains(text, part),
            Self::StartsWith(begin) => case.begins(text.as_bytes(), begin.as_bytes()),
            Self::EndsWith(end) => case.ends(text.as_bytes(), end.as_bytes()),
            Self::PartOf(whole) => case.contains(whole, text),
        }
    }
}

impl Case {
    pub(super) fn equal(self, one: &str, other: &str) -> bool {
        match self {
            Self::Matters => one == other,
            Self::Ignored => one.eq_ignore_ascii_case(other),
        }
    }

    fn order(self, one: &str, other: &str) -> Ordering {
        match self {
            Self::Matters => one.cmp(other),
            Self::Ignored => self::order(one, other),
        }
    }

    fn contains(self, whole: &str, part: &str) -> bool {
        match self {
            Self::Matters => whole.contains(part),
            Self::Ignored => {
                let (whole, part) = (whole.as_bytes(), part.as_bytes());
                part.is_empty()
                    || whole.windows(part.len()).any(|here| here.eq_ignore_ascii_case(part))
            }
        }
    }

    fn begins(self, whole: &[u8], begin: &[u8]) -> bool {
        whole.get(..begin.len()).is_some_and(|here| self.same(here, begin))
    }

    fn ends(self, whole: &[u8], end: &[u8]) -> bool {
        let at = whole.len().checked_sub(end.len());
        at.and_then(|at| whole.get(at..)).is_some_and(|here| self.same(here, end))
    }

    fn same(self, one: &[u8], other: &[u8]) -> bool {
        match self {
            Self::Matters => one == other,
            Self::Ignored => one.eq_ignore_ascii_case(other),
        }
    }
}

/// The order of texts without case.
pub(super) fn order(one: &str, other: &str) -> Ordering {
    let lower =
        |text: &'_ str| text.bytes().map(|byte| byte.to_ascii_lowercase()).collect::<Vec<_>>();
    lower(one).cmp(&lower(other))
}
