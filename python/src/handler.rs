//! A handler that is a Python object.

use std::sync::Arc;

use pigear::command::Interrupt;
use pigear::registry::Unresolved;
use pigear::visible::visible;
use pigear_alert as inner;
use pigear_pipeline::{
    self as pipeline, BatchPolicy, Context, Deadline, EventCounter, Failure, Handler, Needs,
    Progress,
};
use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit};
use pyo3::prelude::*;
use tracing::warn;

use crate::alert::Alert;
use crate::error::{Absent, Quit};
use crate::main_thread::MainThread;

/// What a call into Python raised.
#[derive(Debug)]
pub(crate) enum Raised {
    /// The object doesn't exist.
    Absent(String),
    /// An exception; its last line, such as `ValueError: no number`.
    Error(String),
    /// `KeyboardInterrupt`: the deadline has come.
    Interrupted,
    /// `SystemExit`: it ends the program.
    Exit,
    /// `Quit`: the alert is handled, and the user wants the program to end.
    Quit,
}

impl Raised {
    pub(crate) fn new(py: Python<'_>, error: &PyErr) -> Self {
        if error.is_instance_of::<PyKeyboardInterrupt>(py) {
            Self::Interrupted
        } else if error.is_instance_of::<Quit>(py) {
            Self::Quit
        } else if error.is_instance_of::<PySystemExit>(py) {
            Self::Exit
        } else if error.is_instance_of::<Absent>(py) {
            Self::Absent(visible(error.value(py).to_string().as_bytes()))
        } else {
            Self::Error(visible(error.to_string().as_bytes()))
        }
    }

    /// The same, and if it is an exception, Python's log shows it with its traceback.
    pub(crate) fn logged(py: Python<'_>, name: &str, error: &PyErr) -> Self {
        let raised = Self::new(py, error);
        if matches!(raised, Self::Error(_)) {
            log_exception(py, name, error);
        }
        raised
    }

    /// Whether this is more than a request to end.
    fn is_error(&self) -> bool {
        matches!(self, Self::Absent(_) | Self::Error(_))
    }
}

impl From<Raised> for Unresolved {
    fn from(raised: Raised) -> Self {
        match raised {
            Raised::Absent(problem) => Self::Absent(problem),
            Raised::Error(problem) => Self::Failed(problem.into()),
            Raised::Interrupted => Self::Failed("interrupted".into()),
            Raised::Exit => Self::Failed("it raised SystemExit during start".into()),
            Raised::Quit => Self::Failed("it raised Quit during start".into()),
        }
    }
}

/// The methods of a handler to call.
pub(crate) struct Methods {
    handle: Py<PyAny>,
    finish: Option<Py<PyAny>>,
    attended: bool,
    wants: Wants,
    /// Gets the alerts that wait, before the first alert.
    watch: Option<Py<PyAny>>,
}

/// The alerts that wait for a handler.
#[pyclass(frozen, module = "pigear._pigear")]
pub(crate) struct Backlog(pipeline::Backlog);

#[pymethods]
impl Backlog {
    /// How many wait, as a text such as `2 wait` or `up to 2 wait`; empty if none do.
    fn __str__(&self) -> String {
        match (self.0.waiting(), self.0.is_filtered()) {
            (0, _) => String::new(),
            (n, false) => format!("{n} wait"),
            (n, true) => format!("up to {n} wait"),
        }
    }

    /// How many wait, before filters.
    fn __len__(&self) -> usize {
        self.0.waiting()
    }

    /// Whether no more alerts will come.
    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// The arguments of a handler's `handle`.
#[derive(Clone, Copy)]
enum Wants {
    /// `handle(alert)`, as in classes that derive from `pigear.Handler`.
    Alert,
    /// `handle(data, addr)`, as in 2012; with no more bytes than the handler says it reads.
    Datagram(Option<usize>),
}

/// Calls the methods of a Python object.
pub(crate) struct PyHandler {
    name: String,
    methods: Arc<Methods>,
    main_thread: MainThread,
    interrupt: Interrupt,
    deadline: Deadline,
    failures: EventCounter,
}

/// How much of a batch was processed.
struct Halt {
    handled: usize,
    raised: Option<Raised>,
}

impl PyHandler {
    pub(crate) fn new(
        name: &str,
        methods: Methods,
        main_thread: MainThread,
        interrupt: Interrupt,
    ) -> Self {
        let (name, methods) = (name.to_owned(), Arc::new(methods));
        Self {
            name,
            methods,
            main_thread,
            interrupt,
            deadline: Deadline::default(),
            failures: EventCounter::default(),
        }
    }

    /// The methods to call, from `pigear._classes`.
    pub(crate) fn methods(py: Python<'_>, handler: &Bound<'_, PyAny>) -> PyResult<Methods> {
        let told = py.import("pigear._classes")?.call_method1("methods", (handler,))?;
        let (handle, finish, attended, modern, most): (_, _, _, bool, _) = told.extract()?;
        let wants = if modern { Wants::Alert } else { Wants::Datagram(most) };
        let watch = handler.getattr_opt("_watch")?.map(Bound::unbind);
        Ok(Methods { handle, finish, attended, wants, watch })
    }

    /// A person gets one alert at a time, so that the others wait visibly.
    fn batch(&self) -> BatchPolicy {
        let usual = BatchPolicy::default();
        if self.methods.attended { BatchPolicy { most: 1, ..usual } } else { usual }
    }

    /// The fate of the alert that was not handled.
    fn failed(&self, raised: Raised) -> Failure {
        match raised {
            Raised::Absent(problem) | Raised::Error(problem) => Failure::refused(problem),
            Raised::Interrupted | Raised::Exit => {
                self.main_thread.asks(&self.interrupt);
                Failure::time_up()
            }
            Raised::Quit => Failure::quit(),
        }
    }
}

impl Methods {
    /// Calls `handle` for each alert, until one raises, the deadline comes, or nothing more is to be begun.
    fn handle(
        &self,
        py: Python<'_>,
        alerts: &[Arc<inner::Alert>],
        deadline: &Deadline,
        log: impl Fn(&PyErr),
    ) -> Result<(), Halt> {
        for (handled, alert) in alerts.iter().enumerate() {
            if deadline.is_up() || deadline.hands_over() {
                return Err(Halt { handled, raised: None });
            }
            self.handle_one(py, alert).map_err(|error| {
                let raised = Raised::new(py, &error);
                if raised.is_error() {
                    log(&error);
                }
                Halt { handled, raised: Some(raised) }
            })?;
        }
        Ok(())
    }

    fn handle_one(&self, py: Python<'_>, alert: &Arc<inner::Alert>) -> PyResult<()> {
        match self.wants {
            Wants::Alert => self.handle.call1(py, (Alert::new(Arc::clone(alert)),))?,
            Wants::Datagram(most) => {
                let data = Alert::datagram_of(py, alert, most);
                self.handle.call1(py, (data, py.None()))?
            }
        };
        py.check_signals()
    }
}

impl Handler for PyHandler {
    fn needs(&self) -> Needs {
        Needs {
            interactive: self.methods.attended,
            batch: self.batch(),
            datagram: matches!(self.methods.wants, Wants::Datagram(_)),
            ..Needs::default()
        }
    }

    fn start(&mut self, context: Context) -> Result<(), Failure> {
        self.deadline = context.deadline;
        let methods = Arc::clone(&self.methods);
        let watch = move |py: Python<'_>| {
            let watch = methods.watch.as_ref();
            watch.map_or(Ok(()), |watch| watch.call1(py, (Backlog(context.backlog),)).map(drop))
        };
        match self.main_thread.call(watch) {
            Ok(Err(error)) => Err(Failure::refused(visible(error.to_string().as_bytes()))),
            _ => Ok(()),
        }
    }

    fn handle(&mut self, alerts: &[Arc<inner::Alert>]) -> Result<Progress, Failure> {
        let (alerts, methods) = (alerts.to_vec(), Arc::clone(&self.methods));
        let (deadline, name) = (self.deadline.clone(), self.name.clone());
        // A flood of the same exception doesn't become a flood of tracebacks.
        let mut failures = self.failures;
        let is_shown = failures.add(1).is_some();
        let call = move |py: Python<'_>| {
            let log = |error: &PyErr| {
                if is_shown {
                    log_exception(py, &name, error);
                }
            };
            methods.handle(py, &alerts, &deadline, log)
        };
        let Ok(result) = self.main_thread.call(call) else { return Err(Failure::time_up()) };
        result.map(|()| Progress::All).map_err(|Halt { handled, raised }| {
            if raised.is_some() {
                self.failures = failures;
            }
            raised.map_or_else(Failure::time_up, |raised| self.failed(raised)).after(handled)
        })
    }

    fn finish(&mut self) -> Result<(), Failure> {
        if self.methods.finish.is_none() {
            return Ok(());
        }
        let (methods, name) = (Arc::clone(&self.methods), self.name.clone());
        let call = move |py: Python<'_>| {
            let finish = |finish: &Py<PyAny>| finish.call0(py).map(drop);
            let finished = methods.finish.as_ref().map_or(Ok(()), finish);
            finished.map_err(|error| Raised::logged(py, &name, &error))
        };
        match self.main_thread.call(call) {
            Ok(Err(Raised::Interrupted)) => {
                warn!("handler {}: interrupted before it finished", self.name);
                self.main_thread.asks(&self.interrupt);
                Ok(())
            }
            Ok(Err(raised)) if raised.is_error() => Err(self.failed(raised)),
            _ => Ok(()),
        }
    }
}

/// Writes an exception and its traceback to Python's log.
fn log_exception(py: Python<'_>, name: &str, error: &PyErr) {
    let told = (name, error.value(py), error.traceback(py));
    let log = || py.import("pigear._log")?.call_method1("exception", told);
    // A failing log can't report its failure.
    let _ = log();
}
