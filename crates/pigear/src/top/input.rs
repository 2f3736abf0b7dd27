//! The keyboard and the signals, each on a thread of its own.

use std::io;
use std::thread;
use std::time::Duration;

use ratatui::termion::event::Event;
use ratatui::termion::input::TermRead;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;

use super::message::Message;
use super::outbox::Outbox;
use super::terminal;

/// How long the thread that draws may take to end: it waits for a terminal that takes nothing.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// Sends each key that is pressed.
///
/// # Errors
/// If the system allows no more threads.
pub(super) fn keys(outbox: Outbox) -> io::Result<()> {
    let work = move || {
        let _watch = outbox.watch();
        for event in io::stdin().events() {
            let sent = match event {
                Ok(Event::Key(key)) => outbox.send(Message::Key(key)),
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // The terminal was closed.
                Err(_) => break,
            };
            if sent.is_err() {
                return;
            }
        }
        // Without a receiver the program ends anyway.
        let _ = outbox.send(Message::Gone);
    };
    thread::Builder::new().name("keys".to_owned()).spawn(work).map(drop)
}

/// Sends what signals mean.
///
/// # Errors
/// If the system allows no more threads, or signals can't be handled.
pub(super) fn signals(outbox: &Outbox) -> io::Result<()> {
    let outbox = outbox.clone();
    let ends = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
    let mut signals = Signals::new([SIGCONT, SIGTSTP, SIGWINCH].into_iter().chain(ends))?;
    let work = move || {
        for signal in signals.forever() {
            let message = match signal {
                SIGCONT => Message::Continued,
                SIGTSTP => Message::Suspend,
                SIGWINCH => Message::Resized,
                signal => Message::Kill(signal),
            };
            // Without a receiver the program ends anyway.
            let _ = outbox.send(message);
            if ends.contains(&signal) {
                thread::sleep(END_TIMEOUT);
                terminal::die_at_once(signal);
            }
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(work).map(drop)
}
