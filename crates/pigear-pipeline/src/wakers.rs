//! Functions that wake threads.

use std::sync::{Mutex, MutexGuard, PoisonError};

type Waker = Box<dyn Fn() + Send>;

/// What is called when something happens that threads wait for.
#[derive(Default)]
pub(crate) struct Wakers(Mutex<Vec<Waker>>);

impl Wakers {
    /// Calls all of them.
    pub(crate) fn wake(&self) {
        self.list().iter().for_each(|wake| wake());
    }

    /// Adds one, and calls it at once if `has_happened`. It must not block.
    pub(crate) fn add(
        &self,
        wake: impl Fn() + Send + 'static,
        has_happened: impl FnOnce() -> bool,
    ) {
        // Under the lock, so that none is missed between the check and the addition.
        let mut list = self.list();
        if has_happened() {
            wake();
        }
        list.push(Box::new(wake));
    }

    fn list(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
