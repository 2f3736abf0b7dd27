//! Printing the mistakes in a file.

use std::path::Path;

use anyhow::anyhow;
use pigear_alert::plural;

use super::log;
use crate::config::Mistake;
use crate::visible::visible_lines;

/// More mistakes than this have few causes.
pub(super) const MAX_SHOWN: usize = 100;

/// A mistake in a file with its place.
pub(super) fn text(mistake: &Mistake, file: &Path) -> String {
    let (shown, line, column) = (file.display(), mistake.line, mistake.column);
    format!("{shown}:{line}:{column}: {}", visible_lines(&mistake.problem).trim_end())
}

/// Prints each mistake in a file with its place, as many as that; the error says how many they are.
pub(super) fn print(mistakes: &[Mistake], file: &Path, most: usize) -> anyhow::Error {
    let shown = file.display();
    for mistake in mistakes.iter().take(most) {
        log::say(&text(mistake, file));
    }
    if let Some(more) = mistakes.len().checked_sub(most).filter(|more| *more > 0) {
        log::say(&format!("{shown}: and {more} more"));
    }
    anyhow!("{shown} has {}", plural::count(mistakes.len() as u64, "mistake"))
}
