//! Requests to stop a running pipeline.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::wakers::Wakers;

/// A switch that stops a pipeline, from any thread. Clones share it.
#[derive(Clone, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Default)]
struct Inner {
    requested: AtomicBool,
    /// The request came from outside the pipeline.
    asked: AtomicBool,
    wakers: Wakers,
}

impl Stop {
    /// Requests a stop, and wakes everything that waits on this switch. A second request wakes it again.
    pub fn request(&self) {
        self.0.asked.store(true, Ordering::SeqCst);
        self.end();
    }

    /// The same, but by the pipeline itself.
    pub(crate) fn end(&self) {
        self.0.requested.store(true, Ordering::SeqCst);
        self.0.wakers.wake();
    }

    /// Whether a stop was requested from outside the pipeline.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// Whether a stop was requested.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.requested.load(Ordering::Relaxed)
    }

    /// Calls `wake` at a request to stop; at once, if there was one. `wake` must not block.
    pub fn on_request(&self, wake: impl Fn() + Send + 'static) {
        self.0.wakers.add(wake, || self.0.requested.load(Ordering::SeqCst));
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop").field("requested", &self.is_requested()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn a_waker_is_called_whether_it_is_added_before_or_after_the_request() {
        let stop = Stop::default();
        let woken = Arc::new(AtomicUsize::new(0));
        let count = |woken: &Arc<AtomicUsize>| {
            let woken = Arc::clone(woken);
            move || {
                woken.fetch_add(1, Ordering::SeqCst);
            }
        };
        stop.on_request(count(&woken));
        assert!(!stop.is_requested());
        stop.request();
        stop.on_request(count(&woken));
        assert!(stop.is_requested());
        assert_eq!(woken.load(Ordering::SeqCst), 2);
    }
}
