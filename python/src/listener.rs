//! `pigear.listen`: a loop over alerts.

use std::collections::VecDeque;
use std::os::fd::RawFd;
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytesize::ByteSize;
use pigear::config::{Config, FilterConfig, HandlerConfig, SourceConfig};
use pigear::keys::{Keys, parsed_option, positive_option};
use pigear::listen::{Listener, Reload};
use pigear::names::NameFiles;
use pigear::registry::Registry;
use pigear_alert as inner;
use pigear_pipeline::{OnError, PipelineError, Stats, Stop, WhenFull};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};
use serde::Deserialize;

use crate::alert::Alert;
use crate::batch_channel::{BatchChannel, ChannelHandler, Taken};
use crate::error::{cannot_listen, ended};
use crate::log;

/// How often a waiting thread checks for Ctrl-C.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The name of the lane, in the counters.
const LANE: &str = "listen";

/// The arguments of `pigear.listen`, under the names of the configuration file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    source: SourceConfig,
    names: NameFiles,
    count: Option<u64>,
    filter: Option<String>,
    serve_forever: bool,
    #[serde(deserialize_with = "positive_option")]
    queue: Option<usize>,
    #[serde(deserialize_with = "positive_option")]
    queue_bytes: Option<ByteSize>,
    #[serde(deserialize_with = "parsed_option")]
    when_full: Option<WhenFull>,
}

impl Options {
    /// Parses them from JSON like a handler's keys, so that errors begin with the argument.
    fn read(json: &str) -> Result<Self, String> {
        let table: toml::Table = serde_json::from_str(json).map_err(|error| error.to_string())?;
        Keys::from(table).options().map_err(|error| {
            let text = error.to_string();
            // How arguments are grouped here is an internal detail.
            let argument = ["source.", "names."].iter().find_map(|group| text.strip_prefix(group));
            argument.map(str::to_owned).unwrap_or(text)
        })
    }

    fn config(self) -> Config {
        let handler = HandlerConfig {
            queue: self.queue,
            queue_bytes: self.queue_bytes,
            when_full: self.when_full,
            ..HandlerConfig::new(LANE)
        };
        Config {
            sources: vec![self.source],
            handlers: vec![handler],
            names: self.names,
            on_error: if self.serve_forever { OnError::GoOn } else { OnError::Stop },
            count: self.count,
            filter: self.filter.map(|script| FilterConfig { script, place: "filter".to_owned() }),
            ..Config::default()
        }
    }
}

/// An iterator over new alerts. The rest of the class is `pigear.Listener`.
#[pyclass(frozen, subclass, weakref, module = "pigear._pigear")]
pub(crate) struct Alerts {
    channel: Arc<BatchChannel>,
    stats: Arc<Stats>,
    stop: Stop,
    filter: Option<Py<PyAny>>,
    /// Alerts that were taken and not returned yet. Several waiting threads may each have taken some.
    batch: Mutex<VecDeque<Arc<inner::Alert>>>,
    run: Mutex<Option<JoinHandle<Result<(), PipelineError>>>>,
    /// The process that listens.
    process: u32,
}

#[pymethods]
impl Alerts {
    #[new]
    #[pyo3(signature = (options, filter=None))]
    fn new(py: Python<'_>, options: &str, filter: Option<Py<PyAny>>) -> PyResult<Self> {
        let options = Options::read(options).map_err(PyValueError::new_err)?;
        log::to_python()?;
        py.detach(|| Self::start(options.config(), filter))
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Alert>> {
        loop {
            if let Some(alert) = self.take_one(py)? {
                return Ok(Some(alert));
            }
            match py.detach(|| self.channel.take(POLL_INTERVAL)) {
                Taken::Batch(batch) => self.batch().extend(batch),
                Taken::NothingYet => py.check_signals()?,
                Taken::Ended => return self.end(py).map(|()| None),
            }
        }
    }

    /// The next alert if there is one now, else `None`; `StopIteration` if there will be no more.
    fn _poll(&self, py: Python<'_>) -> PyResult<Option<Alert>> {
        loop {
            if let Some(alert) = self.take_one(py)? {
                return Ok(Some(alert));
            }
            match self.channel.take(Duration::ZERO) {
                Taken::Batch(batch) => self.batch().extend(batch),
                Taken::NothingYet => return Ok(None),
                Taken::Ended => {
                    self.end(py)?;
                    return Err(pyo3::exceptions::PyStopIteration::new_err(()));
                }
            }
        }
    }

    /// A file descriptor that is readable when there is an alert, or at the end.
    fn fileno(&self) -> RawFd {
        self.channel.watch()
    }

    /// The counters, as JSON.
    fn _stats(&self) -> PyResult<String> {
        let text = serde_json::to_string(&self.stats.snapshot());
        text.map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// Stops listening and removes the socket. Alerts that were not returned yet are lost.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.leave());
    }

    /// A filter may refer to an object that refers to the listener.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.filter)
    }
}

impl Alerts {
    fn start(config: Config, filter: Option<Py<PyAny>>) -> PyResult<Self> {
        let channel = BatchChannel::new().map(Arc::new).map_err(|error| cannot_start(&error))?;
        let mut registry = Registry::empty();
        let to = Arc::clone(&channel);
        registry.register(LANE, "passes alerts to Python", move |NoKeys {}| {
            Ok::<_, std::convert::Infallible>(ChannelHandler::new(Arc::clone(&to)))
        });
        let listener =
            Listener::prepare(config, &registry).map_err(|error| cannot_listen(&error))?;
        let (stats, stop) = (listener.stats(), Stop::default());
        let (running, end) = (stop.clone(), Arc::clone(&channel));
        let run = move || {
            let (_, result) = listener.run(&running, &Reload::default());
            end.end();
            result
        };
        let run = thread::Builder::new().name("listen".to_owned()).spawn(run);
        Ok(Self {
            channel,
            stats,
            stop,
            filter,
            batch: Mutex::default(),
            run: Mutex::new(Some(run.map_err(|error| cannot_start(&error))?)),
            process: process::id(),
        })
    }

    fn leave(&self) {
        if process::id() != self.process {
            // This is a forked process: the threads and the socket are the parent's.
            return;
        }
        // In this order: once it is time to end, all that was put counts as processed.
        self.channel.leave();
        self.stop.request();
        self.batch().clear();
        let run = self.running().take();
        // At a forced end the result doesn't matter.
        run.map(|run| run.join().is_ok());
    }

    /// The next alert of the current batch that passes the filter.
    fn take_one(&self, py: Python<'_>) -> PyResult<Option<Alert>> {
        loop {
            let Some(alert) = self.batch().pop_front() else { return Ok(None) };
            self.channel.given();
            let Some(filter) = &self.filter else { return Ok(Some(Alert::new(alert))) };
            let shown = Bound::new(py, Alert::new(Arc::clone(&alert)))?;
            if filter.call1(py, (shown,))?.is_truthy(py)? {
                return Ok(Some(Alert::new(alert)));
            }
        }
    }

    /// Raises the error that ended the run, once.
    fn end(&self, py: Python<'_>) -> PyResult<()> {
        let run = self.running().take();
        match py.detach(|| run.map(JoinHandle::join)) {
            Some(Ok(Err(error))) => Err(ended(&error)),
            _ => Ok(()),
        }
    }

    fn batch(&self) -> MutexGuard<'_, VecDeque<Arc<inner::Alert>>> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, Option<JoinHandle<Result<(), PipelineError>>>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Alerts {
    fn drop(&mut self) {
        // Waits until the socket is gone; other threads may go on meanwhile.
        if Python::try_attach(|py| py.detach(|| self.leave())).is_none() {
            self.leave();
        }
    }
}

fn cannot_start(error: &std::io::Error) -> PyErr {
    PyOSError::new_err(format!("cannot start: {error}"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoKeys {}
