//! What the thread that draws gets from the others.

use std::collections::BTreeMap;

use pigear_alert::Alert;
use ratatui::termion::event::Key;

use super::entry::Entry;
use super::period::Period;
use crate::store::{Contents, Count, FilterFailure, LaneState, Marks, StoreIdentity, Timeline};

/// What the thread that draws gets from the others.
#[derive(Debug)]
pub(super) enum Message {
    /// A key was pressed.
    Key(Key),
    /// The terminal has another size.
    Resized,
    /// The program goes on after it was stopped.
    Continued,
    /// The program is to stop for a while.
    Suspend,
    /// The program is to end by this signal.
    Kill(i32),
    /// The terminal was closed.
    Gone,
    Tail(Box<TailUpdate>),
    Older(Box<OlderUpdate>),
    Counts(Box<CountsUpdate>),
    Opened(Box<Opened>),
    Triaged(Box<Triaged>),
    /// A thread panicked.
    Died,
}

/// What changed in the store.
#[derive(Debug, Default)]
pub(super) struct TailUpdate {
    /// For which alerts this was looked for.
    pub(super) generation: u64,
    /// All that is shown is replaced, and this search for older alerts began.
    pub(super) begins: Option<u64>,
    /// Which store they are in, if they are replaced.
    pub(super) store: Option<StoreIdentity>,
    /// New alerts, newest first, of which there may have been more.
    pub(super) entries: Vec<Entry>,
    /// How many new alerts there are.
    pub(super) new: u64,
    /// How many alerts were received in which second.
    pub(super) received: Vec<(i64, u64)>,
    /// All lanes, if they were looked at.
    pub(super) lanes: Option<Vec<LaneState>>,
    /// The bytes of the store's files, if they were looked at.
    pub(super) size: Option<u64>,
    /// What was said about the alerts on the screen, if that has changed.
    pub(super) marks: Option<BTreeMap<i64, Marks>>,
    /// Why the store can't be read now.
    pub(super) problem: Option<String>,
    /// What the filter failed on.
    pub(super) failures: Option<FilterFailure>,
}

/// Alerts that were stored before.
#[derive(Debug)]
pub(super) struct OlderUpdate {
    /// The search that found them.
    pub(super) search: u64,
    /// Newest first, and older than those before.
    pub(super) entries: Vec<Entry>,
    /// How many alerts were received in which second.
    pub(super) received: Vec<(i64, u64)>,
    /// What the filter failed on.
    pub(super) failures: Option<FilterFailure>,
    /// The search is done.
    pub(super) is_done: bool,
    /// There are no older alerts.
    pub(super) are_last: bool,
}

/// The alerts, counted.
#[derive(Clone, Debug)]
pub(super) struct CountsUpdate {
    /// For which alerts this was counted.
    pub(super) generation: u64,
    pub(super) period: Period,
    pub(super) signatures: Vec<Count>,
    pub(super) sources: Vec<Count>,
    pub(super) timeline: Timeline,
    /// What the whole store contains.
    pub(super) contents: Option<Contents>,
}

/// An alert that was to be shown.
#[derive(Debug)]
pub(super) struct Opened {
    /// The store that it is to be in.
    pub(super) store: Option<StoreIdentity>,
    pub(super) id: i64,
    /// The alert, or why it can't be shown.
    pub(super) alert: Result<Box<Alert>, String>,
}

/// What became of a change.
#[derive(Debug)]
pub(super) struct Triaged {
    /// What was done, or why it was not.
    pub(super) outcome: Result<String, String>,
    /// What is now said about the alert.
    pub(super) marks: BTreeMap<i64, Marks>,
    /// Whether a change was taken back.
    pub(super) is_undone: bool,
}
