//! Signals: SIGINT and SIGTERM stop, SIGHUP reads files again.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use pigear_pipeline::Stop;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::listen::Reload;

/// Whether a signal asked to stop.
#[derive(Clone, Default)]
pub(super) struct Interrupted(Arc<AtomicBool>);

impl Interrupted {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Whether Ctrl-C is for what a user works with, and not for the program.
fn taken() -> bool {
    #[cfg(feature = "shell")]
    return crate::shell::interrupt();
    #[cfg(not(feature = "shell"))]
    false
}

/// Listens to signals on a thread of its own. The first SIGINT or SIGTERM asks to stop, a second one
/// ends the program at once.
pub(super) fn listen(stop: Stop, reload: Reload) -> io::Result<Interrupted> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let interrupted = Interrupted::default();
    let flag = interrupted.clone();
    thread::spawn(move || {
        for signal in signals.forever() {
            if signal == SIGINT && taken() {
                continue;
            }
            if signal == SIGHUP {
                reload.request();
            } else if flag.0.swap(true, Ordering::SeqCst) {
                process::exit(128 + signal);
            } else {
                stop.request();
            }
        }
    });
    Ok(interrupted)
}
