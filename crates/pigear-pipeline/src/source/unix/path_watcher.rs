use std::fs;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing::{debug, warn};

use super::binding::{BindError, Binding, SocketSettings};
use super::line_limiter::LineLimiter;
use super::place::{Inode, Place, Presence, may_change};
use crate::pulse::{CutOff, Pulse};
use crate::source::dir_watcher::{DirWatcher, Interest};
use crate::stop::Stop;

/// How often to check in any case.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// What helps if another process bound the socket.
const BOUND_BY_ANOTHER: &str = "the process that bound it has to bind it again, such as with systemctl restart and \
    the name of the socket unit";

/// The stack of its thread, in bytes.
const STACK: usize = 256 << 10;

/// Watches the path of a socket: if it is removed, no alert arrives any more, and no system call of the
/// receiver reports that.
///
/// It is bound again where that is safe: where nothing is at the path, or a socket without a listener.
/// The receiver is woken and gets the new socket with [`next`](Self::next), so watching costs it
/// nothing.
pub(super) struct PathWatcher {
    shared: Arc<Shared>,
    /// Dropped to end the thread.
    end: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

struct Shared(Mutex<State>);

struct State {
    /// Wakes the receiver.
    waker: UnixDatagram,
    /// The socket that the receiver should switch to.
    next: Option<Binding>,
}

impl PathWatcher {
    /// Starts watching. `stop` wakes the receiver from now on.
    pub(super) fn start(binding: &Binding, pulse: Pulse, stop: &Stop) -> io::Result<Self> {
        let state = State { waker: binding.waker()?, next: None };
        let shared = Arc::new(Shared(Mutex::new(state)));
        let woken = Arc::clone(&shared);
        stop.on_request(move || woken.wake());
        let (reader, end) = io::pipe()?;
        let watched = Watched {
            path: binding.path().to_owned(),
            settings: binding.settings(),
            place: binding.place(),
            needs_restart: binding.is_left(),
            pulse,
            shared: Arc::clone(&shared),
            said: None,
            lines: LineLimiter::default(),
        };
        let builder = thread::Builder::new().name("socket".to_owned()).stack_size(STACK);
        let thread = builder.spawn(move || watched.watch(&reader))?;
        Ok(Self { shared, end: Some(end), thread: Some(thread) })
    }

    /// Wakes the receiver.
    pub(super) fn waker(&self) -> impl Fn() + Send + 'static {
        let shared = Arc::clone(&self.shared);
        move || shared.wake()
    }

    /// The socket that was bound to replace the last one, if there is one.
    pub(super) fn next(&self) -> Option<Binding> {
        let mut state = self.shared.state();
        let next = state.next.take()?;
        match next.waker() {
            Ok(waker) => state.waker = waker,
            // Then a stop is noticed with the next alert.
            Err(error) => warn!("{}: {error}", next.path().display()),
        }
        Some(next)
    }

    /// Stops watching, and returns a socket that was bound just now.
    pub(super) fn end(mut self) -> Option<Binding> {
        self.join();
        self.shared.state().next.take()
    }

    fn join(&mut self) {
        drop(self.end.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            debug!("the thread that watched a socket panicked");
        }
    }
}

impl Drop for PathWatcher {
    /// Waits for the thread, so that it doesn't take the end of the socket for a removal.
    fn drop(&mut self) {
        self.join();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        // A full socket needs no wake-up: its reader is awake.
        let _ = self.state().waker.send(&[]);
    }
}

/// The state of the thread.
struct Watched {
    path: PathBuf,
    /// `None` if another process has to bind it again.
    settings: Option<SocketSettings>,
    /// That of the socket that the receiver has, or will get.
    place: Arc<Place>,
    /// The user who bound it may create files in the directory, unlike the current one.
    needs_restart: bool,
    /// Says whether alerts can arrive.
    pulse: Pulse,
    shared: Arc<Shared>,
    /// The last error that was logged.
    said: Option<String>,
    /// Who may write to the directory decides how often something is logged.
    lines: LineLimiter,
}

impl Watched {
    fn watch(mut self, end: &PipeReader) {
        let dir = Binding::directory_of(&self.path).to_owned();
        let mut watcher = DirWatcher::on(&dir, Interest::Entries);
        let mut watched = inode_of(&dir);
        while !watcher.wait_or(end.as_fd(), POLL_INTERVAL) {
            watcher.changes();
            let now = inode_of(&dir);
            if now != watched || !watcher.is_told() && now.is_some() {
                watcher.watch_again();
                watched = now;
            }
            self.check();
        }
    }

    fn check(&mut self) {
        if self.shared.state().next.is_some() {
            // The wake-up may have failed because its queue was full.
            return self.shared.wake();
        }
        if self.place.presence(&self.path) != Presence::Gone {
            self.pulse.set_cut_off(None);
            if self.said.take().is_some() && self.lines.is_worth_a_line(Instant::now()) {
                warn!("{} is back", self.path.display());
            }
            return;
        }
        let Some(settings) = self.settings else {
            return self.say(BOUND_BY_ANOTHER, false);
        };
        match Binding::rebind(&self.path, settings) {
            Ok(binding) => {
                if self.lines.is_worth_a_line(Instant::now()) {
                    warn!("{} was removed; bound again", self.path.display());
                }
                (self.place, self.said) = (binding.place(), None);
                self.pulse.set_cut_off(None);
                self.shared.state().next = Some(binding);
                self.shared.wake();
            }
            Err(problem) => {
                let (remedy, restart_helps) = self.remedy(&problem);
                self.say(&format!("{}; {remedy}", with_cause(&problem)), restart_helps);
            }
        }
    }

    /// What helps if it can't be bound again, and whether that is to start Pigear again.
    fn remedy(&self, problem: &BindError) -> (&'static str, bool) {
        let dir = Binding::directory_of(&self.path);
        match problem {
            BindError::NoPermission if self.needs_restart => {
                ("restart Pigear, which binds it again", true)
            }
            BindError::Occupied { .. } | BindError::InUse if !may_change(dir) => {
                ("after that is removed, restart Pigear, whose user may not bind it again", false)
            }
            _ => ("trying again until it can be bound", false),
        }
    }

    /// Tells why no alerts arrive, and logs it once.
    fn say(&mut self, problem: &str, restart_helps: bool) {
        let path = self.path.display();
        let text = format!("{path} was removed or replaced, so no alerts arrive: {problem}");
        if self.said.as_ref() != Some(&text) {
            if self.lines.is_worth_a_line(Instant::now()) {
                warn!("{text}");
            }
            self.said = Some(text.clone());
        }
        self.pulse.set_cut_off(Some(CutOff { text, restart_helps }));
    }
}

fn inode_of(path: &Path) -> Option<Inode> {
    fs::symlink_metadata(path).ok().map(|metadata| Inode::of(&metadata))
}

fn with_cause(problem: &BindError) -> String {
    match std::error::Error::source(problem) {
        Some(cause) => format!("{problem}: {cause}"),
        None => problem.to_string(),
    }
}
