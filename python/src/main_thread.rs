//! Python's main thread, as seen from others.
//!
//! Handlers written for Pigear of 2012 expect to be called on it: IPython, `sqlite3` and `signal`
//! insist. So it serves calls from the lanes, and looks for Ctrl-C between them; everything else
//! runs on threads of Rust's own.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use pigear::command::Interrupt;
use pigear_pipeline::Stop;
use pyo3::prelude::*;

/// How often an idle main thread checks for Ctrl-C.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How long a busy main thread may take to notice that everything has ended, before it is
/// interrupted …
const INTERRUPT_DELAY: Duration = Duration::from_millis(200);
/// … and how long after that, before the program ends without it.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);

type Call = Box<dyn FnOnce(Python<'_>) + Send>;

/// Runs functions of other threads on Python's main thread. Clones share it.
#[derive(Clone)]
pub(crate) struct MainThread {
    calls: Sender<Option<Call>>,
    flags: Arc<Flags>,
}

#[derive(Default)]
struct Flags {
    /// Something runs there until the end, so that calls must be done elsewhere.
    occupied: AtomicBool,
    /// A `KeyboardInterrupt` from now on is not Ctrl-C, but ours.
    interrupted: AtomicBool,
    /// It serves no more, and is not to be interrupted. Changes under Python's lock only.
    done: AtomicBool,
}

/// The end of it that serves.
pub(crate) struct Service {
    calls: Mutex<Receiver<Option<Call>>>,
    main_thread: MainThread,
}

/// How a call ended, if not with what it was to do.
#[derive(Debug)]
pub(crate) struct Gone;

impl MainThread {
    pub(crate) fn new() -> (Self, Service) {
        let (calls, inbox) = channel();
        let main_thread = Self { calls, flags: Arc::default() };
        (main_thread.clone(), Service { calls: Mutex::new(inbox), main_thread })
    }

    /// Runs a function on the main thread, and waits for its result.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(Python<'_>) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        if self.flags.occupied.load(Ordering::SeqCst) {
            return Python::try_attach(work).ok_or(Gone);
        }
        self.begin(work)?.recv().map_err(|_| Gone)
    }

    /// The same for a function that may take long: a request to stop interrupts it.
    pub(crate) fn call_unless<T: Send + 'static>(
        &self,
        stop: &Stop,
        work: impl FnOnce(Python<'_>) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        let answer = self.begin(work)?;
        while !stop.is_requested() {
            match answer.recv_timeout(POLL_INTERVAL) {
                Err(RecvTimeoutError::Timeout) => {}
                result => return result.map_err(|_| Gone),
            }
        }
        self.interrupt();
        answer.recv_timeout(EXIT_TIMEOUT).map_err(|_| Gone)
    }

    /// Has something done on the main thread that may last until the end; calls are then done on
    /// the threads that they come from.
    pub(crate) fn occupy<T: Send + 'static>(
        &self,
        work: impl FnOnce(Python<'_>) -> T + Send + 'static,
    ) -> Result<Receiver<T>, Gone> {
        self.flags.occupied.store(true, Ordering::SeqCst);
        self.begin(work)
    }

    fn begin<T: Send + 'static>(
        &self,
        work: impl FnOnce(Python<'_>) -> T + Send + 'static,
    ) -> Result<Receiver<T>, Gone> {
        let (reply, answer) = channel();
        let call = move |py: Python<'_>| {
            // The caller may have given up meanwhile.
            let _ = reply.send(work(py));
        };
        self.calls.send(Some(Box::new(call))).map_err(|_| Gone)?;
        Ok(answer)
    }

    /// Tells the main thread that everything has ended. If it is busy and doesn't notice, it gets a
    /// `KeyboardInterrupt`; if it doesn't mind that either, the program ends without it.
    pub(crate) fn finish(&self, status: u8, noticed: &Receiver<()>) {
        let _ = self.calls.send(None);
        if noticed.recv_timeout(INTERRUPT_DELAY) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        self.interrupt();
        if noticed.recv_timeout(EXIT_TIMEOUT) == Err(RecvTimeoutError::Timeout) {
            process::exit(i32::from(status));
        }
    }

    /// Interrupts the main thread, even in a system call.
    pub(crate) fn interrupt(&self) {
        self.flags.interrupted.store(true, Ordering::SeqCst);
        // On a thread of its own, since it may never get Python's lock.
        let flags = Arc::clone(&self.flags);
        let interrupt = move || {
            Python::try_attach(|py| -> PyResult<()> {
                if flags.done.load(Ordering::SeqCst) {
                    return Ok(());
                }
                let main = py.import("threading")?.call_method0("main_thread")?.getattr("ident")?;
                let signal = py.import("signal")?;
                signal.call_method1("pthread_kill", (main, signal.getattr("SIGINT")?))?;
                Ok(())
            })
        };
        // Without a thread, the main thread notices when it looks next.
        let _ = thread::Builder::new().name("interrupt".to_owned()).spawn(interrupt);
    }

    /// Has a `KeyboardInterrupt` ask to stop, unless it is one of ours.
    pub(crate) fn asks(&self, interrupt: &Interrupt) {
        if !self.flags.interrupted.load(Ordering::SeqCst) {
            interrupt.ctrl_c();
        }
    }
}

impl Service {
    /// Serves calls until everything has ended, and has Ctrl-C ask for that.
    pub(crate) fn serve(&self, py: Python<'_>, asked: &Interrupt, has_ended: impl Fn() -> bool) {
        self.serve_calls(py, asked, has_ended);
        self.main_thread.flags.done.store(true, Ordering::SeqCst);
        // Our own interrupt came too late, and is ignored.
        let _ = py.check_signals();
    }

    fn serve_calls(&self, py: Python<'_>, asked: &Interrupt, has_ended: impl Fn() -> bool) {
        loop {
            match py.detach(|| self.next()) {
                Ok(Some(call)) => call(py),
                Ok(None) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) if has_ended() => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if py.check_signals().is_err() {
                self.main_thread.asks(asked);
            }
        }
    }

    fn next(&self) -> Result<Option<Call>, RecvTimeoutError> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.recv_timeout(POLL_INTERVAL)
    }
}
