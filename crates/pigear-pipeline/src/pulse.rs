//! Whether a thread still moves.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shows whether a source's thread still moves. Clones share it.
///
/// The thread counts its turns, which costs it next to nothing. It may rest for hours while Snort has no alert;
/// so each check also wakes it, and the next one sees whether it took a turn since.
#[derive(Clone, Default)]
pub struct Pulse(Arc<Inner>);

#[derive(Default)]
struct Inner {
    beats: AtomicU64,
    /// There is no thread any more.
    ended: AtomicBool,
    watch: Mutex<Watch>,
}

#[derive(Default)]
struct Watch {
    wake: Option<Box<dyn Fn() + Send>>,
    /// The beats at the last check that woke the thread.
    seen: Option<u64>,
}

/// Notes the end of the thread when this is dropped.
pub(crate) struct End(Pulse);

impl Pulse {
    /// Whether the thread took a turn since the last check, or has ended, or was not asked before. Call it about
    /// as rarely as the thread may be stuck.
    #[must_use]
    pub fn check(&self) -> bool {
        let mut watch = self.watch();
        let beats = self.0.beats.load(Ordering::Relaxed);
        let moves = watch.seen != Some(beats) || self.0.ended.load(Ordering::Relaxed);
        watch.seen = watch.wake.as_ref().map(|wake| {
            wake();
            beats
        });
        moves
    }

    /// The thread takes a turn. Only this thread may call it.
    pub(crate) fn beat(&self) {
        let beats = &self.0.beats;
        beats.store(beats.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// What wakes the thread; must not block.
    pub(crate) fn woken_by(&self, wake: impl Fn() + Send + 'static) {
        self.watch().wake = Some(Box::new(wake));
    }

    /// What to drop at the end of the thread.
    pub(crate) fn ends(&self) -> End {
        End(self.clone())
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.0.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.0.0.ended.store(true, Ordering::Relaxed);
        self.0.watch().wake = None;
    }
}

impl fmt::Debug for Pulse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pulse").field("beats", &self.0.beats).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_is_woken_and_takes_no_turn_is_noticed() {
        let pulse = Pulse::default();
        assert!(pulse.check() && pulse.check(), "it has not begun");
        let woken = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&woken);
        let end = pulse.ends();
        pulse.woken_by(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        pulse.beat();
        assert!(pulse.check());
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        assert!(!pulse.check(), "it took no turn");
        pulse.beat();
        assert!(pulse.check());
        drop(end);
        assert!(pulse.check() && pulse.check(), "it has ended");
        assert_eq!(woken.load(Ordering::Relaxed), 3);
    }
}
