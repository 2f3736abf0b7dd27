//! Acknowledges, stars and comments on alerts, and undoes it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use nix::unistd::{Uid, User};

use super::message::{Message, Triaged};
use super::outbox::Outbox;
use crate::store::{MarkKind, Marks, Reader, StoreError, StoreIdentity, TriageWriter};

/// How many changes can be undone.
const MAX_UNDO: usize = 20;

/// What a key changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// An alert gets a mark, or loses it.
    Mark { alert: i64, kind: MarkKind, is_set: bool },
    /// An alert gets a comment.
    Comment { alert: i64, text: String },
    /// The latest change is taken back.
    Undo,
}

/// A change, and the store that its alert is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) store: Option<StoreIdentity>,
    pub(super) change: Change,
}

/// What can be undone, and of which alert.
#[derive(Clone, Copy, Debug)]
enum Done {
    Action(i64, i64),
    Comment(i64, i64),
}

/// Changes the store, one change after the other.
pub(super) struct Triage {
    path: PathBuf,
    /// Who does it.
    by: String,
    done: Vec<Done>,
    /// The store whose changes can be undone.
    store: Option<StoreIdentity>,
}

impl Triage {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, by: user(), done: Vec::new(), store: None }
    }

    /// Changes what it receives, on a thread of its own.
    ///
    /// # Errors
    /// If the system allows no more threads.
    pub(super) fn start(path: PathBuf, outbox: Outbox) -> io::Result<Sender<Request>> {
        let (sender, changes) = channel();
        let work = move || {
            let _watch = outbox.watch();
            let mut triage = Self::new(path);
            for request in changes {
                let triaged = triage.change(request);
                if outbox.send(Message::Triaged(Box::new(triaged))).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new().name("triage".to_owned()).spawn(work)?;
        Ok(sender)
    }

    pub(super) fn change(&mut self, request: Request) -> Triaged {
        let is_undo = request.change == Change::Undo;
        let result = self.try_change(request);
        let (is_undone, marks) = match &result {
            // That it can't be read is said by the thread that reads.
            Ok((_, Some(alert))) => (is_undo, self.marks(*alert).unwrap_or_default()),
            _ => (false, BTreeMap::new()),
        };
        let outcome = result.map(|(text, _)| text).map_err(|error| not_changed(&error));
        Triaged { outcome, marks, is_undone }
    }

    /// Returns what was done, and with which alert.
    fn try_change(&mut self, request: Request) -> Result<(String, Option<i64>), StoreError> {
        let Request { store: of, change } = request;
        let mut store = TriageWriter::open(&self.path)?;
        let identity = Some(store.identity()?);
        if identity != self.store {
            self.done.clear();
            self.store = identity;
        }
        if of.is_some() && of != identity {
            // The same number is another alert there.
            let text = "not changed: another store is there now than the one that is shown";
            return Ok((text.to_owned(), None));
        }
        let done = match change {
            Change::Mark { alert, kind, is_set } => {
                let action = store.mark(&[alert], (kind, is_set), &self.by)?;
                let what = match (kind, is_set) {
                    (MarkKind::Acknowledged, true) => "acknowledged",
                    (MarkKind::Acknowledged, false) => "not acknowledged any more",
                    (MarkKind::Starred, true) => "starred",
                    (MarkKind::Starred, false) => "not starred any more",
                };
                if action.alerts == 0 {
                    let text = format!(
                        "alert {alert} was {what} already, or is not in the store any more"
                    );
                    return Ok((text, Some(alert)));
                }
                self.done.push(Done::Action(action.id, alert));
                (format!("alert {alert} is {what}; u undoes it"), Some(alert))
            }
            Change::Comment { alert, text } => match store.comment(alert, &self.by, &text)? {
                Some(id) => {
                    self.done.push(Done::Comment(id, alert));
                    (format!("alert {alert} has your comment; u removes it"), Some(alert))
                }
                None => (format!("alert {alert} is not in the store any more"), None),
            },
            Change::Undo => self.undo(&mut store)?,
        };
        if self.done.len() > MAX_UNDO {
            self.done.remove(0);
        }
        Ok(done)
    }

    /// What is said about an alert now.
    fn marks(&self, alert: i64) -> Result<BTreeMap<i64, Marks>, StoreError> {
        let reader = Reader::open(&self.path)?;
        if Some(reader.identity()?) != self.store {
            return Ok(BTreeMap::new());
        }
        let mut marks = reader.marks(&[alert])?;
        marks.entry(alert).or_default();
        Ok(marks)
    }

    fn undo(&mut self, store: &mut TriageWriter) -> Result<(String, Option<i64>), StoreError> {
        let Some(done) = self.done.last().copied() else {
            return Ok(("there is nothing to undo: u undoes what was done here".to_owned(), None));
        };
        let (alert, is_undone) = match done {
            Done::Action(action, alert) => {
                (alert, store.undo(action, &self.by)?.is_some_and(|changed| changed > 0))
            }
            Done::Comment(comment, alert) => (alert, store.remove_comment(comment, None)?),
        };
        self.done.pop();
        let text = if is_undone {
            format!("alert {alert} is as it was before")
        } else {
            format!("alert {alert} was changed by others since, and stays as it is")
        };
        Ok((text, Some(alert)))
    }
}

/// Why nothing was changed, and what to do about it.
fn not_changed(error: &StoreError) -> String {
    let hint = error.source.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("not changed: {}{hint}", error.source)
}

/// The name of the user who runs this.
fn user() -> String {
    let user = Uid::current();
    User::from_uid(user).ok().flatten().map_or_else(|| format!("user {user}"), |user| user.name)
}
