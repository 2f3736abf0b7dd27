//! Alerts that were given back to the server, until all of them have come again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long the rest of them is waited for. Some may be gone from the stream.
const RETURN_TIMEOUT: Duration = Duration::from_secs(3);

/// What was given back, and has come again so far: by its place in the stream.
///
/// The server delivers it in the order in which it learns that it was not delivered. What was on its way when a
/// connection ended, it noticed itself, and delivers that first, though older alerts were given back.
pub(super) struct Returning<T> {
    /// How many were given back, and where the last of them is.
    count: usize,
    last: u64,
    come: BTreeMap<u64, T>,
    until: Instant,
    /// How many at most may have been removed from the stream, and how many were.
    removable: u64,
    removed: u64,
}

impl<T> Returning<T> {
    pub(super) fn new(count: usize, last: u64) -> Self {
        let (come, until) = (BTreeMap::new(), Instant::now() + RETURN_TIMEOUT);
        Self { count, last, come, until, removable: 0, removed: 0 }
    }

    /// The stream may lack this many of them.
    pub(super) fn without(self, removable: u64) -> Self {
        Self { removable, ..self }
    }

    /// How many the stream doesn't have any more, since the last call.
    pub(super) fn take_removed(&mut self) -> u64 {
        std::mem::take(&mut self.removed)
    }

    /// What can be taken of these messages and those before them, in the order of their places.
    pub(super) fn in_order(&mut self, messages: Vec<T>, place: impl Fn(&T) -> u64) -> Vec<T> {
        if self.count == 0 {
            return messages;
        }
        self.come.extend(messages.into_iter().map(|message| (place(&message), message)));
        let is_behind = self.come.last_key_value().is_some_and(|(place, _)| *place > self.last);
        if self.come.len() < self.count && !is_behind && Instant::now() < self.until {
            return Vec::new();
        }
        if is_behind {
            let come = self.come.range(..=self.last).count();
            let missing = self.count.saturating_sub(come) as u64;
            self.removed += missing.min(self.removable);
        }
        self.count = 0;
        self.rest()
    }

    /// Those that could not be taken yet.
    pub(super) fn rest(&mut self) -> Vec<T> {
        std::mem::take(&mut self.come).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(returning: &mut Returning<u64>, come: &[u64]) -> Vec<u64> {
        returning.in_order(come.to_vec(), |place| *place)
    }

    #[test]
    fn what_was_given_back_is_taken_in_order_once_all_of_it_has_come() {
        let mut returning = Returning::new(4, 9);
        assert!(taken(&mut returning, &[9, 3]).is_empty());
        assert!(taken(&mut returning, &[3, 5]).is_empty());
        assert_eq!(taken(&mut returning, &[7]), [3, 5, 7, 9]);
        assert_eq!(taken(&mut returning, &[12, 10]), [12, 10]);
    }

    #[test]
    fn what_comes_behind_shows_that_the_rest_is_gone() {
        let mut returning = Returning::new(4, 9);
        assert!(taken(&mut returning, &[9, 3]).is_empty());
        assert_eq!(taken(&mut returning, &[10]), [3, 9, 10]);
        assert_eq!(returning.take_removed(), 0);
        let mut returning = Returning::new(4, 9).without(2);
        assert_eq!((taken(&mut returning, &[9, 10]), returning.take_removed()), (vec![9, 10], 2));
        assert_eq!(taken(&mut Returning::new(0, 9), &[9, 3]), [9, 3]);
    }

    #[test]
    fn the_rest_is_waited_for_no_longer_than_that() {
        let mut returning = Returning { until: Instant::now(), ..Returning::new(4, 9) };
        assert_eq!(taken(&mut returning, &[9, 3]), [3, 9]);
    }
}
