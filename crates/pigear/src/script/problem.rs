use std::fmt;

use rhai::{EvalAltResult, ParseError, ParseErrorType, Position};

use super::caseless;
use super::hint::{self, Hint};
use super::run_time::TOO_LONG;
use crate::visible::{cut, visible};

/// The maximum length of an error text: a script may throw a whole packet.
const MAX_TEXT: usize = 1_024;

/// How many characters of a line are shown before the position, and how many after it.
const CONTEXT: usize = 80;

/// What is wrong with a script, and where.
///
/// Displays as a line with the error, and below it the script's line with a mark under the position:
///
/// ```text
/// unknown variable `mgs`
///   | mgs.priority <= 2
///   | ^
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ScriptProblem {
    what: String,
    place: Option<Place>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    line: String,
    /// How many characters are before the mark.
    column: usize,
    /// The line and the column in the script, counted from 1.
    in_script: (usize, usize),
}

impl ScriptProblem {
    pub(super) fn new(what: impl Into<String>, script: &str, position: Position) -> Self {
        Self { what: what.into(), place: Place::of(script, position) }
    }

    pub(crate) fn of_compiling(error: &ParseError, script: &str) -> Self {
        if let Some(Hint { what, position }) = hint::on(error, script) {
            return Self::new(bounded(&visible(what.as_bytes())), script, position);
        }
        let what = match &*error.0 {
            ParseErrorType::VariableUndefined(name) => format!("unknown variable `{name}`"),
            ParseErrorType::UnexpectedEOF => "unexpected end".to_owned(),
            other => in_our_words(&other.to_string()),
        };
        let what = bounded(&visible(what.as_bytes()));
        Self::new(what, script, error.1)
    }

    /// Why a script failed while it ran.
    #[cfg(feature = "shell")]
    pub(crate) fn of_running(error: &EvalAltResult, script: &str) -> Self {
        // Within a function the position would refer to the script that defined it.
        Self::new(said_of_running(error), script, error.position())
    }

    /// The error in a line, without the position.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The line and the column in the script, in characters counted from 1, if the error has a position.
    #[must_use]
    pub fn position(&self) -> Option<(usize, usize)> {
        self.place.as_ref().map(|place| place.in_script)
    }
}

impl fmt::Display for ScriptProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.place {
            Some(Place { line, column, .. }) => write!(f, "\n  | {line}\n  | {:column$}^", ""),
            None => Ok(()),
        }
    }
}

impl Place {
    fn of(script: &str, position: Position) -> Option<Self> {
        let line = script.lines().nth(position.line()?.checked_sub(1)?)?;
        // An error at the end has no position within the line, or one behind it.
        let before = position.position().map_or(usize::MAX, |column| column.saturating_sub(1));
        let letters: Vec<char> = line.chars().collect();
        let before = before.min(letters.len());
        let (start, end) = (before.saturating_sub(CONTEXT), letters.len().min(before + CONTEXT));
        let text = |from, to| letters.get(from..to).unwrap_or_default().iter().collect::<String>();
        let shown = |text: String| visible(text.replace('\t', " ").as_bytes());
        let dots = |is_cut| if is_cut { "…" } else { "" };
        let begin = format!("{}{}", dots(start > 0), shown(text(start, before)));
        let rest = shown(text(before, end)) + dots(end < letters.len());
        let in_script = (position.line()?, before + 1);
        Some(Self { column: begin.chars().count(), line: format!("{begin}{rest}"), in_script })
    }
}

/// The error in a line, without the position.
pub(super) fn said_of_running(error: &EvalAltResult) -> String {
    let error = innermost(error);
    let what = match error {
        EvalAltResult::ErrorTooManyOperations(_) => TOO_LONG.to_owned(),
        EvalAltResult::ErrorStackOverflow(_) => "its functions call each other too deep".to_owned(),
        EvalAltResult::ErrorTerminated(why, _) if why.is_string() => why.to_string(),
        EvalAltResult::ErrorTerminated(..) => "interrupted".to_owned(),
        EvalAltResult::ErrorDataRace(..) => {
            "a value can't be used while it is being changed; use a copy".to_owned()
        }
        EvalAltResult::ErrorVariableNotFound(name, _) => format!("unknown variable `{name}`"),
        EvalAltResult::ErrorFunctionNotFound(call, _) => {
            format!("no such function: {}", with_our_types(call))
        }
        EvalAltResult::ErrorMismatchDataType(expected, actual, _) => {
            let needs_text = actual.ends_with("Word") && expected == "string";
            let write = if needs_text { "; write text(…)" } else { "" };
            with_our_types(&without_position(error)) + write
        }
        EvalAltResult::ErrorDotExpr(text, _) => {
            text.split(" - ").next().unwrap_or_default().to_owned()
        }
        EvalAltResult::ErrorRuntime(value, _) => caseless::plain(value).to_string(),
        other => without_position(other),
    };
    bounded(&visible(in_our_words(&what).as_bytes()))
}

fn bounded(said: &str) -> String {
    match cut(said, MAX_TEXT) {
        whole if whole.len() == said.len() => whole.to_owned(),
        begin => format!("{begin}…"),
    }
}

/// The innermost error, without those of the calling functions.
fn innermost(error: &EvalAltResult) -> &EvalAltResult {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => innermost(inner),
        error => error,
    }
}

fn without_position(error: &EvalAltResult) -> String {
    let text = error.to_string();
    let position = format!(" ({})", in_words(error.position()));
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}

fn in_words(position: Position) -> String {
    let (line, column) = (position.line().unwrap_or(0), position.position());
    column
        .map_or_else(|| format!("line {line}"), |column| format!("line {line}, position {column}"))
}

/// The language's names of types, and the names shown to users.
const TYPES: [(&str, &str); 8] = [
    ("pigear::script::caseless::Word", "text without case"),
    ("&str | ImmutableString | String", "text"),
    ("string", "text"),
    ("word", "text without case"),
    ("core::ops::range::Range<i64>", "range"),
    ("core::ops::range::RangeInclusive<i64>", "range"),
    ("i64", "number"),
    ("f64", "number"),
];

/// A type's name for users.
pub(super) fn type_name(name: &str) -> &str {
    let known = const { &TYPES }.iter().find(|(theirs, _)| *theirs == name);
    known.map_or(if name == "()" { "nothing" } else { name }, |(_, ours)| ours)
}

fn with_our_types(text: &str) -> String {
    let text =
        text.replace("(())", "(nothing)").replace("((),", "(nothing,").replace(", ()", ", nothing");
    TYPES.iter().fold(text, |text, (theirs, ours)| text.replace(theirs, ours))
}

/// Error messages begin in lower case.
fn in_our_words(what: &str) -> String {
    let mut letters = what.chars();
    let first = letters.next().into_iter();
    let is_word = letters.clone().next().is_some_and(char::is_lowercase);
    let first: String =
        if is_word { first.flat_map(char::to_lowercase).collect() } else { first.collect() };
    first + letters.as_str()
}
