use thiserror::Error;

/// The parsed contents of a text, and its invalid lines.
///
/// No text is refused as a whole: a file with one invalid line still names everything else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed<T> {
    /// The contents of the valid lines.
    pub value: T,
    /// The invalid lines, in order.
    pub problems: Vec<LineProblem>,
}

impl<T> Parsed<T> {
    pub(super) fn report(&mut self, line: usize, problem: MapProblem) {
        self.problems.push(LineProblem { line, problem });
    }
}

/// A line that could not be used, or only in part.
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
    /// A mandatory field is missing or empty.
    #[error("no {field}")]
    Missing {
        /// The name of the field.
        field: &'static str,
    },
    /// A field is not an unsigned 32-bit number.
    #[error("{field} is {text:?}, not a number up to {max}", max = u32::MAX)]
    NotANumber {
        /// The name of the field.
        field: &'static str,
        /// The beginning of its text.
        text: Box<str>,
    },
    /// A Lua value that is known only by running the file: a variable, a call, a concatenation.
    #[error("{field} is not a plain string or number")]
    NotPlain {
        /// The name of the field.
        field: &'static str,
    },
    /// There are more fields than the syntax permits, so their meaning is ambiguous.
    #[error("{found} fields, but at most {allowed} are allowed")]
    TooManyFields {
        /// The number of fields in the line.
        found: usize,
        /// The maximum.
        allowed: usize,
    },
    /// `config classification` or `config reference` without the colon.
    #[error("no colon after {keyword}")]
    NoColon {
        /// The keyword that a colon should follow.
        keyword: &'static str,
    },
    /// A class was defined before; Snort uses the first definition, and gives the other no number.
    #[error("class {name:?} was defined before, this one is ignored")]
    Duplicate {
        /// The short name of the class.
        name: Box<str>,
    },
    /// A reference is not of the form `system,id`. The rest of its line is used.
    #[error("reference {text:?} is not of the form SYSTEM,ID")]
    BrokenReference {
        /// The beginning of the reference.
        text: Box<str>,
    },
    /// The line is of another kind of map.
    #[error("a line of {map}")]
    OtherMap {
        /// The map's usual name.
        map: &'static str,
    },
    /// The file ends within a Lua table. Entries before the end are used.
    #[error("the table is not closed")]
    Unclosed,
}

/// The beginning of a text, for a message.
pub(super) fn quoted(text: &str) -> Box<str> {
    const LONGEST: usize = 40;
    let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(end, _)| end);
    text[..end].into()
}

/// Parses an unsigned number, which must be the whole field.
pub(super) fn number(field: &'static str, text: &str) -> Result<u32, MapProblem> {
    match text.parse() {
        Ok(number) => Ok(number),
        Err(_) if text.is_empty() => Err(MapProblem::Missing { field }),
        Err(_) => Err(MapProblem::NotANumber { field, text: quoted(text) }),
    }
}

/// Parses a number as C's `strtol` with base 0 does: hexadecimal after `0x`, octal after `0`.
pub(super) fn c_number(field: &'static str, text: &str) -> Result<u32, MapProblem> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let (digits, radix) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    match u32::from_str_radix(digits, radix) {
        Ok(number) if !digits.starts_with('+') => Ok(number),
        _ if text.is_empty() => Err(MapProblem::Missing { field }),
        _ => Err(MapProblem::NotANumber { field, text: quoted(text) }),
    }
}

/// Takes a field that must not be empty.
pub(super) fn required<T: AsRef<str>>(field: &'static str, text: T) -> Result<T, MapProblem> {
    if text.as_ref().is_empty() { Err(MapProblem::Missing { field }) } else { Ok(text) }
}
