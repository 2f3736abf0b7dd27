//! The live streams that are open: how many there may be, and what became of others.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use axum::http::StatusCode;

use super::problem::Problem;
use super::visitor::{Party, Visitor};

/// The most live streams.
const MOST: usize = 256;

/// The most of an address, other than loopback without a known server in between.
const MOST_OF_ADDRESS: usize = 32;

/// The most of a user, or of a session with the token.
const MOST_OF_LOGIN: usize = 16;

/// The live streams of a server.
#[derive(Default)]
pub(super) struct Streams {
    open: Mutex<Open>,
    refused: AtomicU64,
    stalled: AtomicU64,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_party: HashMap<Party, usize>,
}

/// The place of a live stream; it is free again once this is dropped.
pub(super) struct StreamPlace {
    streams: Arc<Streams>,
    parties: Vec<Party>,
}

/// How many streams there are, and how many there were of some kinds.
pub(crate) struct StreamCounts {
    pub(crate) open: usize,
    pub(crate) refused: u64,
    pub(crate) stalled: u64,
}

/// The live streams of the servers of a program: handlers are created before there is a server.
#[derive(Clone, Default)]
pub(crate) struct SharedStreams(Arc<Mutex<Vec<Weak<Streams>>>>);

impl SharedStreams {
    /// The streams of a new server.
    pub(super) fn of_server(&self) -> Arc<Streams> {
        let streams = Arc::new(Streams::default());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|streams| streams.strong_count() > 0);
        all.push(Arc::downgrade(&streams));
        streams
    }

    /// How many there are, and were; `None` if there is no server.
    #[cfg(feature = "metrics")]
    pub(crate) fn counts(&self) -> Option<StreamCounts> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = all.iter().filter_map(|streams| Some(streams.upgrade()?.counts()));
        counts.reduce(|sum, counts| StreamCounts {
            open: sum.open + counts.open,
            refused: sum.refused + counts.refused,
            stalled: sum.stalled + counts.stalled,
        })
    }
}

impl Streams {
    /// A place for another stream of a visitor.
    pub(super) fn open(self: &Arc<Self>, visitor: &Visitor) -> Result<StreamPlace, Problem> {
        let place = self.try_open(visitor);
        if place.is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        place
    }

    fn try_open(self: &Arc<Self>, visitor: &Visitor) -> Result<StreamPlace, Problem> {
        let mut open = self.lock();
        if open.all >= MOST {
            let detail = format!("{MOST} live streams are open; close one");
            let busy = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail);
            return Err(busy.retry_after(5));
        }
        let limits = [
            (visitor.login(), MOST_OF_LOGIN, "login"),
            (visitor.address(), MOST_OF_ADDRESS, "address"),
        ];
        let mut parties = Vec::with_capacity(limits.len());
        for (party, most, of) in limits {
            let Some(party) = party else { continue };
            if open.by_party.get(&party).is_some_and(|count| *count >= most) {
                let detail = format!("this {of} has {most} live streams; close one");
                let many = Problem::new(StatusCode::TOO_MANY_REQUESTS, "streams", detail);
                return Err(many.retry_after(5));
            }
            parties.push(party);
        }
        open.all += 1;
        for party in &parties {
            *open.by_party.entry(party.clone()).or_default() += 1;
        }
        Ok(StreamPlace { streams: Arc::clone(self), parties })
    }

    /// A stream was ended, because its client took nothing.
    pub(super) fn has_stalled(&self) {
        self.stalled.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> StreamCounts {
        StreamCounts {
            open: self.lock().all,
            refused: self.refused.load(Ordering::Relaxed),
            stalled: self.stalled.load(Ordering::Relaxed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut open = self.streams.lock();
        open.all -= 1;
        for party in &self.parties {
            if let Some(count) = open.by_party.get_mut(party) {
                *count -= 1;
                if *count == 0 {
                    open.by_party.remove(party);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn an_address_may_have_some_streams_and_all_of_them_are_limited() {
        let streams = Arc::new(Streams::default());
        let visitor = |last| Visitor::new(IpAddr::from([192, 0, 2, last]), false);
        let mut places: Vec<_> =
            (0..MOST_OF_ADDRESS).map(|_| streams.open(&visitor(1)).ok().unwrap()).collect();
        assert!(streams.open(&visitor(1)).is_err());
        places.push(streams.open(&visitor(2)).ok().unwrap());
        places.remove(0);
        places.push(streams.open(&visitor(1)).ok().unwrap());
        let local = Visitor::new(IpAddr::from([127, 0, 0, 1]), true);
        while let Ok(place) = streams.open(&local) {
            places.push(place);
        }
        let counts = streams.counts();
        assert_eq!((places.len(), counts.open, counts.refused), (MOST, MOST, 2));
        drop(places);
        assert!(streams.lock().by_party.is_empty());
    }
}
