//! Handlers and sources that are Python classes.

use pigear::command::Interrupt;
use pigear::config::SourceConfig;
use pigear::keys::Keys;
use pigear::registry::{Resolver, Unresolved};
use pigear_pipeline::{AlertFactory, Handler, Source};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::{Map, Value};

use crate::handler::{PyHandler, Raised};
use crate::main_thread::MainThread;
use crate::socket_handler::SocketHandler;

/// Classes of 2012 that are built in.
const NATIVE: [&str; 3] =
    ["pigear.core.DataHandler", "pigear.core.SocketHandler", "pigear.contrib.HttpSendHandler"];

/// Finds classes by their dotted paths.
pub(crate) struct Classes {
    main_thread: MainThread,
    interrupt: Interrupt,
}

impl Classes {
    pub(crate) fn new(main_thread: MainThread, interrupt: Interrupt) -> Self {
        Self { main_thread, interrupt }
    }

    /// Runs a function that calls foreign code, and may take long.
    fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(Python<'_>) -> Result<T, Raised> + Send + 'static,
    ) -> Result<T, Raised> {
        let called = self.main_thread.call_unless(self.interrupt.stop(), work);
        called.unwrap_or(Err(Raised::Interrupted))
    }
}

/// Whether this is the dotted path of a class that isn't built in.
pub(crate) fn is_ours(name: &str) -> bool {
    name.contains('.') && !NATIVE.contains(&name)
}

/// The keys of a handler as keyword arguments.
pub(crate) fn arguments(py: Python<'_>, keys: Keys) -> PyResult<Bound<'_, PyDict>> {
    let keys: Map<String, Value> =
        keys.options().map_err(|error| PyValueError::new_err(error.to_string()))?;
    let text = Value::Object(keys).to_string();
    Ok(py.import("json")?.call_method1("loads", (text,))?.cast_into()?)
}

impl Resolver for Classes {
    fn claims(&self, name: &str) -> bool {
        is_ours(name)
    }

    fn handler(&self, name: &str, keys: Keys) -> Result<Box<dyn Handler>, Unresolved> {
        let path = name.to_owned();
        let construct = move |py: Python<'_>| {
            let construct = || -> PyResult<Py<PyAny>> {
                let kwargs = arguments(py, keys)?;
                let classes = py.import("pigear._classes")?;
                Ok(classes.call_method1("data_handler", (path, kwargs))?.unbind())
            };
            construct()
                .and_then(|handler| PyHandler::methods(py, handler.bind(py)))
                .map_err(|error| Raised::new(py, &error))
        };
        let methods = self.call(construct);
        let (main_thread, interrupt) = (self.main_thread.clone(), self.interrupt.clone());
        Ok(Box::new(PyHandler::new(name, methods?, main_thread, interrupt)))
    }

    fn source(
        &self,
        name: &str,
        config: &SourceConfig,
        factory: AlertFactory,
    ) -> Result<Box<dyn Source>, Unresolved> {
        let (path, main_thread) = (name.to_owned(), self.main_thread.clone());
        let find = move |py: Python<'_>| {
            let find = || py.import("pigear._classes")?.call_method1("find", (path,));
            find().map(Bound::unbind).map_err(|error| Raised::new(py, &error))
        };
        let class = self.call(find)?;
        let dirs = (config.logdir.clone(), config.snort_conf.clone());
        Ok(Box::new(SocketHandler::new(
            name,
            class,
            dirs,
            factory,
            (main_thread, self.interrupt.clone()),
        )))
    }
}
