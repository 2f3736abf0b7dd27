//! `pigear top`: what a store gets, on a screen that is drawn again as it changes.
//!
//! Two threads read the store, each with its own connection: one the new alerts and the lanes, the other the
//! counts, which may take longer. A third reads the keyboard, a fourth the signals, and a fifth writes what the
//! user says about alerts. All of them send to
//! the thread that draws, so it never waits for the store.

mod app;
mod change;
mod counter;
mod detail;
mod editor;
mod entry;
mod input;
mod list;
mod message;
mod outbox;
mod period;
mod rate;
mod search;
mod tail;
mod terminal;
mod view;
mod wanted;

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::store::{Reader, Selection, SelectionProblem, StoreError};
use app::{App, Outcome};
use change::{Request, Triage};
use counter::Counter;
use message::Message;
use outbox::Outbox;
use tail::Tail;
use terminal::Terminal;
use view::Theme;
use wanted::{Order, Wanted};

/// How long to wait at least between two frames.
const FRAME: Duration = Duration::from_millis(50);

/// How often rates are updated.
const TICK: Duration = Duration::from_secs(1);

/// What is shown, and how.
#[derive(Clone, Debug)]
pub(crate) struct TopOptions {
    /// The store.
    pub(crate) path: PathBuf,
    /// Which alerts.
    pub(crate) selection: Selection,
    /// The time zone of times that are shown and typed.
    pub(crate) zone: TimeZone,
    /// Whether to use colours.
    pub(crate) colour: bool,
}

/// Why the screen can't be shown any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TopError {
    /// The store can't be read at the start.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The criteria make no sense.
    #[error(transparent)]
    Selection(#[from] SelectionProblem),
    /// The terminal can't be used.
    #[error("cannot use the terminal: {0}")]
    Terminal(#[source] io::Error),
    /// A thread can't be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
    /// A thread panicked.
    #[error("a thread of pigear top ended unexpectedly")]
    Died,
}

/// Shows the screen until the user quits, or the terminal is closed.
///
/// # Errors
/// If the store can't be read at the start, the criteria are invalid, or the terminal can't be used.
pub(crate) fn run(options: TopOptions) -> Result<(), TopError> {
    let TopOptions { path, selection, zone, colour } = options;
    let wanted = Wanted::new(selection, zone)?;
    let wanted = wanted.with_period_of(&Reader::open(&path)?)?;
    let (sender, inbox) = channel();
    let order = Order::new(wanted.clone());
    let outbox = Outbox::new(sender);
    // The threads log only what the screen doesn't show.
    let mut terminal = Terminal::open().map_err(TopError::Terminal)?;
    Tail::start(path.clone(), &order, outbox.clone()).map_err(TopError::Thread)?;
    Counter::start(path.clone(), &order, outbox.clone()).map_err(TopError::Thread)?;
    let changes = Triage::start(path.clone(), outbox.clone()).map_err(TopError::Thread)?;
    input::signals(&outbox).map_err(TopError::Thread)?;
    input::keys(outbox.clone()).map_err(TopError::Thread)?;
    let mut app = App::new(path, wanted);
    let screen = Screen { inbox, outbox, order, changes, theme: Theme::new(colour) };
    screen.show(&mut app, &mut terminal)
}

/// What the loop needs.
struct Screen {
    inbox: Receiver<Message>,
    outbox: Outbox,
    order: Order,
    changes: Sender<Request>,
    theme: Theme,
}

impl Screen {
    fn show(&self, app: &mut App, terminal: &mut Terminal) -> Result<(), TopError> {
        let mut drawn = Instant::now();
        loop {
            terminal
                .draw(|frame| view::draw(frame, app, &self.theme, Timestamp::now()))
                .map_err(TopError::Terminal)?;
            self.order.show(app.shown());
            let since = drawn.elapsed();
            drawn = Instant::now();
            let mut outcome = self.wait(app);
            // What is already there is drawn together, and a flood not more often than a screen is read.
            let next = drawn + FRAME.saturating_sub(since);
            while outcome == Outcome::Draw {
                let left = next.saturating_duration_since(Instant::now());
                match self.inbox.recv_timeout(left) {
                    Ok(message) => outcome = self.take(app, message),
                    Err(_) => break,
                }
            }
            match outcome {
                Outcome::Draw => {}
                Outcome::Redraw => terminal.clear().map_err(TopError::Terminal)?,
                Outcome::Suspend => terminal.suspend().map_err(TopError::Terminal)?,
                Outcome::Resume => terminal.resume().map_err(TopError::Terminal)?,
                Outcome::Quit => return Ok(()),
                Outcome::Killed(signal) => terminal::die(signal),
                Outcome::Died => return Err(TopError::Died),
            }
        }
    }

    /// Waits for something that is to be drawn.
    fn wait(&self, app: &mut App) -> Outcome {
        let received = if app.is_quiet(Timestamp::now()) {
            self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            self.inbox.recv_timeout(TICK)
        };
        match received {
            Ok(message) => self.take(app, message),
            Err(RecvTimeoutError::Timeout) => Outcome::Draw,
            Err(RecvTimeoutError::Disconnected) => Outcome::Died,
        }
    }

    fn take(&self, app: &mut App, message: Message) -> Outcome {
        self.outbox.taken(&message);
        let outcome = app.take(message);
        if let Some(wanted) = app.new_wish() {
            self.order.change(wanted);
        }
        if let Some(change) = app.take_change() {
            // Its thread ends only with a panic, which is sent.
            let _ = self.changes.send(change);
        }
        if let Some((search, before)) = app.take_further() {
            self.order.go_on(search, before);
        }
        if let Some(alert) = app.take_opening() {
            detail::open(app.path().to_owned(), alert, self.outbox.clone());
        }
        outcome
    }
}
