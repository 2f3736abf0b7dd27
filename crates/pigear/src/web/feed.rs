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
use crate::store::{Criteria, Further, Reader, StoreError};

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Counts the files that were where the store is.
    pub(super) generation: u64,
    /// Where a stream begins that was in another file.
    pub(super) begin: i64,
    /// The id of the last alert.
    pub(super) last: i64,
}

/// New alerts.
pub(super) struct Feed {
    ring: Mutex<Ring>,
    head: watch::Sender<Head>,
}

/// The last alerts: all with a higher id than `after`, up to `last`.
#[derive(Default)]
struct Ring {
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

    /// The events after an id, at most [`BATCH`]; `None` if they are not remembered.
    pub(super) fn since(&self, id: i64) -> Option<Events> {
        let ring = self.ring();
        if id < ring.after {
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
    fn read(&self, reader: &mut Reader) -> Result<(), StoreError> {
        let (last, position) = (reader.last()?, self.ring().last);
        if last <= position {
            return Ok(());
        }
        if self.head.receiver_count() == 0 {
            *self.ring() = Ring { after: last, last, events: VecDeque::new() };
        } else {
            let mut events = Vec::new();
            let read = reader.after(position, &Criteria::default(), |stored| {
                events.push((stored.id, event(&stored)));
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

    /// Another file is where the store is.
    fn begin(&self, reader: &Reader) -> Result<(), StoreError> {
        let last = reader.last()?;
        let is_first = self.head.borrow().generation == 0;
        // The whole of a store that has just begun; only what is new, of one with old alerts.
        let is_new = !is_first && usize::try_from(last).is_ok_and(|last| last <= REMEMBERED);
        let begin = if is_new { 0 } else { last };
        *self.ring() = Ring { after: begin, last: begin, events: VecDeque::new() };
        self.head.send_modify(|head| {
            *head = Head { generation: head.generation + 1, begin, last: begin };
        });
        Ok(())
    }
}

/// An alert as an event of a stream.
pub(super) fn event(stored: &crate::store::Stored) -> String {
    format!("id: {}\ndata: {}\n\n", stored.id, AlertObject::text(stored))
}

fn follow(feed: &Weak<Feed>, path: &Path) {
    let (mut reader, mut next_try) = (None::<Reader>, Instant::now());
    while let Some(feed) = feed.upgrade() {
        if reader.as_ref().is_some_and(Reader::is_stale) {
            reader = None;
        }
        if reader.is_none() && Instant::now() >= next_try {
            next_try = Instant::now() + RETRY;
            let opened = Reader::open_within(path, RETRY).and_then(|opened| {
                feed.begin(&opened)?;
                Ok(opened)
            });
            reader = opened.inspect_err(|error| debug!("no live alerts: {error}")).ok();
        }
        if let Some(open) = &mut reader
            && let Err(error) = feed.read(open)
        {
            debug!("no live alerts: {error}");
            // The same file, as a rule: streams go on where they were.
            next_try = Instant::now() + RETRY;
        }
        drop(feed);
        thread::sleep(TICK);
    }
}
