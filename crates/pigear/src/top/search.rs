//! Looks for the newest alerts that were stored before.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::entry::Entry;
use super::list::MAX_ENTRIES;
use super::message::{Message, OlderUpdate};
use super::outbox::{Closed, Outbox};
use super::rate::WINDOW;
use super::wanted::Wanted;
use crate::store::{FilterFailure, Further, Reader, StoreIdentity};

/// How often to show what was found so far.
const PARTIAL: Duration = Duration::from_millis(300);

/// The most alerts that are counted for the rates: in a flood, they are right after a minute.
const MAX_COUNTED: usize = 50_000;

/// Looks for the newest alerts that were stored before. With a filter that hardly any alert meets, all of a
/// large store is looked at: so this has a thread of its own.
pub(super) struct Search {
    pub(super) path: PathBuf,
    /// The store that is shown: another may be there now.
    pub(super) store: StoreIdentity,
    pub(super) wanted: Wanted,
    /// The newest alert to look at.
    pub(super) last: i64,
    /// Whether alerts of the last minute are counted for the rates.
    pub(super) counts: bool,
    pub(super) number: SearchNumber,
    pub(super) outbox: Outbox,
}

/// The number of a search, which ends when there is a newer one.
#[derive(Clone, Debug, Default)]
pub(super) struct SearchNumber {
    pub(super) number: u64,
    newest: Arc<AtomicU64>,
}

impl SearchNumber {
    /// The next one.
    pub(super) fn next(&self) -> Self {
        let number = self.number + 1;
        self.newest.store(number, Ordering::SeqCst);
        Self { number, newest: Arc::clone(&self.newest) }
    }

    fn is_over(&self) -> bool {
        self.newest.load(Ordering::SeqCst) != self.number
    }
}

impl Search {
    /// # Errors
    /// If the system allows no more threads.
    pub(super) fn start(self) -> io::Result<()> {
        let work = move || {
            let _watch = self.outbox.watch();
            // Without a receiver the program ends anyway.
            let _ = self.run();
        };
        thread::Builder::new().name("search".to_owned()).spawn(work).map(drop)
    }

    /// Sends what is found.
    pub(super) fn run(&self) -> Result<(), Closed> {
        let since = if self.counts { Timestamp::now().as_second() - WINDOW } else { i64::MAX };
        let (mut found, mut visited, mut sent) = (Found::default(), 0, Instant::now());
        let (mut closed, mut ended_early, mut are_last) = (Ok(()), false, false);
        // The criteria were checked before they were ordered.
        if let Ok(criteria) = self.wanted.criteria()
            && let Ok(mut reader) = Reader::open(&self.path)
            && reader.identity().is_ok_and(|store| store == self.store)
        {
            let number = self.number.clone();
            reader.interrupt_while(move || number.is_over());
            // The thread that follows the store says what is wrong with it.
            let read = reader.newest_before(self.last.saturating_add(1), &criteria, |stored| {
                let second = stored.alert.received.as_second();
                if second > since {
                    *found.received.entry(second).or_default() += 1;
                }
                if visited < MAX_ENTRIES {
                    found.entries.push(Entry::of(&stored));
                }
                visited += 1;
                found.failures = criteria.filter_failure();
                if sent.elapsed() > PARTIAL && !self.outbox.is_full() {
                    sent = Instant::now();
                    closed = self.send(&mut found, (false, false));
                }
                let is_enough = visited >= MAX_ENTRIES && second <= since;
                if is_enough || visited >= MAX_COUNTED || closed.is_err() || self.number.is_over() {
                    ended_early = true;
                    Further::Enough
                } else {
                    Further::On
                }
            });
            found.failures = criteria.filter_failure();
            are_last = read.is_ok() && !ended_early && visited <= MAX_ENTRIES;
        }
        closed?;
        self.send(&mut found, (true, are_last))
    }

    fn send(&self, found: &mut Found, (is_done, are_last): (bool, bool)) -> Result<(), Closed> {
        let Found { entries, received, failures } = std::mem::take(found);
        let (search, received) = (self.number.number, received.into_iter().collect());
        let update = OlderUpdate { search, entries, received, failures, is_done, are_last };
        self.outbox.send(Message::Older(Box::new(update)))
    }
}

/// What was found since it was last sent.
#[derive(Default)]
struct Found {
    /// Newest first.
    entries: Vec<Entry>,
    /// How many were received in which second.
    received: BTreeMap<i64, u64>,
    failures: Option<FilterFailure>,
}
