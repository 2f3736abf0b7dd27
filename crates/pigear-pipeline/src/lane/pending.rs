use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Something for another thread, which looks often whether it is there. The newest one counts.
pub(super) struct Pending<T> {
    is_there: AtomicBool,
    value: Mutex<Option<T>>,
}

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self { is_there: AtomicBool::new(false), value: Mutex::new(None) }
    }
}

impl<T> Pending<T> {
    pub(super) fn put(&self, value: T) {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        self.is_there.store(true, Ordering::Release);
    }

    pub(super) fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Acquire)
    }

    pub(super) fn take(&self) -> Option<T> {
        if !self.is_there.swap(false, Ordering::Acquire) {
            return None;
        }
        self.value.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
