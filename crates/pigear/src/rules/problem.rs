use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where something stands in the files.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// The line, counted from 1; of a rule over several lines, the first. 0 is the file as a whole.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 { write!(f, ":{}", self.line) } else { Ok(()) }
    }
}

/// What can't be used of the files, and where it stands. Everything else is used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct Problem {
    /// The place.
    pub place: Place,
    /// What is wrong there.
    pub problem: RuleProblem,
}

/// What is wrong with a rule or a file of rules.
///
/// An `include` may name any file, also one with secrets, so text is quoted only of statements that begin as
/// rules do: other texts are `None`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleProblem {
    /// The statement is neither a rule nor another statement of Snort.
    #[error("neither a rule nor another statement of Snort")]
    Unknown,
    /// There is no parenthesis with options.
    #[error("the rule has no options in parentheses")]
    NoOptions,
    /// The parenthesis with the options is not closed.
    #[error("the parenthesis with the rule's options is not closed")]
    Unclosed,
    /// A quote is not closed in its line.
    #[error("a quote is not closed")]
    UnclosedQuote,
    /// What is before the options has neither the form of Snort 2 nor one of Snort 3.
    #[error("the header is{} not an action, a protocol, and both ends with a direction", quoted(.text.as_deref()))]
    Header {
        /// The beginning of the header.
        text: Option<Box<str>>,
    },
    /// Without a signature id no alert can be of this rule.
    #[error("the rule has no sid")]
    NoSid,
    /// The value of an option is not an unsigned number of 32 bits.
    #[error("{option} is{} not a number up to {max}", quoted(.text.as_deref()), max = u32::MAX)]
    NotANumber {
        /// The option.
        option: &'static str,
        /// The beginning of its value.
        text: Option<Box<str>>,
    },
    /// A content is not in quotes.
    #[error("content is{} not a text in quotes", quoted(.text.as_deref()))]
    NotQuoted {
        /// The beginning of the value.
        text: Option<Box<str>>,
    },
    /// What is between two `|` of a content are not pairs of hexadecimal digits.
    #[error("what a content has between | is{} not pairs of hexadecimal digits", quoted(.text.as_deref()))]
    Hex {
        /// The beginning of it.
        text: Option<Box<str>>,
    },
    /// A variable in the path of an `include` has no value.
    #[error("the path {path:?} has an undefined variable")]
    Variable {
        /// The beginning of the path, as it is written.
        path: Box<str>,
    },
    /// A file or directory can't be read.
    #[error("cannot read {}: {why}", path.display())]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        why: Box<str>,
    },
    /// There is more than what is read.
    #[error("it is not read: there are more than {limit}")]
    TooMany {
        /// The limit, with its unit.
        limit: &'static str,
    },
}

impl RuleProblem {
    /// The problem without text of the statement.
    pub(super) fn without_text(mut self) -> Self {
        if let Self::Header { text }
        | Self::NotANumber { text, .. }
        | Self::NotQuoted { text }
        | Self::Hex { text } = &mut self
        {
            *text = None;
        }
        self
    }
}

/// A text as the part of a sentence that says what should be there.
fn quoted(text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| format!(" {text:?},"))
}

/// The beginning of a text, for a message.
pub(super) fn beginning(text: &[u8]) -> Box<str> {
    const LONGEST: usize = 40;
    let text = String::from_utf8_lossy(text.get(..LONGEST * 4).unwrap_or(text)).into_owned();
    text.chars().take(LONGEST).collect::<String>().into()
}
