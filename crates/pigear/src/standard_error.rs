//! Standard error, for the log. What is logged to a terminal while it has a screen is printed once the screen is left.

#[cfg(feature = "top")]
use std::io::IsTerminal;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most bytes that are kept while there is a screen.
const MAX_HELD: usize = 64 * 1024;

/// The target of events that a screen shows by itself: they are not logged to its terminal, even once it is left.
pub(crate) const SHOWN: &str = "pigear::shown";

/// What was logged since there is a screen; `None` without one.
static HELD: Mutex<Option<Held>> = Mutex::new(None);

/// Whether the terminal has, or had, a screen: what began while it was there may end later. A thread that only asks
/// never waits for one that writes to a paused terminal.
static HAS_SCREEN: AtomicBool = AtomicBool::new(false);

#[derive(Default)]
struct Held {
    lines: Vec<u8>,
    /// How many others there was no room for.
    lost: u64,
}

/// Writes a line, or keeps it until the screen is left.
///
/// # Errors
/// If standard error takes nothing.
pub(crate) fn write(line: &[u8]) -> io::Result<()> {
    match &mut *held() {
        Some(held) => held.add(line),
        None => io::stderr().write_all(line)?,
    }
    Ok(())
}

/// Keeps lines from now on, if standard error is a terminal.
#[cfg(feature = "top")]
pub(crate) fn hold() {
    if io::stderr().is_terminal() {
        HAS_SCREEN.store(true, Ordering::Relaxed);
        held().get_or_insert_default();
    }
}

/// Prints what was kept.
#[cfg(feature = "top")]
pub(crate) fn release() {
    let Some(Held { lines, lost }) = held().take() else { return };
    // A closed terminal shows nothing.
    let _ = io::stderr().write_all(&lines);
    if lost > 0 {
        let _ = writeln!(io::stderr(), "pigear: {lost} more lines were logged meanwhile");
    }
}

/// Whether the events of [`SHOWN`] were on a screen of the terminal, so that they are not logged to it.
pub(crate) fn has_screen() -> bool {
    HAS_SCREEN.load(Ordering::Relaxed)
}

impl Held {
    fn add(&mut self, line: &[u8]) {
        if self.lines.len() + line.len() > MAX_HELD {
            self.lost += 1;
        } else {
            self.lines.extend(line);
        }
    }
}

fn held() -> MutexGuard<'static, Option<Held>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_asks_does_not_wait_for_one_that_writes() {
        let _writes = held();
        assert!(!has_screen());
    }
}
