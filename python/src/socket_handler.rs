//! A source that is a Python class, as socket handlers of 2012 were.

use std::borrow::Cow;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use pigear_alert::wire::MAX_LEN;
use pigear_pipeline::{Fanout, Intake, Source, SourceError, Stop};
use pyo3::exceptions::PySystemExit;
use pyo3::prelude::*;

use crate::handler::{Raised, log_exception};
use crate::main_thread::MainThread;

/// So many datagrams may be on their way from Python to the lanes.
const ON_THE_WAY: usize = 64;

/// How often it is looked whether it is time to end.
const GLANCE: Duration = Duration::from_millis(50);

/// What a socket handler gets for its data handler, where there are several or they are native:
/// whatever it is given goes to all of them.
#[pyclass(frozen, module = "pigear._pigear")]
pub(crate) struct Feed(SyncSender<Vec<u8>>);

#[pymethods]
impl Feed {
    /// Size of the longest datagram, in bytes, and one more.
    #[classattr]
    #[pyo3(name = "msg_size")]
    const MSG_SIZE: usize = MAX_LEN + 1;

    /// Hands a datagram on.
    fn handle(&self, py: Python<'_>, data: Cow<'_, [u8]>, addr: &Bound<'_, PyAny>) -> PyResult<()> {
        // As socket handlers have passed it since 2012; Snort has none.
        let _ = addr;
        let data = data.into_owned();
        // Nobody takes any more: there is nothing left to serve.
        let ended = |_| PySystemExit::new_err(0);
        py.detach(|| self.0.send(data)).map_err(ended)
    }
}

/// Has an object of a Python class serve on Python's main thread.
pub(crate) struct SocketHandler {
    name: String,
    class: Py<PyAny>,
    /// The log directory, and Snort's configuration.
    dirs: (Option<PathBuf>, Option<PathBuf>),
    intake: Intake,
    main_thread: MainThread,
}

impl SocketHandler {
    pub(crate) fn new(
        name: &str,
        class: Py<PyAny>,
        dirs: (Option<PathBuf>, Option<PathBuf>),
        intake: Intake,
        main_thread: MainThread,
    ) -> Self {
        Self { name: name.to_owned(), class, dirs, intake, main_thread }
    }
}

impl Source for SocketHandler {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn run(self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        let Self { name, class, dirs, intake, main_thread } = *self;
        let (datagrams, inbox) = sync_channel(ON_THE_WAY);
        let feed = Feed(datagrams);
        let serve = move |py: Python<'_>| {
            let serve = || py.import("pigear._classes")?.call_method1("feed", (class, feed, dirs));
            serve().map(drop).map_err(|error| {
                let raised = Raised::new(py, &error);
                if !matches!(raised, Raised::Ended) {
                    log_exception(py, &name, &error);
                }
                raised
            })
        };
        let Ok(served) = main_thread.occupy(serve) else { return Ok(()) };
        let mut desk = fanout.desk(intake);
        while !stop.is_requested() {
            match inbox.recv_timeout(GLANCE) {
                Ok(datagram) => {
                    if let ControlFlow::Break(end) = desk.datagram(&datagram, None) {
                        main_thread.interrupt();
                        return end;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            match served.try_recv() {
                Ok(result) => {
                    return drained(&inbox, |datagram| desk.datagram(datagram, None), result);
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => break,
            }
        }
        main_thread.interrupt();
        Ok(())
    }
}

/// Takes what is left after serving has ended.
fn drained(
    inbox: &Receiver<Vec<u8>>,
    mut take: impl FnMut(&[u8]) -> pigear_pipeline::Flow,
    result: Result<(), Raised>,
) -> Result<(), SourceError> {
    while let Ok(datagram) = inbox.try_recv() {
        if let ControlFlow::Break(end) = take(&datagram) {
            return end;
        }
    }
    match result {
        Ok(()) | Err(Raised::Ended) => Ok(()),
        Err(Raised::Absent(problem) | Raised::Error(problem)) => {
            Err(SourceError::Receive(io::Error::other(problem)))
        }
    }
}
