//! Reads new alerts, and the state of the lanes.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::entry::Entry;
use super::list::MAX_ENTRIES;
use super::message::{Message, TailUpdate};
use super::outbox::{Closed, Outbox};
use super::rate::WINDOW;
use super::search::{Search, SearchNumber};
use super::wanted::{Order, Wanted};
use crate::store::{
    AccessedStore, Criteria, Further, LaneState, Marks, Reader, SelectionProblem, StoreAccess,
    StoreError, StoreIdentity, Stored, Timeline, Tip,
};

/// How often to look for new alerts.
const POLL: Duration = Duration::from_millis(250);

/// How often to look at the lanes and at the store's size.
const LANES: Duration = Duration::from_secs(2);

/// If more alerts than this are new, such as after a long stop, the newest are looked for instead.
const MAX_BEHIND: i64 = 200_000;

/// Reads new alerts, and the state of the lanes.
pub(super) struct Tail {
    store: StoreAccess,
    order: Order,
    outbox: Outbox,
    wanted: Wanted,
    criteria: Criteria,
    /// The last alert that was looked at; `None` before the first search.
    last: Option<Place>,
    search: SearchNumber,
    /// The search that is to begin.
    to_begin: Option<Search>,
    lanes_read: Option<Instant>,
    had_problem: bool,
    /// What was said about the alerts on the screen, when it was last sent.
    marks: BTreeMap<i64, Marks>,
    /// The search that is to go on, and before which alert.
    further: Option<(u64, i64)>,
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
                while tail.look().is_ok() && tail.begin_search().is_ok() {
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
        let criteria = wanted.criteria()?;
        Ok(Self {
            store: StoreAccess::new(path),
            order,
            outbox,
            wanted,
            criteria,
            last: None,
            search: SearchNumber::default(),
            to_begin: None,
            lanes_read: None,
            had_problem: false,
            marks: BTreeMap::new(),
            further: None,
        })
    }

    /// Begins the search for older alerts, if there is a reason to.
    fn begin_search(&mut self) -> Result<(), Closed> {
        let Some(search) = self.take_search() else { return Ok(()) };
        search.start().or_else(|error| {
            let problem = Some(format!("cannot start a thread: {error}"));
            self.send(TailUpdate { problem, ..TailUpdate::default() })
        })
    }

    /// The search for older alerts that is to begin.
    pub(super) fn take_search(&mut self) -> Option<Search> {
        self.to_begin.take()
    }

    /// Sends what is new.
    pub(super) fn look(&mut self) -> Result<(), Closed> {
        self.take_order();
        self.further = self.order.take_further().or(self.further);
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
            && let Ok(criteria) = wanted.criteria()
        {
            self.criteria = criteria;
            self.last = None;
        }
        self.wanted = wanted;
    }

    fn read(&mut self) -> Result<(), Stopped> {
        // One reader for all of a look: the store may be replaced meanwhile.
        let AccessedStore { reader, identity, .. } = self.store.store()?;
        self.last.take_if(|place| place.store != identity);
        reader.interrupt_while(self.order.wants_other_alerts(&self.wanted));
        let last = reader.last()?;
        let Some(known) = self.last.as_ref().and_then(|place| place.continues_to(last, reader))
        else {
            let last = Place::of(reader, identity, last);
            let is_everything = self.wanted.is_everything();
            let received = if is_everything { received(reader)? } else { Vec::new() };
            self.lanes_read = None;
            let (lanes, size) = lanes(reader, &mut self.lanes_read)?;
            let store = Some(identity);
            let update = TailUpdate { store, received, lanes, size, ..TailUpdate::default() };
            return Ok(self.search(last, update)?);
        };
        let mut found = Found::default();
        if last > known {
            let after = reader.after(known, &self.criteria, |stored| {
                found.add_newer(&stored);
                Further::On
            })?;
            self.last = Some(Place::of(reader, identity, after));
        }
        let marks = changed_marks(reader, &self.order.shown(), &mut self.marks)?;
        let (lanes, size) = lanes(reader, &mut self.lanes_read)?;
        self.search_further(identity);
        let is_over = std::mem::take(&mut self.had_problem);
        if found.is_empty() && lanes.is_none() && marks.is_none() && !is_over {
            return Ok(());
        }
        Ok(self.send(TailUpdate { lanes, size, marks, ..found.update() })?)
    }

    /// Begins with the alerts that come from now on, and with a search for those before.
    fn search(&mut self, last: Place, update: TailUpdate) -> Result<(), Closed> {
        self.search = self.search.next();
        self.send(TailUpdate { begins: Some(self.search.number), ..update })?;
        self.to_begin = Some(self.search_from((last.store, last.id), !self.wanted.is_everything()));
        self.marks.clear();
        self.last = Some(last);
        self.had_problem = false;
        Ok(())
    }

    fn search_from(&self, (store, last): (StoreIdentity, i64), counts: bool) -> Search {
        Search {
            path: self.store.path().to_owned(),
            store,
            wanted: self.wanted.clone(),
            last,
            counts,
            number: self.search.clone(),
            outbox: self.outbox.clone(),
        }
    }

    /// Goes on with the search, if the user has come near its end.
    fn search_further(&mut self, store: StoreIdentity) {
        let further = self.further.take();
        if let Some((_, before)) = further.filter(|(search, _)| *search == self.search.number) {
            self.to_begin = Some(self.search_from((store, before - 1), false));
        }
    }

    fn send(&self, update: TailUpdate) -> Result<(), Closed> {
        let (generation, failures) = (self.wanted.generation, self.criteria.filter_failure());
        let update = TailUpdate { generation, failures, ..update };
        self.outbox.send(Message::Tail(Box::new(update)))
    }
}

/// An alert of a store.
struct Place {
    store: StoreIdentity,
    id: i64,
    /// By which it is told from that of a backup; `None` if it can't be read.
    tip: Option<Tip>,
}

impl Place {
    fn of(reader: &mut Reader, store: StoreIdentity, id: i64) -> Self {
        Self { store, id, tip: Tip::of(reader, id) }
    }

    /// The number, if the alerts up to this last one follow it, and are not too many.
    fn continues_to(&self, last: i64, reader: &mut Reader) -> Option<i64> {
        let is_near = (self.id..self.id + MAX_BEHIND).contains(&last);
        let is_gone = |tip: &Tip| tip.is_gone(reader);
        Some(self.id).filter(|_| is_near && !self.tip.as_ref().is_some_and(is_gone))
    }
}

/// How many alerts were received in which of the last seconds.
fn received(reader: &mut Reader) -> Result<Vec<(i64, u64)>, StoreError> {
    let start = Timestamp::now() - SignedDuration::from_secs(WINDOW);
    let seconds = usize::try_from(WINDOW).unwrap_or_default() + 1;
    let mut timeline = Timeline::new(start, 1, seconds);
    let criteria = Criteria { received: Some(start), ..Criteria::default() };
    reader.arrivals(&criteria, &mut timeline)?;
    Ok((start.as_second()..).zip(timeline.counts).filter(|(_, alerts)| *alerts > 0).collect())
}

/// What was said about the alerts on the screen, if it is not what was known.
fn changed_marks(
    reader: &mut Reader,
    shown: &[i64],
    known: &mut BTreeMap<i64, Marks>,
) -> Result<Option<BTreeMap<i64, Marks>>, StoreError> {
    let read = reader.marks(shown)?;
    let marks = shown.iter().map(|id| (*id, read.get(id).copied().unwrap_or_default())).collect();
    if marks == *known {
        return Ok(None);
    }
    known.clone_from(&marks);
    Ok(Some(marks))
}

type Lanes = (Option<Vec<LaneState>>, Option<u64>);

/// The lanes and the store's size, now and then.
fn lanes(reader: &mut Reader, read: &mut Option<Instant>) -> Result<Lanes, StoreError> {
    if read.is_some_and(|read| read.elapsed() < LANES) {
        return Ok((None, None));
    }
    *read = Some(Instant::now());
    Ok((Some(reader.lanes()?), reader.size()))
}

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
    new: u64,
}

impl Found {
    /// Adds an alert that is newer than all others.
    fn add_newer(&mut self, stored: &Stored) {
        *self.received.entry(stored.alert.received.as_second()).or_default() += 1;
        self.entries.push_front(Entry::of(stored));
        self.entries.truncate(MAX_ENTRIES);
        self.new += 1;
    }

    fn is_empty(&self) -> bool {
        self.new == 0
    }

    fn update(self) -> TailUpdate {
        TailUpdate {
            entries: self.entries.into(),
            received: self.received.into_iter().collect(),
            new: self.new,
            ..TailUpdate::default()
        }
    }
}
