//! The channel of batches from a lane to Python.
//!
//! Only the handles of alerts are copied, and a thread is woken once per batch, not once per alert: so a
//! counting loop in Python keeps up with a bare `recv`.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pigear_alert::Alert;
use pigear_pipeline::{Context, Deadline, Failure, Handler, Progress};

/// How often a lane that waits for Python checks the deadline.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

pub(crate) type Batch = Vec<Arc<Alert>>;

/// The result of waiting for a batch.
pub(crate) enum Taken {
    Batch(Batch),
    NothingYet,
    Ended,
}

/// Batches between a lane and one reader.
pub(crate) struct BatchChannel {
    state: Mutex<ChannelState>,
    changed: Condvar,
    /// Becomes readable when there is a batch, for a reader that waits for several events.
    readable: UnixStream,
    sign: UnixStream,
}

#[derive(Default)]
struct ChannelState {
    batches: VecDeque<Batch>,
    /// Alerts that were put and that the loop in Python did not get yet.
    left: usize,
    ended: bool,
    reader_gone: bool,
    watched: bool,
}

impl BatchChannel {
    pub(crate) fn new() -> std::io::Result<Self> {
        let (readable, sign) = UnixStream::pair()?;
        readable.set_nonblocking(true)?;
        sign.set_nonblocking(true)?;
        Ok(Self { state: Mutex::default(), changed: Condvar::new(), readable, sign })
    }

    /// Waits for a batch, at most this long.
    pub(crate) fn take(&self, time: Duration) -> Taken {
        let mut state = self.state();
        if state.batches.is_empty() && !state.ended && !time.is_zero() {
            let woken = self.changed.wait_timeout(state, time);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.watched {
            // What is still here is taken now or asked for again.
            while (&self.readable).read(&mut [0; 64]).is_ok_and(|n| n > 0) {}
        }
        let taken = match state.batches.pop_front() {
            Some(batch) => Taken::Batch(batch),
            None if state.ended => Taken::Ended,
            None => Taken::NothingYet,
        };
        if state.watched && (state.ended || !state.batches.is_empty()) {
            self.make_readable();
        }
        drop(state);
        self.changed.notify_all();
        taken
    }

    /// The loop in Python gets an alert of a batch that was taken.
    pub(crate) fn given(&self) {
        let mut state = self.state();
        state.left = state.left.saturating_sub(1);
        let is_last = state.left == 0;
        drop(state);
        if is_last {
            self.changed.notify_all();
        }
    }

    /// A file descriptor that is readable when there is a batch.
    pub(crate) fn watch(&self) -> RawFd {
        let mut state = self.state();
        if !state.watched {
            state.watched = true;
            if state.ended || !state.batches.is_empty() {
                self.make_readable();
            }
        }
        self.readable.as_raw_fd()
    }

    /// No more batches come.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        if state.watched {
            self.make_readable();
        }
        drop(state);
        self.changed.notify_all();
    }

    /// No more batches are taken.
    pub(crate) fn leave(&self) {
        let mut state = self.state();
        state.reader_gone = true;
        state.batches.clear();
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until the loop in Python got each alert, but no longer once it is time to end: what fits into
    /// a lane then fits here too. What the loop left before it got there is not processed.
    fn put(&self, batch: Batch, deadline: &Deadline) -> Result<Progress, Failure> {
        let alerts = batch.len();
        let mut state = self.state();
        if state.reader_gone {
            return Err(Failure::reader_gone());
        }
        state.batches.push_back(batch);
        state.left += alerts;
        if state.watched {
            self.make_readable();
        }
        self.changed.notify_all();
        while state.left > 0 && !state.reader_gone && deadline.left().is_none() {
            let woken = self.changed.wait_timeout(state, POLL_INTERVAL);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.reader_gone && state.left > 0 {
            return Err(Failure::reader_gone().after(alerts.saturating_sub(state.left)));
        }
        Ok(Progress::All)
    }

    fn make_readable(&self) {
        // If there is no room, it is readable already.
        let _ = (&self.sign).write(&[1]);
    }

    fn state(&self) -> MutexGuard<'_, ChannelState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The handler at the end of the lane.
pub(crate) struct ChannelHandler {
    to: Arc<BatchChannel>,
    deadline: Deadline,
}

impl ChannelHandler {
    pub(crate) fn new(to: Arc<BatchChannel>) -> Self {
        Self { to, deadline: Deadline::default() }
    }
}

impl Handler for ChannelHandler {
    fn start(&mut self, context: Context) -> Result<(), Failure> {
        self.deadline = context.deadline;
        Ok(())
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        self.to.put(alerts.to_vec(), &self.deadline)
    }
}
