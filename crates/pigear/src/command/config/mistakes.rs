//! Printing the mistakes in a file.

use std::path::Path;

use anyhow::anyhow;
use pigear_alert::plural;

use crate::command::log;
use crate::config::Mistake;
use crate::visible::visible_lines;

/// More mistakes than this have few causes.
const MAX_SHOWN: usize = 100;

/// Prints each mistake in a file with its place; the error says how many they are.
pub(super) fn print(mistakes: &[Mistake], file: &Path) -> anyhow::Error {
    let shown = file.display();
    for mistake in mistakes.iter().take(MAX_SHOWN) {
        let (line, column) = (mistake.line, mistake.column);
        let problem = visible_lines(&mistake.problem);
        log::say(&format!("{shown}:{line}:{column}: {}", problem.trim_end()));
    }
    if let Some(more) = mistakes.len().checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
        log::say(&format!("{shown}: and {more} more"));
    }
    anyhow!("{shown} has {}", plural::count(mistakes.len() as u64, "mistake"))
}
