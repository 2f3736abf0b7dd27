//! The log: a line per event on standard error, as `warning: what happened`.
//!
//! The receiving thread logs too, and Snort waits for it. So a separate thread writes the lines: a
//! terminal that was paused (Ctrl-S) or a pipe without a reader blocks nothing else. Lines that don't
//! fit into the queue are lost, and so are all lines once standard error is closed. While a terminal has a
//! screen, they wait until it is left.

use std::fmt;
use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use pigear_pipeline::NOTICE;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::standard_error;
use crate::visible::visible_lines;

/// The most lines that may wait to be written.
const QUEUE: usize = 1_000;

/// How long to wait before the program ends until all lines are written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// `None` if there is no thread to write lines: then the logging thread writes them.
static STDERR: OnceLock<Option<SyncSender<Job>>> = OnceLock::new();

enum Job {
    Write(Vec<u8>),
    /// Everything before this is written once the sender is dropped.
    Flush(#[expect(dead_code, reason = "it is there to be dropped")] std::sync::mpsc::Sender<()>),
}

/// Starts logging: everything, or warnings and errors. Only the first start has an effect in a program
/// that runs several command lines, or has its own log.
pub(super) fn start(debug: bool, quiet: bool) {
    QUIET.store(quiet, Ordering::SeqCst);
    DEBUG.store(debug, Ordering::SeqCst);
    let level = if debug { LevelFilter::DEBUG } else { LevelFilter::INFO };
    let _ = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(|| Stderr)
        .event_format(Line)
        .try_init();
}

/// Whether lines are written by the thread that logs them: nothing receives yet that could have to wait.
static DIRECT: AtomicBool = AtomicBool::new(false);

/// Writes lines without a thread of their own while `work` runs, so that it is alone in the process.
pub(super) fn without_thread<T>(work: impl FnOnce() -> T) -> T {
    DIRECT.store(true, Ordering::SeqCst);
    let result = work();
    DIRECT.store(false, Ordering::SeqCst);
    result
}

/// Whether everything is wanted.
static DEBUG: AtomicBool = AtomicBool::new(false);

/// Whether only warnings and errors are wanted.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Prints a message that is neither an alert nor a warning, unless only those are wanted.
pub(super) fn inform(text: &str) {
    if !QUIET.load(Ordering::SeqCst) {
        say(&format!("pigear: {text}"));
    }
}

/// Prints a message, such as an error.
pub(super) fn say(text: &str) {
    write(format!("{text}\n").as_bytes());
}

/// Waits until all logged lines are written.
pub(super) fn finish() {
    let (done, inbox) = channel();
    if let Some(stderr) = stderr()
        && stderr.try_send(Job::Flush(done)).is_ok()
    {
        let _ = inbox.recv_timeout(LAST_LINES);
    }
}

/// Arguments and file names in a message may come from others, so it is escaped.
fn write(line: &[u8]) {
    let line = visible_lines(&String::from_utf8_lossy(line)).into_bytes();
    let thread = if DIRECT.load(Ordering::SeqCst) { None } else { stderr() };
    let _ = match thread {
        Some(stderr) => stderr.try_send(Job::Write(line)).map_err(drop),
        None => standard_error::write(&line).map_err(drop),
    };
}

fn stderr() -> Option<&'static SyncSender<Job>> {
    let start = || {
        let (sender, inbox) = sync_channel(QUEUE);
        let work = move || work(&inbox);
        thread::Builder::new().name("log".to_owned()).spawn(work).ok().map(|_| sender)
    };
    STDERR.get_or_init(start).as_ref()
}

fn work(inbox: &Receiver<Job>) {
    for job in inbox {
        if let Job::Write(line) = job {
            let _ = standard_error::write(&line);
        }
    }
}

/// Standard error, for the log: each line is written at once.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if !line.is_empty() {
            write(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let is_notice = metadata.target() == NOTICE;
        let unwanted = if is_notice { &QUIET } else { &DEBUG };
        // What the client of Kafka reports is reported by its caller, in words for a user.
        if metadata.target().starts_with("rskafka") && !DEBUG.load(Ordering::SeqCst) {
            return Ok(());
        }
        // The client of NATS shows servers with the passwords in their URLs; Pigear says what happens.
        if metadata.target().starts_with("async_nats") {
            return Ok(());
        }
        if metadata.target() == standard_error::SHOWN && standard_error::has_screen() {
            return Ok(());
        }
        let is_info = *metadata.level() == Level::INFO;
        if is_info && unwanted.load(Ordering::SeqCst) == is_notice {
            return Ok(());
        }
        let name = if is_notice { "pigear" } else { name(*metadata.level()) };
        write!(writer, "{name}: ")?;
        context.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}
