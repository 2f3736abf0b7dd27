//! Signals: SIGINT and SIGTERM stop, SIGHUP reloads the maps, or stops if a shell's terminal is gone.

use std::io;
use std::thread;

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing::debug;

use super::host::{Host, Interrupt, shell_is_left};
use super::log;
use crate::killed;
use crate::listen::Reload;

/// Handles signals on its own thread, but SIGINT only if the host doesn't. The first stop signal stops in
/// order; a third one, or a second Ctrl-C, ends the program at once. So does the first one while it
/// [prepares](Interrupt::set_preparing): large maps may take many seconds to read.
pub(super) fn listen(host: &dyn Host, reload: Reload) -> io::Result<Interrupt> {
    let hosts = host.interrupt();
    let own = hosts.is_none().then_some(SIGINT);
    let mut signals = Signals::new([SIGTERM, SIGHUP].into_iter().chain(own))?;
    let interrupt = hosts.unwrap_or_default();
    let asked = interrupt.clone();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            match signal {
                SIGTERM | SIGINT if asked.end_if_preparing(|| end_at_once(signal)) => {}
                SIGHUP if shell_is_left() => asked.hang_up(),
                SIGHUP => reload.request(),
                SIGINT => asked.ctrl_c(),
                _ => asked.request(128 + signal),
            }
        }
    })?;
    Ok(interrupt)
}

/// Holds signals back that would end the process, until this is dropped.
#[derive(Default)]
pub(super) struct HeldBack(Option<SigSet>);

impl HeldBack {
    /// Holds them back from this thread, and from those that it starts.
    pub(super) fn begin(&mut self) {
        let ending = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].into_iter().collect();
        self.0 = SigSet::thread_swap_mask(&ending, SigmaskHow::SIG_BLOCK).ok();
    }
}

impl Drop for HeldBack {
    fn drop(&mut self) {
        if let Some(before) = self.0.take()
            && let Err(error) = before.thread_set_mask()
        {
            debug!("cannot take signals again: {error}");
        }
    }
}

fn end_at_once(signal: i32) -> ! {
    log::finish();
    killed::end(signal)
}
