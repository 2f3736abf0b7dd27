//! `shell`: opens an interactive shell on each alert.
//!
//! The alert is in the variables `msg` and `alert` of the language of [`script`](crate::script).
//! Meanwhile further alerts are received, and wait in the lane's queue.
//!
//! The user works on a separate thread, so that the lane's thread can leave it at shutdown: a thread that
//! waits for a key can't be woken. The terminal is then restored.

mod alerts;
mod banner;
mod completion;
mod editing;
mod help;
mod history;
mod interpreter;
mod interrupt;
mod rule;
mod session;
mod show;
mod terminal;
mod tokens;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use pigear_alert::Alert;
use pigear_pipeline::{Backlog, BatchPolicy, Context, Deadline, Failure, Handler, Needs, Progress};
use serde::Deserialize;

use crate::description::{Description, FileUse};
use crate::rules::SharedRules;
use session::{Outcome, Session};
use terminal::Terminal;

pub use interrupt::interrupt;
pub use terminal::TerminalError;
#[cfg(feature = "command")]
pub(crate) use terminal::is_left;

pub(crate) const DESCRIPTION: Description = Description {
    about: "opens a shell on each alert; history=PATH",
    files: &[("history", FileUse::WritesInOwnDirectory)],
};

/// The keys of `shell`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The file of the history; `pigear/history` in `XDG_STATE_HOME`, or in `~/.local/state`, by default.
    pub history: Option<PathBuf>,
}

/// The stack of the thread that runs scripts, in bytes, as for filters.
const STACK: usize = 8 << 20;

/// Opens a shell on each alert.
pub struct Shell {
    terminal: Terminal,
    history: Option<PathBuf>,
    rules: SharedRules,
    deadline: Deadline,
    backlog: Option<Backlog>,
    user: Option<User>,
}

/// The thread that talks to the user.
struct User {
    alerts: Sender<Arc<Alert>>,
    events: Receiver<Event>,
}

/// What the lane's thread waits for.
enum Event {
    /// The user is done with the alert.
    Done(Outcome),
    /// The deadline has come.
    TimeUp,
}

impl Shell {
    /// Takes the terminal.
    ///
    /// # Errors
    /// If standard input or output is not a terminal, or another shell uses it.
    pub fn new(options: Options) -> Result<Self, TerminalError> {
        let history =
            options.history.or_else(history::usual_path).filter(|path| history::is_usable(path));
        let terminal = Terminal::take()?;
        let (rules, deadline) = (SharedRules::default(), Deadline::default());
        Ok(Self { terminal, history, rules, deadline, backlog: None, user: None })
    }

    /// Shows rules of these.
    #[must_use]
    pub fn with_rules(mut self, rules: SharedRules) -> Self {
        self.rules = rules;
        self
    }

    /// Starts the thread that talks to the user, at the first alert.
    fn user(&mut self) -> &User {
        let Self { terminal, history, rules, deadline, backlog, user } = self;
        user.get_or_insert_with(|| {
            let (alerts, inbox) = channel();
            let (sender, events) = channel();
            let time_up = sender.clone();
            deadline.on_announce(move || {
                let _ = time_up.send(Event::TimeUp);
            });
            let (gate, history, rules) = (terminal.gate(), history.clone(), rules.clone());
            let (deadline, backlog) = (deadline.clone(), backlog.clone());
            let session = move || {
                let mut session = Session::new(gate, history, rules, backlog, deadline);
                work(&inbox, &sender, |alert| session.look_at(alert));
            };
            // Without a thread there is no answer, which the lane notices.
            let _ = thread::Builder::new().name("user".to_owned()).stack_size(STACK).spawn(session);
            User { alerts, events }
        })
    }
}

/// Passes each alert to the user, and reports when that is done.
fn work(
    inbox: &Receiver<Arc<Alert>>,
    done: &Sender<Event>,
    mut look_at: impl FnMut(&Arc<Alert>) -> Outcome,
) {
    for alert in inbox {
        let outcome = catch_unwind(AssertUnwindSafe(|| look_at(&alert)))
            .unwrap_or_else(|_| Outcome::Failed("the shell panicked".to_owned()));
        // The lane may have left.
        if done.send(Event::Done(outcome)).is_err() {
            break;
        }
    }
}

impl Handler for Shell {
    fn needs(&self) -> Needs {
        let batch = BatchPolicy { most: 1, ..BatchPolicy::default() };
        Needs { batch, interactive: true, ..Needs::default() }
    }

    fn start(&mut self, context: Context) -> Result<(), Failure> {
        self.deadline = context.deadline;
        self.backlog = Some(context.backlog);
        show::print(banner::BANNER);
        Ok(())
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        for (n, alert) in alerts.iter().enumerate() {
            let user = self.user();
            let event =
                user.alerts.send(Arc::clone(alert)).ok().and_then(|()| user.events.recv().ok());
            match event {
                Some(Event::Done(Outcome::Next)) => {}
                Some(Event::Done(Outcome::Quit)) => return Err(Failure::quit()),
                Some(Event::Done(Outcome::Failed(why))) => {
                    return Err(Failure::refused(why).after(n));
                }
                Some(Event::TimeUp) | None => {
                    self.terminal.restore();
                    return Err(Failure::time_up().after(n));
                }
            }
        }
        Ok(Progress::All)
    }
}
