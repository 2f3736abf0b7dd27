//! Ctrl-C while the user works in a shell: it is for the shell, not for the program.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

static FOREGROUND: Mutex<Option<Arc<AtomicBool>>> = Mutex::new(None);

/// The shell that the user works in, until this is dropped.
pub(super) struct Foreground(());

/// Until the result is dropped, an interrupt only sets this flag.
pub(super) fn foreground(interrupted: &Arc<AtomicBool>) -> Foreground {
    *lock() = Some(Arc::clone(interrupted));
    Foreground(())
}

/// Ends a running script in a shell, at SIGINT. False if the user works with no alert, so that the signal
/// is for the program.
#[must_use]
pub fn interrupt() -> bool {
    let foreground = lock();
    if let Some(interrupted) = &*foreground {
        interrupted.store(true, Ordering::Relaxed);
    }
    foreground.is_some()
}

impl Drop for Foreground {
    fn drop(&mut self) {
        *lock() = None;
    }
}

fn lock() -> MutexGuard<'static, Option<Arc<AtomicBool>>> {
    FOREGROUND.lock().unwrap_or_else(PoisonError::into_inner)
}
