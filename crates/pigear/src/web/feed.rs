//! New alerts, read from the store once for all live streams.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::debug;

use super::api::object::AlertObject;
use super::place::Place;
use super::problem::Problem;
use crate::store::{
    AccessedStore, Criteria, Further, StoreAccess, StoreError, StoreIdentity, Stored,
};

/// How often to look for new alerts.
const TICK: Duration = Duration::from_millis(100);

/// How long to wait before a store that can't be used is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How many alerts are read at once: more than this in a tick come later. Then a flood takes only a part of a
/// processor.
pub(super) const BATCH: usize = 500;

/// How many alerts are remembered; a stream that is further behind reads the store.
const REMEMBERED: usize = 4 * BATCH;

/// The state of the store, as far as the feed has read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Counts the stores that were at the path, and how often one lost its newest alerts.
    pub(super) generation: u64,
    /// Which store it is; `None` before the first was read.
    pub(super) store: Option<StoreIdentity>,
    /// Where a stream begins that was in another store.
    pub(super) begin: i64,
    /// The id of the last alert when this generation began.
    pub(super) newest: i64,
    /// The id of the last alert that was read.
    pub(super) last: i64,
    /// Why the store can't be read now, as JSON.
    pub(super) problem: Option<Arc<str>>,
}

/// New alerts.
pub(super) struct Feed {
    ring: Mutex<Ring>,
    head: watch::Sender<Head>,
}

/// The last alerts: all with a higher id than `after`, up to `last`.
#[derive(Default)]
struct Ring {
    store: Option<StoreIdentity>,
    after: i64,
    last: i64,
    events: VecDeque<(i64, String)>,
}

/// Events for a stream, and the id that they reach up to.
pub(super) struct Events {
    pub(super) text: String,
    pub(super) last: i64,
}

impl Feed {
    /// Reads the store on a thread of its own, until the result is dropped.
    pub(super) fn start(store: &Path) -> io::Result<(Arc<Self>, JoinHandle<()>)> {
        let feed = Arc::new(Self { ring: Mutex::default(), head: watch::Sender::default() });
        let (follower, path) = (Arc::downgrade(&feed), store.to_owned());
        let thread = thread::Builder::new().name("web-feed".to_owned());
        let thread = thread.spawn(move || follow(&follower, &path))?;
        Ok((feed, thread))
    }

    /// The state of the store, and its changes.
    pub(super) fn subscribe(&self) -> watch::Receiver<Head> {
        self.head.subscribe()
    }

    /// The events of a store after an id, at most [`BATCH`]; `None` if they are not remembered.
    pub(super) fn since(&self, store: StoreIdentity, id: i64) -> Option<Events> {
        let ring = self.ring();
        if ring.store != Some(store) || id < ring.after {
            return None;
        }
        let first = ring.events.partition_point(|(event, _)| *event <= id);
        let events = ring.events.range(first..).take(BATCH);
        let (mut text, mut last, mut count) = (String::new(), id, 0);
        for (id, event) in events {
            text.push_str(event);
            (last, count) = (*id, count + 1);
        }
        let last = if count < BATCH { ring.last.max(last) } else { last };
        Some(Events { text, last })
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is new.
    fn read(&self, access: &mut StoreAccess) -> Result<(), StoreError> {
        let AccessedStore { reader, identity: store } = access.store()?;
        let is_other = self.ring().store != Some(store);
        let last = reader.last()?;
        if is_other || last < self.ring().last {
            self.begin(store, last);
        }
        let position = self.ring().last;
        if last <= position {
            return Ok(());
        }
        if self.head.receiver_count() == 0 {
            *self.ring() = Ring { store: Some(store), after: last, last, events: VecDeque::new() };
        } else {
            let mut events = Vec::new();
            let read = reader.after(position, &Criteria::default(), |stored| {
                events.push((stored.id, event(&stored, store)));
                if events.len() < BATCH { Further::On } else { Further::Enough }
            })?;
            let last = if events.len() < BATCH { Some(read) } else { None };
            self.remember(events, last);
        }
        let last = self.ring().last;
        self.head.send_if_modified(|head| std::mem::replace(&mut head.last, last) != last);
        Ok(())
    }

    fn remember(&self, events: Vec<(i64, String)>, last: Option<i64>) {
        let mut ring = self.ring();
        let newest = events.last().map(|(id, _)| *id);
        ring.last = last.or(newest).unwrap_or(ring.last);
        ring.events.extend(events);
        while ring.events.len() > REMEMBERED {
            if let Some((id, _)) = ring.events.pop_front() {
                ring.after = id;
            }
        }
    }

    /// Another store is there, or this one without its newest alerts: a backup was put back.
    fn begin(&self, store: StoreIdentity, newest: i64) {
        let before = self.head.borrow().store;
        // The whole of a store that has just begun; only what is new, of one with old alerts.
        let is_new = before.is_some_and(|before| before != store)
            && usize::try_from(newest).is_ok_and(|newest| newest <= REMEMBERED);
        let begin = if is_new { 0 } else { newest };
        let store = Some(store);
        *self.ring() = Ring { store, after: begin, last: begin, events: VecDeque::new() };
        self.head.send_modify(|head| {
            let generation = head.generation + 1;
            *head = Head { generation, store, begin, newest, last: begin, problem: None };
        });
    }

    /// Notes why the store can't be read, or that it can.
    fn note(&self, problem: Option<StoreError>) {
        let problem = problem.map(|error| Arc::from(Problem::from(error).text()));
        self.head.send_if_modified(|head| {
            std::mem::replace(&mut head.problem, problem.clone()) != problem
        });
    }
}

/// An alert as an event of a stream.
pub(super) fn event(stored: &Stored, store: StoreIdentity) -> String {
    let place = Place::new(stored.id, store);
    format!("id: {place}\ndata: {}\n\n", AlertObject::text(stored))
}

fn follow(feed: &Weak<Feed>, path: &Path) {
    let mut access = StoreAccess::new_within(path.to_owned(), RETRY);
    let mut next_try = Instant::now();
    while let Some(feed) = feed.upgrade() {
        if Instant::now() >= next_try {
            match feed.read(&mut access) {
                Ok(()) => feed.note(None),
                Err(error) => {
                    debug!("no live alerts: {error}: {}", error.source);
                    // The same store, as a rule: then streams go on where they were.
                    access.close();
                    feed.note(Some(error));
                    next_try = Instant::now() + RETRY;
                }
            }
        }
        drop(feed);
        thread::sleep(TICK);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::store::{StoreOpener, WhenDiskFull};

    #[test]
    fn another_store_is_seen_also_if_it_could_not_be_read_at_first() {
        let dir = TempDir::new().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["a.db", "b.db"] {
            drop(StoreOpener::open(&at(name), WhenDiskFull::Fail).unwrap());
        }
        let feed = Feed { ring: Mutex::default(), head: watch::Sender::default() };
        let mut access = StoreAccess::new(at("a.db"));
        feed.read(&mut access).unwrap();
        let before = feed.subscribe().borrow().clone();
        fs::rename(at("b.db"), at("a.db")).unwrap();
        // What a try does that fails behind it.
        let other = access.store().unwrap().identity;
        feed.read(&mut access).unwrap();
        let now = feed.subscribe().borrow().clone();
        assert!(before.store != now.store && now.store == Some(other));
        assert_eq!(now.generation, before.generation + 1);
    }
}
