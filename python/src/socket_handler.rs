//! A source that is a Python class, as socket handlers of 2012 were.

use std::borrow::Cow;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use pigear::command::Interrupt;
use pigear_alert::wire::MAX_LEN;
use pigear_pipeline::{AlertFactory, Fanout, Intake, Source, SourceError, Stop};
use pyo3::exceptions::PySystemExit;
use pyo3::prelude::*;

use crate::handler::Raised;
use crate::main_thread::MainThread;

/// The most datagrams between Python and the lanes.
const ON_THE_WAY: usize = 64;

/// How often to check for a request to stop.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The data handler that a socket handler gets if there are several or built-in ones: it passes
/// everything to all of them.
#[pyclass(frozen, module = "pigear._pigear")]
pub(crate) struct Feed(SyncSender<Vec<u8>>);

#[pymethods]
impl Feed {
    /// Size of the longest datagram, in bytes, and one more.
    #[classattr]
    #[pyo3(name = "msg_size")]
    const MSG_SIZE: usize = MAX_LEN + 1;

    /// Passes a datagram on.
    fn handle(&self, py: Python<'_>, data: Cow<'_, [u8]>, addr: &Bound<'_, PyAny>) -> PyResult<()> {
        // As socket handlers have passed it since 2012; Snort has none.
        let _ = addr;
        let data = data.into_owned();
        // The lanes have ended: there is nothing left to serve.
        let ended = |_| PySystemExit::new_err(0);
        py.detach(|| self.0.send(data)).map_err(ended)
    }
}

/// Runs the `serve` method of a Python object on Python's main thread.
pub(crate) struct SocketHandler {
    name: String,
    class: Py<PyAny>,
    /// The log directory, and Snort's configuration.
    dirs: (Option<PathBuf>, Option<PathBuf>),
    factory: AlertFactory,
    main_thread: MainThread,
    interrupt: Interrupt,
}

impl SocketHandler {
    pub(crate) fn new(
        name: &str,
        class: Py<PyAny>,
        dirs: (Option<PathBuf>, Option<PathBuf>),
        factory: AlertFactory,
        (main_thread, interrupt): (MainThread, Interrupt),
    ) -> Self {
        Self { name: name.to_owned(), class, dirs, factory, main_thread, interrupt }
    }
}

impl Source for SocketHandler {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn run(self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        let Self { name, class, dirs, factory, main_thread, interrupt } = *self;
        let (datagrams, inbox) = sync_channel(ON_THE_WAY);
        let feed = Feed(datagrams);
        let serve = move |py: Python<'_>| {
            let serve = || py.import("pigear._classes")?.call_method1("feed", (class, feed, dirs));
            serve().map(drop).map_err(|error| Raised::logged(py, &name, &error))
        };
        let Ok(served) = main_thread.occupy(serve) else { return Ok(()) };
        let mut intake = fanout.intake(factory);
        while !stop.is_requested() {
            match inbox.recv_timeout(POLL_INTERVAL) {
                Ok(datagram) => {
                    if let ControlFlow::Break(end) = intake.datagram(&datagram, None) {
                        main_thread.interrupt();
                        return end;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                // The feed is gone, so serving has ended, or is just about to.
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if let Ok(result) = served.try_recv() {
                return take_rest(&inbox, &mut intake)
                    .and_then(|()| ended(result, &main_thread, &interrupt));
            }
        }
        if let Ok(result) = served.recv_timeout(POLL_INTERVAL) {
            return ended(result, &main_thread, &interrupt);
        }
        main_thread.interrupt();
        Ok(())
    }
}

/// Takes the datagrams that were still in the queue when serving ended.
fn take_rest(inbox: &Receiver<Vec<u8>>, intake: &mut Intake<'_>) -> Result<(), SourceError> {
    for datagram in inbox.try_iter() {
        if let ControlFlow::Break(end) = intake.datagram(&datagram, None) {
            return end;
        }
    }
    Ok(())
}

fn ended(
    result: Result<(), Raised>,
    main_thread: &MainThread,
    interrupt: &Interrupt,
) -> Result<(), SourceError> {
    match result {
        Err(Raised::Absent(problem) | Raised::Error(problem)) => {
            Err(SourceError::Receive(io::Error::other(problem)))
        }
        Err(Raised::Interrupted) => {
            main_thread.asks(interrupt);
            Ok(())
        }
        Ok(()) | Err(Raised::Exit | Raised::Quit) => Ok(()),
    }
}
