//! Ctrl-C while a user works with something: it is for that, and not for the program.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

static FOREGROUND: Mutex<Option<Arc<AtomicBool>>> = Mutex::new(None);

/// What a user works with, until this is dropped.
pub(super) struct Foreground(());

/// Until the result is dropped, an interrupt sets this flag and does nothing else.
pub(super) fn foreground(interrupted: &Arc<AtomicBool>) -> Foreground {
    *lock() = Some(Arc::clone(interrupted));
    Foreground(())
}

/// Ends a script that runs in a shell, for whoever gets SIGINT. False if no user works with an alert,
/// so that the signal is for the program.
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
