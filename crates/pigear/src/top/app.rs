//! What is on the screen, and what keys do to it.

mod triage;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use ratatui::termion::event::Key;

use super::change::{Change, Request};
use super::detail::Detail;
use super::editor::Editor;
use super::list::{List, Step};
use super::message::{CountsUpdate, Message, OlderUpdate, TailUpdate};
use super::rate::Rate;
use super::wanted::Wanted;
use crate::script::{Filter, ScriptProblem};
use crate::store::{FilterFailure, LaneState, StoreIdentity};

/// What is on the screen.
#[derive(Debug)]
pub(super) struct App {
    path: PathBuf,
    pub(super) wanted: Wanted,
    pub(super) mode: Mode,
    pub(super) list: List,
    pub(super) rate: Rate,
    pub(super) counts: Option<CountsUpdate>,
    pub(super) lanes: Vec<LaneState>,
    /// The store that is shown.
    store: Option<StoreIdentity>,
    /// The bytes of the store's files.
    pub(super) size: Option<u64>,
    /// Whether the screen is too small to show what keys do.
    pub(super) is_too_small: bool,
    /// Why the store can't be read now.
    pub(super) problem: Option<String>,
    /// What of the new alerts the filter failed on.
    new_failures: Option<FilterFailure>,
    /// The same among older alerts.
    older_failures: Option<FilterFailure>,
    /// What became of the last key, until the next one.
    pub(super) note: Option<Result<String, String>>,
    pub(super) is_searching: bool,
    /// The search for older alerts that is shown.
    search: u64,
    wish: Option<Wanted>,
    to_open: Option<i64>,
    to_change: Option<Change>,
    /// The search that is to go on, and before which alert.
    further: Option<(u64, i64)>,
}

/// What the keys are for.
#[derive(Debug)]
pub(super) enum Mode {
    List,
    Detail(Detail),
    Filter(FilterLine),
    Comment(CommentLine),
    Help,
}

/// The filter that is being edited.
#[derive(Debug)]
pub(super) struct FilterLine {
    pub(super) editor: Editor,
    /// Why it can't be used, until it is changed.
    pub(super) problem: Option<ScriptProblem>,
}

/// The comment that is being written.
#[derive(Debug)]
pub(super) struct CommentLine {
    pub(super) alert: i64,
    pub(super) editor: Editor,
    /// The alert, if it was open.
    pub(super) detail: Option<Detail>,
}

/// What follows from a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Draw,
    /// All of it, since something else may be on the screen.
    Redraw,
    /// Stop, as with Ctrl-Z.
    Suspend,
    /// The program goes on after it was stopped.
    Resume,
    Quit,
    /// End by this signal.
    Killed(i32),
    /// A thread panicked.
    Died,
}

impl App {
    pub(super) fn new(path: PathBuf, wanted: Wanted) -> Self {
        Self {
            path,
            wanted,
            mode: Mode::List,
            list: List::default(),
            rate: Rate::default(),
            counts: None,
            lanes: Vec::new(),
            store: None,
            size: None,
            is_too_small: false,
            problem: None,
            new_failures: None,
            older_failures: None,
            note: None,
            is_searching: true,
            search: 0,
            wish: None,
            to_open: None,
            to_change: None,
            further: None,
        }
    }

    /// The store.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether nothing on the screen changes without a message.
    pub(super) fn is_quiet(&mut self, now: Timestamp) -> bool {
        self.rate.tidy(now.as_second());
        self.rate.is_zero()
    }

    /// What is wanted from now on, if a key has changed it.
    pub(super) fn new_wish(&mut self) -> Option<Wanted> {
        self.wish.take()
    }

    /// The alert that is to be read, and the store that it is in, if a key says so.
    pub(super) fn take_opening(&mut self) -> Option<(Option<StoreIdentity>, i64)> {
        self.to_open.take().map(|id| (self.store, id))
    }

    /// What is to be changed, if a key says so.
    pub(super) fn take_change(&mut self) -> Option<Request> {
        self.to_change.take().map(|change| Request { store: self.store, change })
    }

    /// The search that is to go on, and before which alert, if a key has come near its end.
    pub(super) fn take_further(&mut self) -> Option<(u64, i64)> {
        self.further.take()
    }

    /// The alerts on the screen.
    pub(super) fn shown(&self) -> Vec<i64> {
        let open = self.detail().map(|detail| detail.id);
        self.list.visible().map(|(entry, _)| entry.id).chain(open).collect()
    }

    pub(super) fn take(&mut self, message: Message) -> Outcome {
        match message {
            Message::Key(key) => return self.press(key),
            Message::Tail(update) => self.update(*update),
            Message::Older(update) => self.add_older(*update),
            Message::Counts(counts) => {
                // Those of another period are shown until there are others.
                if counts.generation == self.wanted.generation {
                    self.counts = Some(*counts);
                }
            }
            Message::Opened(opened) => {
                if let Mode::Detail(detail) = &mut self.mode
                    && opened.store == self.store
                {
                    detail.show(*opened);
                }
            }
            Message::Triaged(triaged) => self.triaged(*triaged),
            // The size is asked for when the screen is drawn.
            Message::Resized => {}
            Message::Continued => return Outcome::Resume,
            Message::Suspend => return Outcome::Suspend,
            Message::Kill(signal) => return Outcome::Killed(signal),
            Message::Gone => return Outcome::Quit,
            Message::Died => return Outcome::Died,
        }
        Outcome::Draw
    }

    fn update(&mut self, update: TailUpdate) {
        if update.problem.is_some() {
            self.problem = update.problem;
            return;
        }
        if update.generation != self.wanted.generation {
            return;
        }
        self.problem = None;
        self.new_failures = update.failures;
        self.size = update.size.or(self.size);
        if let Some(lanes) = update.lanes {
            self.lanes = lanes;
        }
        if let Some(search) = update.begins {
            self.search = search;
            self.begin();
            self.show_store(update.store);
        }
        self.list.add(update.entries, update.new);
        if let Some(marks) = update.marks {
            self.mark(&marks);
        }
        self.rate.add(&update.received);
    }

    /// Closes what is open of the former store, if another one is shown from now on.
    fn show_store(&mut self, store: Option<StoreIdentity>) {
        let former = std::mem::replace(&mut self.store, store);
        if former.is_some() && former != store {
            if matches!(self.mode, Mode::Detail(_) | Mode::Comment(_)) {
                self.mode = Mode::List;
            }
            self.note = Some(Ok("another store is there now; its alerts are shown".to_owned()));
        }
    }

    /// Forgets what is shown, for other alerts.
    fn begin(&mut self) {
        self.list.clear();
        self.rate = Rate::default();
        self.older_failures = None;
        self.is_searching = true;
    }

    fn add_older(&mut self, update: OlderUpdate) {
        if update.search == self.search {
            self.list.add_older(update.entries, update.are_last);
            self.rate.add(&update.received);
            self.older_failures = update.failures.or(self.older_failures.take());
            self.is_searching = !update.is_done;
        }
    }

    /// For how many alerts the filter failed, and why for one of them.
    pub(super) fn failures(&self) -> Option<(u64, &str)> {
        let both = [&self.older_failures, &self.new_failures];
        let count = both.into_iter().flatten().map(|failure| failure.alerts).sum();
        let failure = both.into_iter().flatten().next_back()?;
        Some((count, &failure.problem))
    }

    fn press(&mut self, key: Key) -> Outcome {
        match key {
            Key::Ctrl('c') => return Outcome::Quit,
            Key::Ctrl('z') => return Outcome::Suspend,
            Key::Ctrl('l') => return Outcome::Redraw,
            Key::Char('q') if self.is_too_small => return Outcome::Quit,
            _ if self.is_too_small => return Outcome::Draw,
            _ => {}
        }
        self.note = None;
        match &mut self.mode {
            Mode::Filter(_) => self.edit(key),
            Mode::Comment(_) => self.edit_comment(key),
            Mode::Help => {
                if key == Key::Char('q') {
                    return Outcome::Quit;
                }
                self.mode = Mode::List;
            }
            Mode::Detail(detail) => match (step(key), key) {
                (Some(step), _) => detail.step(step),
                (None, Key::Esc | Key::Backspace | Key::Left) => self.mode = Mode::List,
                (None, Key::Char('q')) => return Outcome::Quit,
                _ => self.press_for_triage(key),
            },
            Mode::List => return self.press_in_list(key),
        }
        Outcome::Draw
    }

    fn press_in_list(&mut self, key: Key) -> Outcome {
        if let Some(step) = step(key) {
            self.list.step(step);
            self.go_on();
            return Outcome::Draw;
        }
        match key {
            Key::Char('q') => return Outcome::Quit,
            Key::Char('?') => self.mode = Mode::Help,
            Key::Char('p') => self.list.pause(),
            Key::Char('t') => self.want(self.wanted.over(self.wanted.period.longer())),
            Key::Char('T') => self.want(self.wanted.over(self.wanted.period.shorter())),
            Key::Char('h') => self.hide(!self.wanted.hides_acknowledged),
            Key::Char('/') => {
                let editor = Editor::new(self.wanted.filter.as_deref().unwrap_or_default());
                self.mode = Mode::Filter(FilterLine { editor, problem: None });
            }
            Key::Char('\n') => {
                if let Some(entry) = self.list.selected() {
                    self.to_open = Some(entry.id);
                    self.mode = Mode::Detail(Detail::new(entry.id, entry.marks));
                }
            }
            _ => self.press_for_triage(key),
        }
        Outcome::Draw
    }

    fn edit(&mut self, key: Key) {
        let Mode::Filter(line) = &mut self.mode else { return };
        match key {
            Key::Esc => self.mode = Mode::List,
            Key::Char('\n') => {
                let text = line.editor.text();
                let filter = Some(text.trim()).filter(|text| !text.is_empty());
                match filter.map(Filter::compile) {
                    Some(Err(problem)) => line.problem = Some(problem),
                    _ => self.filter_by(filter.map(str::to_owned)),
                }
            }
            _ => {
                line.editor.press(key);
                line.problem = None;
            }
        }
    }

    fn filter_by(&mut self, filter: Option<String>) {
        self.mode = Mode::List;
        if filter != self.wanted.filter {
            self.want(self.wanted.filtered(filter));
            self.begin();
            (self.counts, self.new_failures) = (None, None);
        }
    }

    fn want(&mut self, wanted: Wanted) {
        self.wanted = wanted.clone();
        self.wish = Some(wanted);
    }
}

/// Where a key moves to.
fn step(key: Key) -> Option<Step> {
    Some(match key {
        Key::Up | Key::Char('k') => Step::Up,
        Key::Down | Key::Char('j') => Step::Down,
        Key::PageUp | Key::Ctrl('b') => Step::PageUp,
        Key::PageDown | Key::Char(' ') | Key::Ctrl('f') => Step::PageDown,
        Key::Home | Key::Char('g') => Step::First,
        Key::End | Key::Char('G') => Step::Last,
        _ => return None,
    })
}
