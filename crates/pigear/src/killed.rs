//! The end of the process that a signal asks for.

use std::process;

use signal_hook::low_level;

/// Ends the process as a signal does where it isn't handled.
pub(crate) fn end(signal: i32) -> ! {
    // No signal ends the first process of a container by itself.
    if process::id() != 1 {
        // Only signals that don't end a process are an error.
        let _ = low_level::emulate_default_handler(signal);
    }
    // What a shell would report.
    low_level::exit(128 + signal)
}
