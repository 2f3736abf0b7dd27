//! New alerts, read from the store once for all live streams.

mod ring;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::debug;

use super::problem::Problem;
use crate::store::{
    AccessedStore, Criteria, Further, Reader, StoreAccess, StoreError, StoreIdentity, Tip,
};
pub(super) use ring::{BATCH, Events, Packets, Piece, Wants, event};
use ring::{Event, Ring};

/// How often to look for new alerts.
const TICK: Duration = Duration::from_millis(100);

/// How long to wait before a store that can't be used is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The state of the store, as far as the feed has read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Counts the stores that were at the path, and how often one lost alerts that were new.
    pub(super) generation: u64,
    /// Which store it is; `None` before the first was read.
    pub(super) store: Option<StoreIdentity>,
    /// Where a stream begins that was in another store.
    pub(super) begin: i64,
    /// The alerts up to this id are still those that were sent before this generation.
    pub(super) kept: i64,
    /// The id of the last alert that was read.
    pub(super) last: i64,
    /// Why the store can't be read now, as JSON.
    pub(super) problem: Option<Arc<str>>,
}

/// New alerts.
pub(super) struct Feed {
    ring: Mutex<Ring>,
    /// The last alert that was read.
    tip: Mutex<Option<Tip>>,
    head: watch::Sender<Head>,
    listeners: Listeners,
}

/// How many streams there are of some kinds.
#[derive(Default)]
struct Listeners {
    with_packets: AtomicUsize,
    without_packets: AtomicUsize,
    /// Those that get all alerts.
    complete: AtomicUsize,
}

/// A stream that is open; it is one no more once this is dropped.
pub(super) struct Listener {
    feed: Arc<Feed>,
    wants: Wants,
}

impl Feed {
    fn new() -> Self {
        let (ring, tip, head, listeners) = Default::default();
        Self { ring, tip, head, listeners }
    }

    /// Reads the store on a thread of its own, until the result is dropped.
    pub(super) fn start(store: &Path) -> io::Result<(Arc<Self>, JoinHandle<()>)> {
        let feed = Arc::new(Self::new());
        let (follower, path) = (Arc::downgrade(&feed), store.to_owned());
        let thread = thread::Builder::new().name("web-feed".to_owned());
        let thread = thread.spawn(move || follow(&follower, &path))?;
        Ok((feed, thread))
    }

    /// The state of the store, and its changes.
    pub(super) fn subscribe(&self) -> watch::Receiver<Head> {
        self.head.subscribe()
    }

    /// The id of the last alert that was read; `None` before the store was.
    pub(super) fn last(&self) -> Option<i64> {
        let head = self.head.borrow();
        head.store.map(|_| head.last)
    }

    /// Counts a stream, for which alerts are read then.
    pub(super) fn listen(self: &Arc<Self>, wants: Wants) -> Listener {
        for count in self.listeners.of(wants) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        Listener { feed: Arc::clone(self), wants }
    }

    /// The events of a store after an id; `None` if they are not remembered.
    pub(super) fn since(&self, store: StoreIdentity, id: i64, wants: Wants) -> Option<Events> {
        self.ring().since(store, id, wants)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is new.
    fn read(&self, access: &mut StoreAccess) -> Result<(), StoreError> {
        let AccessedStore { reader, identity: store, is_reopened } = access.store()?;
        let last = reader.last()?;
        let kept = self.kept(reader, (store, last), is_reopened);
        if let Some(kept) = kept {
            let first = match reader.first() {
                Ok(first) => first.unwrap_or_else(|| last.saturating_add(1)),
                // Where it can't be read, as if it had all.
                Err(_) => 1,
            };
            self.begin(store, (first, last), kept);
        }
        let position = self.ring().last;
        if last <= position {
            if kept.is_some() {
                *self.tip() = Tip::of(reader, position);
            }
            return Ok(());
        }
        if self.head.receiver_count() == 0 {
            *self.ring() = Ring::empty(store, last);
        } else {
            let position = self.first_to_read(store, position, last);
            let mut events = Vec::new();
            let has = |count: &AtomicUsize| count.load(Ordering::Relaxed) > 0;
            let Listeners { with_packets, without_packets, .. } = &self.listeners;
            let read = reader.after(position, &Criteria::default(), |stored| {
                events.push(Event::new(&stored, store, (has(with_packets), has(without_packets))));
                if events.len() < BATCH { Further::On } else { Further::Enough }
            })?;
            let last = if events.len() < BATCH { Some(read) } else { None };
            self.ring().add(events, last);
        }
        let last = self.ring().last;
        *self.tip() = Tip::of(reader, last);
        self.head.send_if_modified(|head| std::mem::replace(&mut head.last, last) != last);
        Ok(())
    }

    /// If what comes is not the continuation of what was read: up to which alert that is still what is stored.
    ///
    /// A backup has the identity of the store. Whoever writes goes on in it with the next number, so it has the
    /// latest number as well; but not the alerts between the backup and that.
    fn kept(
        &self,
        reader: &mut Reader,
        (store, last): (StoreIdentity, i64),
        is_reopened: bool,
    ) -> Option<i64> {
        let (read_store, read) = {
            let ring = self.ring();
            (ring.store, ring.last)
        };
        if read_store != Some(store) || last < read {
            return Some(last);
        }
        if is_reopened && self.tip().as_ref().is_some_and(|tip| tip.is_gone(reader)) {
            return Some(0);
        }
        let next = if last > read { reader.next_id(read) } else { return None };
        // Where it can't be read, there may be any.
        next.is_ok_and(|next| next != Some(read + 1)).then_some(0)
    }

    fn tip(&self) -> MutexGuard<'_, Option<Tip>> {
        self.tip.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The alert after which to read: of a flood only the newest, if no stream gets all.
    fn first_to_read(&self, store: StoreIdentity, position: i64, last: i64) -> i64 {
        let newest = last.saturating_sub(i64::try_from(BATCH).unwrap_or(i64::MAX));
        if newest <= position || self.listeners.complete.load(Ordering::Relaxed) > 0 {
            return position;
        }
        *self.ring() = Ring::empty(store, newest);
        newest
    }

    /// Another store is there, or this one without alerts that were new: a backup was put back.
    fn begin(&self, store: StoreIdentity, (oldest, newest): (i64, i64), kept: i64) {
        let before = self.head.borrow().store;
        // The whole of a store that has just begun, whose numbers may go on from another; only what is new, of one with
        // old alerts.
        let is_new = before.is_some_and(|before| before != store)
            && usize::try_from(newest - oldest).is_ok_and(|others| others < ring::REMEMBERED);
        let begin = if is_new { oldest - 1 } else { newest };
        *self.ring() = Ring::empty(store, begin);
        let store = Some(store);
        self.head.send_modify(|head| {
            let generation = head.generation + 1;
            *head = Head { generation, store, begin, kept, last: begin, problem: None };
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

impl Listeners {
    fn of(&self, wants: Wants) -> impl Iterator<Item = &AtomicUsize> {
        let of_packets = match wants.packets {
            Packets::Written => &self.with_packets,
            Packets::Omitted => &self.without_packets,
        };
        let complete = wants.newest.is_none().then_some(&self.complete);
        std::iter::once(of_packets).chain(complete)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        for count in self.feed.listeners.of(self.wants) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
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

    use pigear_alert::wire::{Decoded, Dialect};
    use pigear_alert::{Alert, AlertMessage};
    use pigear_pipeline::Handler;
    use tempfile::TempDir;

    use super::*;
    use crate::store::{Store, StoreOpener, Unstorable, WhenDiskFull};

    #[test]
    fn another_store_is_seen_also_if_it_could_not_be_read_at_first() {
        let dir = TempDir::new().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["a.db", "b.db"] {
            drop(StoreOpener::open(&at(name), WhenDiskFull::Fail).unwrap());
        }
        let feed = Feed::new();
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

    fn alert() -> Arc<Alert> {
        let decoded = Decoded::new(AlertMessage::default(), Dialect::Snort29);
        Arc::new(Alert::new(decoded, Arc::default(), Arc::default()))
    }

    /// What a writer does between two looks of the feed.
    #[test]
    fn a_backup_whose_numbers_have_gone_on_is_not_taken_for_the_store() {
        let dir = TempDir::new().unwrap();
        let [path, old, backup] = ["a.db", "old.db", "b.db"].map(|name| dir.path().join(name));
        let store = Store::open(&path).unwrap();
        let mut handler = store.handler(Unstorable::HandOn);
        handler.handle(&[alert()]).unwrap();
        let copy = rusqlite::Connection::open(&path).unwrap();
        copy.execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
        drop(copy);
        // Whether the feed has read all of it, or not the last.
        for more in [2, 1] {
            let (feed, mut access) = (Feed::new(), StoreAccess::new(path.clone()));
            handler.handle(&[alert(), alert()]).unwrap();
            feed.read(&mut access).unwrap();
            if more == 1 {
                handler.handle(&[alert()]).unwrap();
            }
            let before = feed.head.borrow().clone();
            fs::rename(&path, &old).unwrap();
            fs::copy(&backup, &path).unwrap();
            handler.handle(&[alert()]).unwrap();
            feed.read(&mut access).unwrap();
            let now = feed.head.borrow().clone();
            assert_eq!(now.store, before.store);
            assert_eq!((now.generation, now.kept), (before.generation + 1, 0));
            // Once is enough.
            handler.handle(&[alert()]).unwrap();
            feed.read(&mut access).unwrap();
            assert_eq!(feed.head.borrow().generation, now.generation);
            assert_eq!(feed.head.borrow().last, now.last + 1);
        }
    }

    #[test]
    fn a_gap_where_a_file_was_away_is_seen() {
        let dir = TempDir::new().unwrap();
        let [path, away] = ["a.db", "away.db"].map(|name| dir.path().join(name));
        let store = Store::open(&path).unwrap();
        let mut handler = store.handler(Unstorable::HandOn);
        handler.handle(&[alert()]).unwrap();
        let (feed, mut access) = (Feed::new(), StoreAccess::new(path.clone()));
        feed.read(&mut access).unwrap();
        let before = feed.head.borrow().clone();
        fs::rename(&path, &away).unwrap();
        handler.handle(&[alert()]).unwrap();
        fs::rename(&away, &path).unwrap();
        handler.handle(&[alert()]).unwrap();
        feed.read(&mut access).unwrap();
        let now = feed.head.borrow().clone();
        assert_eq!(now.store, before.store);
        assert_eq!((now.generation, now.kept), (before.generation + 1, 0));
    }

    #[test]
    fn all_of_a_new_file_is_new_however_high_its_numbers_are() {
        let dir = TempDir::new().unwrap();
        let [path, away] = ["a.db", "away.db"].map(|name| dir.path().join(name));
        let store = Store::open(&path).unwrap();
        let mut handler = store.handler(Unstorable::HandOn);
        let alert = alert();
        let many = ring::REMEMBERED + 1;
        handler.handle(&vec![Arc::clone(&alert); many]).unwrap();
        let (feed, mut access) = (Feed::new(), StoreAccess::new(path.clone()));
        feed.read(&mut access).unwrap();
        fs::rename(&path, &away).unwrap();
        handler.handle(&vec![alert; 3]).unwrap();
        feed.read(&mut access).unwrap();
        assert_eq!(feed.head.borrow().begin, i64::try_from(many).unwrap());
        assert_eq!(feed.head.borrow().kept, i64::try_from(many + 3).unwrap());
    }
}
