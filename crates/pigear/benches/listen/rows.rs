//! Which rows of the table to measure.

use std::env;

use anyhow::bail;

/// The rows that the command line names, or all.
pub(crate) fn wanted<T: Copy>(
    rows: &[(&'static str, T)],
) -> anyhow::Result<Vec<(&'static str, T)>> {
    // Cargo adds `--bench`.
    let names: Vec<_> = env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    if let Some(unknown) = names.iter().find(|name| rows.iter().all(|(row, _)| row != name)) {
        let known: Vec<_> = rows.iter().map(|(row, _)| *row).collect();
        bail!("unknown row {unknown:?}; known are {}", known.join(", "));
    }
    let is_wanted = |row: &str| names.is_empty() || names.iter().any(|name| name == row);
    Ok(rows.iter().copied().filter(|(row, _)| is_wanted(row)).collect())
}
