use thiserror::Error;

/// What a text held, and which of its lines could not be used.
///
/// No text is refused as a whole: a file with one broken line still names everything else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed<T> {
    /// What the understood lines say.
    pub value: T,
    /// The other lines, in order.
    pub problems: Vec<LineProblem>,
}

impl<T> Parsed<T> {
    pub(super) fn report(&mut self, line: usize, problem: MapProblem) {
        self.problems.push(LineProblem { line, problem });
    }
}

/// A line that could not be used, or not wholly.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct LineProblem {
    /// The line's number, from 1; of an entry over several lines, the first.
    pub line: usize,
    /// What is wrong with it.
    pub problem: MapProblem,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MapProblem {
    /// A field that has to be there is not, or is empty.
    #[error("no {field}")]
    Missing {
        /// What the field holds.
        field: &'static str,
    },
    /// A field that has to be an unsigned 32-bit number is something else.
    #[error("{field} is {text:?}, not a number up to {max}", max = u32::MAX)]
    NotANumber {
        /// What the field holds.
        field: &'static str,
        /// How it begins.
        text: Box<str>,
    },
    /// A Lua value that only running the file would tell: a variable, a call, two strings joined.
    #[error("{field} is not a plain string or number")]
    NotPlain {
        /// What the field holds.
        field: &'static str,
    },
    /// There are more fields than the syntax has, so which is which can't be told.
    #[error("{found} fields, but at most {allowed} are allowed")]
    TooManyFields {
        /// How many fields the line has.
        found: usize,
        /// How many it may have.
        allowed: usize,
    },
    /// `config classification` or `config reference` without the colon.
    #[error("no colon after {keyword}")]
    NoColon {
        /// The word that a colon should follow.
        keyword: &'static str,
    },
    /// A class was defined before; Snort keeps the first, and gives the other no number.
    #[error("class {name:?} was defined before, this one is ignored")]
    Duplicate {
        /// The short name of the class.
        name: Box<str>,
    },
    /// A reference is not of the form `system,id`. The rest of its line is used.
    #[error("reference {text:?} is not of the form SYSTEM,ID")]
    BrokenReference {
        /// How the reference begins.
        text: Box<str>,
    },
    /// The file ends within a Lua table. What stands before the end is used.
    #[error("the table is not closed")]
    Unclosed,
}

/// The beginning of a text that is to be quoted in a message.
pub(super) fn quoted(text: &str) -> Box<str> {
    const LONGEST: usize = 40;
    let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(end, _)| end);
    text[..end].into()
}

/// Reads an unsigned number, which has to fill the whole field.
pub(super) fn number(field: &'static str, text: &str) -> Result<u32, MapProblem> {
    match text.parse() {
        Ok(number) => Ok(number),
        Err(_) if text.is_empty() => Err(MapProblem::Missing { field }),
        Err(_) => Err(MapProblem::NotANumber { field, text: quoted(text) }),
    }
}

/// Takes a field that may not be empty.
pub(super) fn required<T: AsRef<str>>(field: &'static str, text: T) -> Result<T, MapProblem> {
    if text.as_ref().is_empty() { Err(MapProblem::Missing { field }) } else { Ok(text) }
}
