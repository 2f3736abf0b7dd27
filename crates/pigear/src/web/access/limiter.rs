//! Limits how often someone may try to log in.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

use crate::web::visitor::network;

/// How many wrong logins an address or a user has within the time.
const MOST: usize = 5;

/// The time in which they are counted.
const WITHIN: Duration = Duration::from_secs(60);

/// How many addresses and users are remembered; those with the oldest logins are forgotten.
const COUNTED: usize = 10_000;

/// How many lines are logged within the time.
const LINES: u32 = 10;

/// What wrong logins are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Counted {
    /// An address, or the network of one.
    Address(IpAddr),
    /// The digest of a user's name, behind an address that may be that of many people.
    User(u64),
}

/// Where a login comes from.
#[derive(Clone, Copy, Debug)]
pub(in crate::web) struct Origin<'a> {
    pub(in crate::web) peer: IpAddr,
    /// The user's name, if the address may be that of many people.
    pub(in crate::web) user: Option<&'a str>,
}

/// Wrong logins by address, or by user.
#[derive(Default)]
pub(super) struct Limiter {
    failures: Mutex<HashMap<Counted, Vec<Instant>>>,
    lines: Mutex<Lines>,
    names: RandomState,
}

/// What was logged lately, so that many wrong logins don't flood the log.
#[derive(Default)]
struct Lines {
    since: Option<Instant>,
    logged: u32,
    unlogged: u64,
}

impl Lines {
    /// Whether another line may be logged; then with how many were left out before it.
    fn next(&mut self, now: Instant) -> Option<u64> {
        if self.since.is_none_or(|since| now.duration_since(since) >= WITHIN) {
            (self.since, self.logged) = (Some(now), 0);
        }
        if self.logged == LINES {
            self.unlogged += 1;
            return None;
        }
        self.logged += 1;
        Some(std::mem::take(&mut self.unlogged))
    }
}

impl Limiter {
    /// How many seconds someone has to wait before another try.
    pub(super) fn wait(&self, peer: Origin) -> Option<u64> {
        self.wait_at(peer, Instant::now())
    }

    fn wait_at(&self, peer: Origin, now: Instant) -> Option<u64> {
        let failures = self.failures();
        let recent = failures.get(&self.counted(peer)).into_iter().flatten();
        let recent: Vec<_> = recent.filter(|time| now.duration_since(**time) < WITHIN).collect();
        let oldest = recent.len().checked_sub(MOST).and_then(|first| recent.get(first))?;
        Some(WITHIN.saturating_sub(now.duration_since(**oldest)).as_secs() + 1)
    }

    /// A login was wrong.
    pub(super) fn failed(&self, peer: Origin) {
        self.failed_at(peer, Instant::now());
    }

    fn failed_at(&self, peer: Origin, now: Instant) {
        let mut failures = self.failures();
        if failures.len() >= COUNTED {
            failures
                .retain(|_, times| times.last().is_some_and(|it| now.duration_since(*it) < WITHIN));
        }
        if failures.len() >= COUNTED {
            let oldest = failures.iter().min_by_key(|(_, times)| times.last().copied());
            let oldest = oldest.map(|(peer, _)| *peer);
            oldest.and_then(|peer| failures.remove(&peer));
        }
        let times = failures.entry(self.counted(peer)).or_default();
        times.retain(|time| now.duration_since(*time) < WITHIN);
        times.push(now);
    }

    /// Logs that an address or a user is limited from now on, if it is.
    pub(super) fn log(&self, peer: Origin) {
        let now = Instant::now();
        if self.wait_at(peer, now).is_none() {
            return;
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(unlogged) = lines.next(now) else { return };
        let more = if unlogged > 0 { format!("; {unlogged} more before") } else { String::new() };
        let of = if peer.user.is_some() { " of one user" } else { "" };
        let peer = peer.peer;
        warn!("{MOST} wrong logins{of} from {peer} within a minute: more are refused{more}");
    }

    /// The login that was counted last was right. Those that were wrong still count: an address may be that of
    /// several people.
    pub(super) fn succeeded(&self, peer: Origin) {
        if let Some(times) = self.failures().get_mut(&self.counted(peer)) {
            times.pop();
        }
    }

    fn counted(&self, peer: Origin) -> Counted {
        match peer.user {
            Some(name) => Counted::User(self.names.hash_one(name)),
            None => Counted::Address(network(peer.peer)),
        }
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<Counted, Vec<Instant>>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Origin<'static> {
        Origin { peer: text.parse().unwrap(), user: None }
    }

    #[test]
    fn wrong_logins_are_limited_by_address_until_some_time_passed() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        let peer = address("2001:db8::1");
        for _ in 0..MOST {
            assert_eq!(limiter.wait_at(peer, start), None);
            limiter.failed_at(peer, start);
        }
        let neighbour = address("2001:db8::2");
        assert_eq!(limiter.wait_at(neighbour, start), Some(61));
        assert_eq!(limiter.wait_at(address("2001:db8:1::1"), start), None);
        assert_eq!(limiter.wait_at(peer, start + WITHIN), None);
        limiter.succeeded(peer);
        assert_eq!(limiter.wait_at(peer, start), None);
        limiter.failed_at(peer, start);
        assert_eq!(limiter.wait_at(peer, start), Some(61));
    }

    #[test]
    fn behind_an_address_of_many_people_users_are_limited_by_their_names() {
        let (limiter, now) = (Limiter::default(), Instant::now());
        let local = |user| Origin { user, ..address("127.0.0.1") };
        for _ in 0..MOST {
            limiter.failed_at(local(Some("ann")), now);
        }
        assert_eq!(limiter.wait_at(local(Some("ann")), now), Some(61));
        assert_eq!(limiter.wait_at(local(Some("bob")), now), None);
        assert_eq!(limiter.wait_at(local(None), now), None);
    }

    #[test]
    fn many_addresses_with_wrong_logins_do_not_flood_the_log() {
        let (mut lines, start) = (Lines::default(), Instant::now());
        let logged = (0..1_000).filter_map(|_| lines.next(start)).count();
        assert_eq!(logged, 10);
        assert_eq!(lines.next(start + WITHIN), Some(990));
        assert_eq!(lines.next(start + WITHIN), Some(0));
    }

    #[test]
    fn the_memory_of_addresses_is_bounded() {
        let (limiter, now) = (Limiter::default(), Instant::now());
        for n in 0..u32::try_from(COUNTED).unwrap() + 5 {
            limiter.failed_at(Origin { peer: IpAddr::V4(n.into()), user: None }, now);
        }
        assert!(limiter.failures().len() <= COUNTED);
    }
}
