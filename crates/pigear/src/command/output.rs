//! Standard output.

use std::io::{self, Write};

use anyhow::Context;

use super::failure::Failure;

/// Writes to standard output. A reader that has seen enough is no failure.
pub(super) fn write_out(bytes: &[u8]) -> Result<(), Failure> {
    match io::stdout().write_all(bytes).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result.context("cannot write to standard output")?),
    }
}
