use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tracing::warn;

use super::bookmark::{Bookmark, Mark};
use crate::backoff::Backoff;

/// The minimum time between two writes.
const INTERVAL: Duration = Duration::from_millis(500);

/// The stack of its thread, in bytes.
const STACK: usize = 256 << 10;

/// Writes a bookmark on its own thread, because a disk may be slow: no alert waits for that.
///
/// If several marks come meanwhile, only the last is written. A failed write is repeated; the failure is
/// logged once, and so is its end. Dropping the writer ends the thread.
pub(super) struct BookmarkWriter {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<WriterState>,
    changed: Condvar,
}

#[derive(Default)]
struct WriterState {
    /// The next mark to write.
    waiting: Option<Mark>,
    /// Whether a write is in progress.
    is_writing: bool,
    /// Whether a thread waits for it.
    is_urgent: bool,
    /// Why the last attempt failed.
    failed: Option<io::Error>,
    /// The number of attempts.
    attempts: u64,
    ended: bool,
}

/// The state of the last mark.
#[derive(Debug)]
pub(super) enum Written {
    All,
    /// It is still being written.
    NotYet,
    Failed(io::Error),
}

impl BookmarkWriter {
    pub(super) fn start(bookmark: Bookmark) -> io::Result<Self> {
        let path = bookmark.path().display().to_string();
        Self::with(path, move |mark| bookmark.write(mark))
    }

    fn with(
        path: String,
        write: impl FnMut(&Mark) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let builder = thread::Builder::new().name("bookmark".to_owned()).stack_size(STACK);
        builder.spawn(move || of_thread.run(&path, write))?;
        Ok(Self { shared })
    }

    /// Writes this mark soon, replacing one that is not written yet.
    pub(super) fn put(&self, mark: Mark) {
        self.shared.state().waiting = Some(mark);
        self.shared.changed.notify_all();
    }

    /// Waits until everything is written, a write fails, or the deadline comes.
    pub(super) fn flush(&self, deadline: Option<Instant>) -> Written {
        let mut state = self.shared.state();
        let attempts = state.attempts;
        state.is_urgent = state.waiting.is_some() || state.is_writing;
        self.shared.changed.notify_all();
        loop {
            if state.waiting.is_none() && !state.is_writing {
                return Written::All;
            }
            if state.attempts > attempts
                && let Some(error) = state.failed.take()
            {
                return Written::Failed(error);
            }
            let left = deadline.map(|time| time.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Written::NotYet;
            }
            state = self.shared.wait(state, left);
        }
    }
}

impl Drop for BookmarkWriter {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, WriterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, WriterState>,
        longest: Option<Duration>,
    ) -> MutexGuard<'a, WriterState> {
        match longest {
            Some(longest) => {
                let woken = self.changed.wait_timeout(state, longest);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
        }
    }

    fn run(&self, path: &str, mut write: impl FnMut(&Mark) -> io::Result<()>) {
        let mut backoff = Backoff::default();
        let mut not_before = None;
        while let Some(mark) = self.next(not_before) {
            let result = write(&mark);
            let pause = match &result {
                Ok(()) => {
                    if backoff.succeeded() {
                        warn!("the bookmark {path} can be written again");
                    }
                    INTERVAL
                }
                Err(error) => {
                    if backoff.attempts() == 0 {
                        warn!("cannot write the bookmark {path}: {error}; trying again");
                    }
                    backoff.failed()
                }
            };
            not_before = Some(Instant::now() + pause);
            self.note(mark, result);
        }
    }

    /// What to write next, when it is due or a thread waits for it.
    fn next(&self, not_before: Option<Instant>) -> Option<Mark> {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            let pause =
                not_before.map_or(Duration::ZERO, |time| time.saturating_duration_since(now));
            if state.waiting.is_some() && (pause.is_zero() || state.is_urgent || state.ended) {
                (state.is_writing, state.is_urgent) = (true, false);
                return state.waiting.take();
            }
            if state.ended {
                return None;
            }
            let longest = Some(pause).filter(|_| state.waiting.is_some());
            state = self.wait(state, longest);
        }
    }

    fn note(&self, mark: Mark, result: io::Result<()>) {
        let mut state = self.state();
        state.is_writing = false;
        state.attempts += 1;
        state.failed = result.err();
        if state.failed.is_some() && !state.ended {
            // A newer mark may have come meanwhile.
            state.waiting.get_or_insert(mark);
        }
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests;
