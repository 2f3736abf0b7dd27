//! Reads new alerts, and the state of the lanes.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::access::StoreAccess;
use super::entry::Entry;
use super::list::MAX_ENTRIES;
use super::message::{Message, TailUpdate};
use super::outbox::{Closed, Outbox};
use super::rate::WINDOW;
use super::wanted::{FilterState, Order, Wanted};
use crate::store::{Criteria, Further, SelectionProblem, StoreError, Stored};

/// How often to look for new alerts.
const POLL: Duration = Duration::from_millis(250);

/// How often to look at the lanes and at the store's size.
const LANES: Duration = Duration::from_secs(2);

/// How often to show what a search has found so far.
const PARTIAL: Duration = Duration::from_millis(300);

/// If more alerts than this are new, such as after a long stop, the newest are looked for instead.
const MAX_BEHIND: i64 = 200_000;

/// How many alerts of the last minute are counted for the rates at the start.
const MAX_COUNTED: usize = 50_000;

/// Reads new alerts, and the state of the lanes.
pub(super) struct Tail {
    store: StoreAccess,
    order: Order,
    outbox: Outbox,
    wanted: Wanted,
    criteria: Criteria,
    filter: FilterState,
    /// The last alert that was looked at; `None` before the first search.
    last: Option<i64>,
    lanes_read: Option<Instant>,
    had_problem: bool,
}

impl Tail {
    /// # Errors
    /// If the system allows no more threads.
    pub(super) fn start(path: PathBuf, order: &Order, outbox: Outbox) -> io::Result<()> {
        let order = order.clone();
        let work = move || {
            let _watch = outbox.watch();
            // The criteria were checked before they were ordered.
            if let Ok(mut tail) = Self::new(path, order, outbox) {
                while tail.look().is_ok() {
                    tail.order.wait(&tail.wanted, POLL);
                }
            }
        };
        thread::Builder::new().name("tail".to_owned()).spawn(work).map(drop)
    }

    pub(super) fn new(
        path: PathBuf,
        order: Order,
        outbox: Outbox,
    ) -> Result<Self, SelectionProblem> {
        let wanted = order.wanted();
        let (criteria, filter) = wanted.criteria()?;
        let store = StoreAccess::new(path);
        let (last, lanes_read, had_problem) = (None, None, false);
        Ok(Self { store, order, outbox, wanted, criteria, filter, last, lanes_read, had_problem })
    }

    /// Sends what is new.
    pub(super) fn look(&mut self) -> Result<(), Closed> {
        self.take_order();
        if self.outbox.is_full() {
            return Ok(());
        }
        match self.read() {
            Ok(()) => Ok(()),
            // The search was interrupted.
            Err(Stopped::Store(_)) if self.order.wants_other_alerts(&self.wanted)() => Ok(()),
            Err(Stopped::Store(error)) => {
                self.store.close();
                self.last = None;
                self.had_problem = true;
                let problem = Some(error.source.to_string());
                self.send(TailUpdate { problem, ..TailUpdate::default() })
            }
            Err(Stopped::Closed) => Err(Closed),
        }
    }

    fn take_order(&mut self) {
        let wanted = self.order.wanted();
        if wanted.generation != self.wanted.generation
            && let Ok((criteria, filter)) = wanted.criteria()
        {
            (self.criteria, self.filter) = (criteria, filter);
            self.last = None;
        }
        self.wanted = wanted;
    }

    fn read(&mut self) -> Result<(), Stopped> {
        let (reader, is_new) = self.store.reader()?;
        reader.interrupt_while(self.order.wants_other_alerts(&self.wanted));
        let last = reader.last()?;
        let known =
            self.last.filter(|known| !is_new && (*known..*known + MAX_BEHIND).contains(&last));
        let Some(known) = known else { return self.search(last) };
        let mut found = Found::default();
        if last > known {
            let Self { criteria, .. } = self;
            self.last = Some(reader.after(known, criteria, |stored| {
                found.add_newer(&stored);
                Further::On
            })?);
        }
        let (lanes, size) = self.lanes()?;
        let is_over = std::mem::take(&mut self.had_problem);
        if found.is_empty() && lanes.is_none() && !is_over {
            return Ok(());
        }
        Ok(self.send(TailUpdate { lanes, size, ..found.update() })?)
    }

    /// Looks for the newest alerts.
    fn search(&mut self, last: i64) -> Result<(), Stopped> {
        let since = Timestamp::now().as_second() - WINDOW;
        let (mut found, mut visited) = (Found::default(), 0);
        let (mut sent, mut closed) = (Instant::now(), false);
        let Self { store, criteria, outbox, wanted, .. } = self;
        let (reader, _) = store.reader()?;
        reader.newest(criteria, |stored| {
            // What is stored meanwhile is new later.
            if stored.id > last {
                return Further::On;
            }
            visited += 1;
            let is_recent = found.add_older(&stored, since);
            if sent.elapsed() > PARTIAL && !outbox.is_full() {
                sent = Instant::now();
                let update = TailUpdate { is_fresh: true, is_searching: true, ..found.update() };
                let update = TailUpdate { generation: wanted.generation, ..update };
                closed = outbox.send(Message::Tail(Box::new(update))).is_err();
            }
            let is_enough = found.entries.len() >= MAX_ENTRIES && !is_recent;
            if is_enough || visited >= MAX_COUNTED || closed {
                Further::Enough
            } else {
                Further::On
            }
        })?;
        self.last = Some(last);
        self.lanes_read = None;
        self.had_problem = false;
        let (lanes, size) = self.lanes()?;
        Ok(self.send(TailUpdate { is_fresh: true, lanes, size, ..found.update() })?)
    }

    /// The lanes and the store's size, now and then.
    fn lanes(&mut self) -> Result<Lanes, StoreError> {
        if self.lanes_read.is_some_and(|read| read.elapsed() < LANES) {
            return Ok((None, None));
        }
        self.lanes_read = Some(Instant::now());
        let (reader, _) = self.store.reader()?;
        let lanes = reader.lanes()?;
        Ok((Some(lanes), self.store.size()))
    }

    fn send(&self, update: TailUpdate) -> Result<(), Closed> {
        let (generation, failures) = (self.wanted.generation, self.filter.failures());
        let update = TailUpdate { generation, failures, ..update };
        self.outbox.send(Message::Tail(Box::new(update)))
    }
}

type Lanes = (Option<Vec<crate::store::LaneState>>, Option<u64>);

/// Why reading ended.
enum Stopped {
    Store(StoreError),
    Closed,
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Closed> for Stopped {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

/// Alerts that were found.
#[derive(Default)]
struct Found {
    /// Newest first.
    entries: VecDeque<Entry>,
    /// How many were received in which second.
    received: BTreeMap<i64, u64>,
}

impl Found {
    /// Adds an alert that is newer than all others.
    fn add_newer(&mut self, stored: &Stored) {
        *self.received.entry(stored.alert.received.as_second()).or_default() += 1;
        self.entries.push_front(Entry::of(stored));
        self.entries.truncate(MAX_ENTRIES);
    }

    /// Adds an alert that is older than all others. Returns whether it was received since then.
    fn add_older(&mut self, stored: &Stored, since: i64) -> bool {
        let second = stored.alert.received.as_second();
        if second > since {
            *self.received.entry(second).or_default() += 1;
        }
        if self.entries.len() < MAX_ENTRIES {
            self.entries.push_back(Entry::of(stored));
        }
        second > since
    }

    fn is_empty(&self) -> bool {
        self.received.is_empty()
    }

    fn update(&self) -> TailUpdate {
        TailUpdate {
            entries: self.entries.iter().cloned().collect(),
            received: self.received.iter().map(|(second, alerts)| (*second, *alerts)).collect(),
            ..TailUpdate::default()
        }
    }
}
