//! Receives from a Python socket, without Python.

use std::collections::VecDeque;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use pigear::snort_conf::log_dir;
use pigear_alert::Sender;
use pigear_alert::plural;
use pigear_pipeline::EventCounter;
use pigear_pipeline::source::unix::{AllowedSenders, Control, Failures};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tracing::warn;

use crate::log;

/// Bytes of datagrams that may wait for a slow handler.
const MAX_WAITING: usize = 64 << 20;

/// How often a waiting thread checks for Ctrl-C.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Datagrams of a socket, received on a thread that never waits for Python.
///
/// The socket must be blocking, with a timeout (`SO_RCVTIMEO`), and stay open until this is closed.
/// Datagrams that don't fit into the queue, or whose sender is not allowed, are dropped, counted and logged.
#[pyclass(frozen, module = "pigear._pigear")]
pub(crate) struct Receiver(Arc<Queue>);

/// The log directory in a Snort 2 configuration, if it has one.
#[pyfunction]
pub(crate) fn logdir_of(snort_conf: &str) -> Option<String> {
    log_dir(snort_conf).map(|dir| dir.to_string_lossy().into_owned())
}

#[derive(Default)]
struct Queue {
    state: Mutex<ReceiverState>,
    changed: Condvar,
}

#[derive(Default)]
struct ReceiverState {
    waiting: VecDeque<Vec<u8>>,
    bytes: usize,
    dropped: EventCounter,
    refused: EventCounter,
    failed: EventCounter,
    closed: bool,
    receiving: bool,
    failure: Option<Errno>,
}

#[pymethods]
impl Receiver {
    /// Receives from a file descriptor, at most `size` bytes of a datagram; with `logdir`, only from
    /// root, ourselves and the directory's owner.
    #[new]
    #[pyo3(signature = (fd, size, logdir=None))]
    fn new(fd: RawFd, size: usize, logdir: Option<PathBuf>) -> PyResult<Self> {
        let allowed = logdir.map(|dir| AllowedSenders::of_log_directory(&dir)).transpose()?;
        log::to_python()?;
        let queue = Arc::new(Queue::default());
        queue.state().receiving = true;
        let to = Arc::clone(&queue);
        let run = move || to.fill(fd, size, allowed.as_ref());
        thread::Builder::new().name("source".to_owned()).spawn(run)?;
        Ok(Self(queue))
    }

    /// Waits for the next datagram.
    fn receive<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        loop {
            if let Some(datagram) = py.detach(|| self.0.take())? {
                return Ok(PyBytes::new(py, &datagram));
            }
            py.check_signals()?;
        }
    }

    /// How many datagrams were dropped because the queue was full.
    #[getter]
    fn dropped(&self) -> u64 {
        self.0.state().dropped.get()
    }

    /// How many datagrams were refused because their senders are not allowed to send.
    #[getter]
    fn refused(&self) -> u64 {
        self.0.state().refused.get()
    }

    /// Stops receiving. After this the file descriptor is no longer used.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.0.close());
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.0.state().closed = true;
    }
}

impl Queue {
    fn fill(&self, fd: RawFd, size: usize, allowed: Option<&AllowedSenders>) {
        let mut buffer = vec![0; size];
        let (mut control, mut failures) = (Control::default(), Failures::default());
        while !self.state().closed {
            match control.receive(fd, &mut buffer) {
                Ok((len, sender)) if may_send(allowed, sender) => {
                    failures.end();
                    self.put(buffer.get(..len).unwrap_or(&buffer));
                }
                Ok((_, sender)) => self.refuse(sender),
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(failure) if Failures::is_final(failure) => {
                    self.state().failure = Some(failure);
                    break;
                }
                Err(failure) => {
                    self.fail(failure);
                    failures.pause();
                }
            }
        }
        self.state().receiving = false;
        self.changed.notify_all();
    }

    fn fail(&self, failure: Errno) {
        let failed = self.state().failed.add(1);
        if let Some(count) = failed {
            warn!("receiving failed: {failure}; {} so far", plural::count(count, "time"));
        }
    }

    fn refuse(&self, sender: Option<Sender>) {
        let refused = self.state().refused.add(1);
        if let Some(count) = refused {
            let sender = sender.filter(|sender| *sender != Sender::UNKNOWN);
            let sender = sender.map_or_else(
                || "an unknown sender".to_owned(),
                |sender| format!("uid {} (process {})", sender.uid, sender.pid),
            );
            warn!(
                "refused a datagram from {sender}, which is not allowed to send; {count} refused so far"
            );
        }
    }

    fn put(&self, datagram: &[u8]) {
        let copy = datagram.to_vec();
        let mut state = self.state();
        if !state.waiting.is_empty() && state.bytes + room(&copy) > MAX_WAITING {
            let dropped = state.dropped.add(1);
            drop(state);
            if let Some(count) = dropped {
                let alerts = plural::count(count, "alert");
                warn!("the data handler's queue is full; {alerts} dropped so far");
            }
        } else {
            state.bytes += room(&copy);
            state.waiting.push_back(copy);
            drop(state);
            self.changed.notify_one();
        }
    }

    /// The next datagram, if one comes soon.
    fn take(&self) -> PyResult<Option<Vec<u8>>> {
        let mut state = self.state();
        if state.waiting.is_empty() && state.receiving {
            let woken = self.changed.wait_timeout(state, POLL_INTERVAL);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        if let Some(datagram) = state.waiting.pop_front() {
            state.bytes -= room(&datagram);
            return Ok(Some(datagram));
        }
        match state.failure {
            Some(errno) => Err(PyOSError::new_err((errno as i32, errno.desc()))),
            None if !state.receiving => Err(PyOSError::new_err("the receiver is closed")),
            None => Ok(None),
        }
    }

    fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        while state.receiving {
            let woken = self.changed.wait_timeout(state, POLL_INTERVAL);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn state(&self) -> MutexGuard<'_, ReceiverState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn may_send(allowed: Option<&AllowedSenders>, sender: Option<Sender>) -> bool {
    allowed.is_none_or(|allowed| sender.is_some_and(|sender| allowed.allows(sender.uid)))
}

/// What a waiting datagram takes: even an empty one takes some.
fn room(datagram: &Vec<u8>) -> usize {
    datagram.len() + size_of_val(datagram)
}
