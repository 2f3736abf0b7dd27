//! The keyboard and the signals, each on a thread of its own.

use std::io::{self, Stdin};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ratatui::crossterm::event::{self, Event, KeyEventKind};
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
        let stdin = io::stdin();
        while wait_for_key(&stdin) {
            while event::poll(Duration::ZERO).unwrap_or(false) {
                let message = match event::read() {
                    Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => Message::Key(key),
                    Ok(Event::Paste(text)) => Message::Paste(text),
                    _ => continue,
                };
                if outbox.send(message).is_err() {
                    return;
                }
            }
        }
        // Without a receiver the program ends anyway.
        let _ = outbox.send(Message::Gone);
    };
    thread::Builder::new().name("keys".to_owned()).spawn(work).map(drop)
}

/// Waits until there is something to read; false if the terminal was closed. To read from a closed one is
/// neither an end nor an error for the library that reads keys.
fn wait_for_key(stdin: &Stdin) -> bool {
    loop {
        let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::NONE) {
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return false,
            Ok(_) => {
                let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
                return fds[0].revents().is_some_and(|revents| !revents.intersects(gone));
            }
        }
    }
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
