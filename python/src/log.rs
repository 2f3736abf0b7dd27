//! Log lines from Rust, in Python's log: for programs that use the package without its command line.
//!
//! The receiving thread logs too, and must not wait for Python's lock. So a separate thread passes lines
//! to Python; lines that don't fit into the queue are lost.

use std::fmt;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use pyo3::prelude::*;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// The most lines that may wait to be written.
const QUEUE: usize = 1_000;

type Line = (u8, String);

/// Sends all later log lines to Python's log, under the name `pigear`. If there is a log already (the
/// command line's), it stays.
pub(crate) fn to_python() -> io::Result<()> {
    static STARTED: Mutex<bool> = Mutex::new(false);
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*started {
        let (lines, inbox) = sync_channel(QUEUE);
        thread::Builder::new().name("log".to_owned()).spawn(move || write(&inbox))?;
        // The thread ends if there is a log already.
        let _ = tracing::subscriber::set_global_default(ToPython(lines));
        *started = true;
    }
    Ok(())
}

fn write(lines: &Receiver<Line>) {
    for (level, text) in lines {
        let log = |py: Python<'_>| -> PyResult<()> {
            let logger = py.import("logging")?.call_method1("getLogger", ("pigear",))?;
            logger.call_method1("log", (level, "%s", text)).map(drop)
        };
        // A failing log can't report its failure.
        let _ = Python::try_attach(log);
    }
}

struct ToPython(SyncSender<Line>);

impl Subscriber for ToPython {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // This crate itself is called `_pigear`.
        metadata.target().trim_start_matches('_').starts_with("pigear")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let _ = self.0.try_send((level(*event.metadata().level()), text.0));
    }

    // Nothing here has spans.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The level, as Python's `logging` has it.
fn level(level: Level) -> u8 {
    match level {
        Level::ERROR => 40,
        Level::WARN => 30,
        Level::INFO => 20,
        _ => 10,
    }
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
