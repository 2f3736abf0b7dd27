//! Limits how often someone may try to log in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

use crate::web::visitor::network;

/// How many wrong logins an address has within the time.
const MOST: usize = 5;

/// The time in which they are counted.
const WITHIN: Duration = Duration::from_secs(60);

/// How many addresses are remembered; those with the oldest logins are forgotten.
const ADDRESSES: usize = 10_000;

/// How many lines are logged within the time.
const LINES: u32 = 10;

/// Wrong logins by address.
#[derive(Default)]
pub(super) struct Limiter {
    failures: Mutex<HashMap<IpAddr, Vec<Instant>>>,
    lines: Mutex<Lines>,
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
    /// How many seconds an address has to wait before it may try again.
    pub(super) fn wait(&self, peer: IpAddr) -> Option<u64> {
        self.wait_at(peer, Instant::now())
    }

    fn wait_at(&self, peer: IpAddr, now: Instant) -> Option<u64> {
        let failures = self.failures();
        let recent = failures.get(&network(peer)).into_iter().flatten();
        let recent: Vec<_> = recent.filter(|time| now.duration_since(**time) < WITHIN).collect();
        let oldest = recent.len().checked_sub(MOST).and_then(|first| recent.get(first))?;
        Some(WITHIN.saturating_sub(now.duration_since(**oldest)).as_secs() + 1)
    }

    /// A login was wrong.
    pub(super) fn failed(&self, peer: IpAddr) {
        self.failed_at(peer, Instant::now());
    }

    fn failed_at(&self, peer: IpAddr, now: Instant) {
        let mut failures = self.failures();
        if failures.len() >= ADDRESSES {
            failures
                .retain(|_, times| times.last().is_some_and(|it| now.duration_since(*it) < WITHIN));
        }
        if failures.len() >= ADDRESSES {
            let oldest = failures.iter().min_by_key(|(_, times)| times.last().copied());
            let oldest = oldest.map(|(peer, _)| *peer);
            oldest.and_then(|peer| failures.remove(&peer));
        }
        let times = failures.entry(network(peer)).or_default();
        times.retain(|time| now.duration_since(*time) < WITHIN);
        times.push(now);
    }

    /// Logs that an address is limited from now on, if it is.
    pub(super) fn log(&self, peer: IpAddr) {
        let now = Instant::now();
        if self.wait_at(peer, now).is_none() {
            return;
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(unlogged) = lines.next(now) else { return };
        let more = if unlogged > 0 {
            format!("; {unlogged} more addresses before")
        } else {
            String::new()
        };
        warn!("{MOST} wrong logins from {peer} within a minute: more are refused{more}");
    }

    /// The login that was counted last was right. Those that were wrong still count: an address may be that of
    /// several people.
    pub(super) fn succeeded(&self, peer: IpAddr) {
        if let Some(times) = self.failures().get_mut(&network(peer)) {
            times.pop();
        }
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<IpAddr, Vec<Instant>>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_logins_are_limited_by_address_until_some_time_passed() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        let peer: IpAddr = "2001:db8::1".parse().unwrap();
        for _ in 0..MOST {
            assert_eq!(limiter.wait_at(peer, start), None);
            limiter.failed_at(peer, start);
        }
        let neighbour = "2001:db8::2".parse().unwrap();
        assert_eq!(limiter.wait_at(neighbour, start), Some(61));
        assert_eq!(limiter.wait_at("2001:db8:1::1".parse().unwrap(), start), None);
        assert_eq!(limiter.wait_at(peer, start + WITHIN), None);
        limiter.succeeded(peer);
        assert_eq!(limiter.wait_at(peer, start), None);
        limiter.failed_at(peer, start);
        assert_eq!(limiter.wait_at(peer, start), Some(61));
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
        for n in 0..u32::try_from(ADDRESSES).unwrap() + 5 {
            limiter.failed_at(IpAddr::V4(n.into()), now);
        }
        assert!(limiter.failures().len() <= ADDRESSES);
    }
}
