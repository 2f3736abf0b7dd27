//! Alerts that were given back to the server, until all of them have come again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// For how long the rest of them is waited for. Some may be gone from the stream.
const PATIENCE: Duration = Duration::from_secs(3);

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
}

impl<T> Returning<T> {
    pub(super) fn new(count: usize, last: u64) -> Self {
        Self { count, last, come: BTreeMap::new(), until: Instant::now() + PATIENCE }
    }

    /// What can be taken of these messages and those before them, in order. Each is given with its place.
    pub(super) fn in_order(&mut self, messages: Vec<(u64, T)>) -> Vec<T> {
        if self.count == 0 {
            return messages.into_iter().map(|(_, message)| message).collect();
        }
        self.come.extend(messages);
        let is_behind = self.come.last_key_value().is_some_and(|(place, _)| *place > self.last);
        if self.come.len() < self.count && !is_behind && Instant::now() < self.until {
            return Vec::new();
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

    const NONE: [u64; 0] = [];

    fn placed(places: &[u64]) -> Vec<(u64, u64)> {
        places.iter().map(|place| (*place, *place)).collect()
    }

    #[test]
    fn what_was_given_back_is_taken_in_order_once_all_of_it_has_come() {
        let mut returning = Returning::new(4, 9);
        assert_eq!(returning.in_order(placed(&[9, 3])), NONE);
        assert_eq!(returning.in_order(placed(&[3, 5])), NONE);
        assert_eq!(returning.in_order(placed(&[7])), [3, 5, 7, 9]);
        assert_eq!(returning.in_order(placed(&[12, 10])), [12, 10]);
    }

    #[test]
    fn what_comes_behind_shows_that_the_rest_is_gone() {
        let mut returning = Returning::new(4, 9);
        assert_eq!(returning.in_order(placed(&[9, 3])), NONE);
        assert_eq!(returning.in_order(placed(&[10])), [3, 9, 10]);
        assert_eq!(Returning::new(0, 9).in_order(placed(&[9, 3])), [9, 3]);
    }

    #[test]
    fn the_rest_is_waited_for_no_longer_than_that() {
        let mut returning = Returning { until: Instant::now(), ..Returning::new(4, 9) };
        assert_eq!(returning.in_order(placed(&[9, 3])), [3, 9]);
    }
}
