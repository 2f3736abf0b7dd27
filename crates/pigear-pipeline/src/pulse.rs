//! Whether a thread that receives datagrams moves.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A thread that moves isn't woken more often than this, however many ask.
const REST: Duration = Duration::from_millis(50);

/// Shows whether a thread that receives datagrams moves. Clones share it.
///
/// The thread counts its turns, which costs it next to nothing. It may rest for hours while Snort has no alert; so
/// whoever asks also wakes it, and whoever asks next sees whether it took a turn since.
#[derive(Clone)]
pub struct Pulse(Arc<Inner>);

struct Inner {
    name: String,
    beats: AtomicU64,
    /// There is no thread any more.
    ended: AtomicBool,
    watch: Mutex<Watch>,
    cut_off: Mutex<Option<CutOff>>,
}

/// Why nothing can arrive at a socket: its path doesn't lead to it any more, and it can't be bound again yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CutOff {
    /// The socket, the reason, and what helps, as it is logged.
    pub text: String,
    /// Whether starting the program again helps.
    pub restart_helps: bool,
}

#[derive(Default)]
struct Watch {
    wake: Option<Box<dyn Fn() + Send>>,
    woken: Option<Woken>,
}

/// When the thread was woken, and the beats at that time.
struct Woken {
    at: Instant,
    beats: u64,
}

/// How a thread moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// It took a turn since it was woken, or nobody asked before.
    Moves,
    /// It was woken this long ago, and took no turn since.
    Silent(Duration),
    /// It has ended.
    Ended,
}

impl Pulse {
    pub(crate) fn new(name: String) -> Self {
        let (beats, ended, watch, cut_off) = Default::default();
        Self(Arc::new(Inner { name, beats, ended, watch, cut_off }))
    }

    /// The source, as in messages: the path of its socket.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// How the thread moves. Wakes it, unless that was done and it took no turn since. Any number of askers may
    /// share it; each decides for itself how long is too long.
    #[must_use]
    pub fn motion(&self) -> Motion {
        if self.0.ended.load(Ordering::Relaxed) {
            return Motion::Ended;
        }
        let mut watch = self.watch();
        let (beats, now) = (self.0.beats.load(Ordering::Relaxed), Instant::now());
        if let Some(Woken { at, beats: before }) = watch.woken {
            let since = now.saturating_duration_since(at);
            if before == beats {
                return Motion::Silent(since);
            }
            if since < REST {
                return Motion::Moves;
            }
        }
        watch.woken = watch.wake.as_ref().map(|wake| {
            wake();
            Woken { at: now, beats }
        });
        Motion::Moves
    }

    /// Why nothing can arrive, if that is so.
    #[must_use]
    pub fn cut_off(&self) -> Option<CutOff> {
        self.0.cut_off.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_cut_off(&self, cut_off: Option<CutOff>) {
        *self.0.cut_off.lock().unwrap_or_else(PoisonError::into_inner) = cut_off;
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

    /// The thread ends.
    pub(crate) fn end(&self) {
        self.0.ended.store(true, Ordering::Relaxed);
        self.watch().wake = None;
        self.set_cut_off(None);
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.0.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pulse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { name, beats, .. } = &*self.0;
        f.debug_struct("Pulse").field("name", name).field("beats", beats).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pulse, and how often its thread was woken.
    fn pulse() -> (Pulse, Arc<AtomicU64>) {
        let (pulse, woken) = (Pulse::new("socket".to_owned()), Arc::new(AtomicU64::new(0)));
        let count = Arc::clone(&woken);
        pulse.woken_by(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        (pulse, woken)
    }

    /// As if it had been woken before a rest.
    fn rest(pulse: &Pulse) {
        pulse.watch().woken.as_mut().unwrap().at -= REST;
    }

    #[test]
    fn a_thread_that_is_woken_and_takes_no_turn_is_noticed_by_all_who_ask() {
        let (pulse, woken) = pulse();
        assert_eq!(pulse.motion(), Motion::Moves, "nobody asked before");
        rest(&pulse);
        for _ in 0..2 {
            assert!(matches!(pulse.motion(), Motion::Silent(since) if since >= REST));
        }
        pulse.beat();
        assert_eq!((pulse.motion(), woken.load(Ordering::Relaxed)), (Motion::Moves, 2));
        pulse.end();
        assert_eq!(pulse.motion(), Motion::Ended);
    }

    #[test]
    fn a_thread_that_moves_is_not_woken_by_each_who_asks() {
        let (pulse, woken) = pulse();
        for _ in 0..3 {
            assert_eq!(pulse.motion(), Motion::Moves);
            pulse.beat();
        }
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        rest(&pulse);
        assert_eq!((pulse.motion(), woken.load(Ordering::Relaxed)), (Motion::Moves, 2));
    }

    #[test]
    fn a_thread_that_has_not_begun_moves() {
        let pulse = Pulse::new("socket".to_owned());
        assert_eq!([pulse.motion(), pulse.motion()], [Motion::Moves; 2]);
    }
}
