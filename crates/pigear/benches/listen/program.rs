//! What every benchmark that prints a table does.

use std::process::ExitCode;

/// Whether the benchmark could measure; what went wrong is printed.
pub(crate) fn exit_code(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the table is what this is for")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
