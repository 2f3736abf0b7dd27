//! Standard output.

use std::io::{self, Write};

use anyhow::Context;

use super::failure::Failure;
use crate::standard_output;

/// Writes to standard output. It is not an error if the reader has closed it.
pub(super) fn write_out(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = standard_output::open().map_err(anyhow::Error::from)?;
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result.context("cannot write to standard output")?),
    }
}
