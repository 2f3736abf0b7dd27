//! The command line, served by Python's main thread.

use std::ffi::OsString;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use pigear::command::{self, Host, Interrupt};
use pigear::config::{Config, HandlerConfig, SourceConfig, SourceKind};
use pigear::registry::{Registry, Unresolved};
use pigear_pipeline::OnError;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

use crate::handler::Raised;
use crate::main_thread::MainThread;
use crate::resolver::{Classes, arguments, is_ours};

/// Runs the command line of `pigear`, and returns its status. `words` are the arguments without the
/// program's name.
#[pyfunction]
pub(crate) fn main(py: Python<'_>, words: Vec<OsString>) -> PyResult<u8> {
    let (main_thread, service) = MainThread::new();
    let (notice, noticed) = channel();
    let (status, ended) = channel();
    let host = Python3 { main_thread, interrupt: Interrupt::default() };
    let interrupt = host.interrupt.clone();
    let run = move || {
        let result = host.run(words);
        // The main thread takes it once it has noticed.
        let _ = status.send(result);
        host.main_thread.finish(result, &noticed);
    };
    let worker = thread::Builder::new().name("command".to_owned()).spawn(run);
    let worker = worker.map_err(|error| PyOSError::new_err(error.to_string()))?;
    service.serve(py, &interrupt, || worker.is_finished());
    drop::<Sender<()>>(notice);
    drop(service);
    Ok(ended.try_recv().unwrap_or(1))
}

/// Python as the program that embeds the command line.
struct Python3 {
    main_thread: MainThread,
    interrupt: Interrupt,
}

impl Python3 {
    fn run(&self, words: Vec<OsString>) -> u8 {
        let mut registry = Registry::builtin();
        registry.set_resolver(Classes::new(self.main_thread.clone(), self.interrupt.clone()));
        let words = std::iter::once(OsString::from("pigear")).chain(words);
        command::run(words, &registry, self)
    }
}

impl Host for Python3 {
    fn start(&self, debug: bool) {
        let set_up = move |py: Python<'_>| -> PyResult<()> {
            py.import("pigear._log")?.call_method1("start", (debug,)).map(drop)
        };
        // Without a log everything else still works.
        let _ = self.main_thread.call(set_up);
    }

    fn interrupt(&self) -> Option<Interrupt> {
        Some(self.interrupt.clone())
    }

    /// One socket handler and one data handler, both Python classes: as in 2012, the socket handler gets the
    /// data handler, and serves.
    fn carry_out(&self, config: &Config) -> Option<Result<(), Unresolved>> {
        let ([source], [handler]) = (&*config.sources, &*config.handlers) else { return None };
        let SourceKind::Resolved(socket_handler) = &source.kind else { return None };
        if !is_ours(&handler.kind) || !is_ours(socket_handler) {
            return None;
        }
        if let Some(option) = without_a_place(config, source, handler) {
            let problem = format!("{option} needs a built-in handler or socket handler");
            return Some(Err(Unresolved::Absent(problem)));
        }
        if let Some(problem) = source.misplaced() {
            return Some(Err(Unresolved::Absent(problem.to_owned())));
        }
        let names = (socket_handler.clone(), handler.kind.clone());
        let name = socket_handler.clone();
        let (logdir, snort_conf) = (source.logdir.clone(), source.snort_conf.clone());
        let keys = handler.keys.clone();
        let forever = config.on_error == OnError::GoOn;
        let serve = move |py: Python<'_>| {
            let serve = || -> PyResult<()> {
                let kwargs = arguments(py, keys)?;
                let rest = (logdir, snort_conf, kwargs, forever);
                py.import("pigear._classes")?
                    .call_method1("serve", (names.0, names.1, rest))
                    .map(drop)
            };
            serve().map_err(|error| Raised::logged(py, &name, &error))
        };
        let result = self.main_thread.call(serve);
        Some(match result {
            Ok(Err(Raised::Error(problem))) => Err(Unresolved::Failed(
                format!("socket handler {socket_handler}: {problem}").into(),
            )),
            Ok(Err(Raised::Absent(problem))) => Err(Unresolved::Absent(problem)),
            _ => Ok(()),
        })
    }
}

/// An option that has no effect on two classes that do everything themselves.
fn without_a_place(
    config: &Config,
    source: &SourceConfig,
    handler: &HandlerConfig,
) -> Option<&'static str> {
    let given = [
        ("--count", config.count.is_some()),
        ("--stats", config.stats.is_some()),
        ("--filter", config.filter.is_some() || handler.filter.is_some()),
        ("--store", config.store.path.is_some()),
        ("--dialect", source.dialect.is_some()),
        ("--linktype", source.linktype.is_some()),
        ("--sensor", source.sensor.is_some()),
    ];
    given.into_iter().find_map(|(option, is_given)| is_given.then_some(option))
}
