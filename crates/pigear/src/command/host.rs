//! The program that the command line is embedded in.

use std::fmt;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use pigear_pipeline::Stop;
use pigear_pipeline::source::unix::BoundPath;

use super::log;
use crate::config::Config;
use crate::registry::Unresolved;

/// The program that embeds the command line. `()` changes nothing.
pub trait Host {
    /// Called with whether `--debug` was given, before anything else happens.
    fn start(&self, debug: bool) {
        let _ = debug;
    }

    /// The switch that the program itself throws at SIGINT. With `None`, Pigear handles that signal, as it
    /// does SIGTERM.
    fn interrupt(&self) -> Option<Interrupt> {
        None
    }

    /// Runs a configuration in its own way; `None` leaves it to Pigear.
    fn carry_out(&self, config: &Config) -> Option<Result<(), Unresolved>> {
        let _ = config;
        None
    }
}

impl Host for () {}

/// The action of Ctrl-C. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// How many times a stop was requested.
    requests: AtomicU32,
    /// How many of them were Ctrl-C.
    interrupts: AtomicU32,
    stop: Stop,
    /// There is nothing yet to end in order.
    is_preparing: Mutex<bool>,
    /// Sockets that are there before there is a source.
    bound: Mutex<Vec<BoundPath>>,
    /// Called before a forced end.
    last: Mutex<Vec<Last>>,
}

type Last = Box<dyn FnOnce() + Send>;

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interrupt").field("requests", &self.requests).finish_non_exhaustive()
    }
}

/// The status after Ctrl-C: 128 and the number of SIGINT.
const INTERRUPTED: i32 = 128 + 2;

/// How long a forced end may take.
const FORCED_EXIT_TIMEOUT: Duration = Duration::from_secs(2);

impl Interrupt {
    /// Handles Ctrl-C: it interrupts a script that runs in the shell, if there is one; otherwise it
    /// requests a stop.
    pub fn ctrl_c(&self) {
        if !taken() {
            self.request(INTERRUPTED);
        }
    }

    /// Requests an orderly stop, unless the shell is about to notice the signal itself. Closing a terminal
    /// may cause several signals, which must not force the end.
    pub(super) fn hang_up(&self) {
        if !self.is_requested() {
            self.ctrl_c();
        }
    }

    /// Requests an orderly stop. The third request, or the second by Ctrl-C, ends the program at once with
    /// this status: programs that `exec` runs are killed, and the counters are written as they are. One
    /// more SIGTERM is not enough, because some programs send two.
    pub fn request(&self, status: i32) {
        let is_interrupt = u32::from(status == INTERRUPTED);
        let interrupts = self.0.interrupts.fetch_add(is_interrupt, Ordering::SeqCst) + is_interrupt;
        let requests = self.0.requests.fetch_add(1, Ordering::SeqCst) + 1;
        if requests >= 3 || interrupts >= 2 {
            self.0.exit(status);
        }
        match requests {
            1 => self.0.stop.request(),
            _ => log::inform("waiting for handlers to finish; a third signal ends at once"),
        }
    }

    /// Says whether there is nothing yet to end in order: then a signal ends the program at once. Doesn't return while
    /// it does.
    pub(super) fn set_preparing(&self, is_preparing: bool) {
        *self.0.is_preparing.lock().unwrap_or_else(PoisonError::into_inner) = is_preparing;
    }

    /// Ends the program by this function if there is nothing yet to end in order.
    pub(super) fn end_if_preparing(&self, end: impl FnOnce()) -> bool {
        let is_preparing = self.0.is_preparing.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_preparing {
            self.0.remove_bound();
            end();
        }
        *is_preparing
    }

    /// These paths are removed where the program ends at once.
    pub(super) fn removes(&self, bound: Vec<BoundPath>) {
        *self.0.bound.lock().unwrap_or_else(PoisonError::into_inner) = bound;
    }

    /// Registers a function that is called before a forced end. It gets only a short time.
    pub(super) fn before_forced_exit(&self, last: impl FnOnce() + Send + 'static) {
        self.0.last().push(Box::new(last));
    }

    /// Whether a stop was requested.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.requests.load(Ordering::SeqCst) > 0
    }

    /// The switch that this throws.
    #[must_use]
    pub fn stop(&self) -> &Stop {
        &self.0.stop
    }
}

impl Inner {
    fn last(&self) -> MutexGuard<'_, Vec<Last>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remove_bound(&self) {
        let bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        bound.iter().for_each(BoundPath::remove);
    }

    fn exit(&self, status: i32) -> ! {
        self.remove_bound();
        let last = std::mem::take(&mut *self.last());
        let (done, inbox) = channel::<()>();
        let work = move || {
            for last in last {
                last();
            }
            log::finish();
            drop(done);
        };
        // A disk or terminal that doesn't respond must not prevent the end.
        if thread::Builder::new().name("end".to_owned()).spawn(work).is_ok() {
            let _ = inbox.recv_timeout(FORCED_EXIT_TIMEOUT);
        }
        #[cfg(feature = "exec")]
        crate::handler::exec::kill_all();
        process::exit(status)
    }
}

/// Whether Ctrl-C is for a script in the shell, and not for the program.
fn taken() -> bool {
    #[cfg(feature = "shell")]
    return crate::shell::interrupt();
    #[cfg(not(feature = "shell"))]
    false
}

/// Whether there is a shell whose terminal was closed.
pub(super) fn shell_is_left() -> bool {
    #[cfg(feature = "shell")]
    return crate::shell::is_left();
    #[cfg(not(feature = "shell"))]
    false
}
