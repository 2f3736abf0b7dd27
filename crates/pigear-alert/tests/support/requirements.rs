//! What a test requires of the machine: programs, packages, rights. The tests of `pigear` use this
//! file too.
//!
//! Where a requirement is missing, a test skips what needs it, and says so. With
//! `PIGEAR_REQUIRE_PEERS=1`, as `.ci/run` sets it, it fails instead.

use std::fmt::Display;
use std::io::{self, Write};
use std::{env, thread};

/// Skips a test, or a part of it: the caller returns.
///
/// # Panics
///
/// If `PIGEAR_REQUIRE_PEERS` is 1.
#[track_caller]
pub(crate) fn missing(what: impl Display) {
    let required = env::var_os("PIGEAR_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "PIGEAR_REQUIRE_PEERS=1, but {what}");
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    // Unlike what is printed, this isn't captured.
    let _ = writeln!(io::stderr(), "SKIPPED {test}: {what}");
}
