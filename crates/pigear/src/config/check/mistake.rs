//! A mistake, and where it is.

use crate::config::lines::Lines;

/// A mistake in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted in characters from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: String,
    /// A misspelt name that begins there, and the one that is probably meant.
    pub meant: Option<(String, String)>,
}

/// A mistake, and at which offset it is.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) at: usize,
    pub(super) problem: String,
    pub(super) meant: Option<(String, String)>,
}

/// The mistakes at these offsets, in the order of the text.
pub(super) fn located(mut found: Vec<Found>, text: &str) -> Vec<Mistake> {
    found.sort();
    found.dedup();
    let lines = Lines::of(text);
    let (mut counted, mut column) = (0, 1);
    let located = |Found { at: offset, problem, meant }| {
        let line = lines.line(offset);
        let begin = lines.begin(line);
        // A line may be long, and have many mistakes.
        if begin > counted {
            (counted, column) = (begin, 1);
        }
        column += text.get(counted..offset).map_or(0, |passed| passed.chars().count());
        counted = counted.max(offset.min(text.len()));
        Mistake { line, column, problem, meant }
    };
    found.into_iter().map(located).collect()
}
