//! Clocks that are wrong, and removal by age.

use super::clock::Clock;
use super::keeping::{is_consistent, keep_days, many, put_before, tidy_at};
use super::*;

const DAY: i64 = 24 * 60 * 60;

/// The clock, so many days from now; so many of these have passed.
fn later(days: i64, passed: i64) -> Clock {
    let now = Clock::now();
    let passed = Duration::from_secs(u64::try_from(passed * DAY).unwrap());
    Clock { wall: now.wall + days * DAY, running: now.running + passed }
}

fn kept(place: &Place) -> usize {
    found(&mut place.reader(), &Criteria::default()).len()
}

#[test]
fn a_clock_that_jumps_by_years_removes_nothing() {
    let all = many();
    let (place, store) = Place::with(&all);
    tidy_at(&store, keep_days(7), later(0, 0));
    for days in [3_650, 100, 30] {
        tidy_at(&store, keep_days(7), later(days, 0));
        assert_eq!(kept(&place), all.len(), "{days}");
    }
    // What comes meanwhile makes the others no older.
    put_before(&store, &[&*all, &*all].concat(), -3_650);
    tidy_at(&store, keep_days(7), later(3_650, 0));
    assert_eq!(kept(&place), 3 * all.len());
    // Nor does a new start.
    drop(store);
    let store = place.open();
    tidy_at(&store, keep_days(7), later(3_650, 0));
    assert_eq!(kept(&place), 3 * all.len());
    // Once the clock is right it goes on as before: all is new.
    tidy_at(&store, keep_days(7), later(1, 1));
    assert_eq!(kept(&place), 3 * all.len());
    // And old at last, also what was received while the clock was ahead.
    put(&store, &all);
    for day in 2..40 {
        tidy_at(&store, keep_days(7), later(day, day));
    }
    assert!(kept(&place) <= 64, "{}", kept(&place));
    is_consistent(&place.path());
}

#[test]
fn dead_letters_are_not_removed_by_a_clock_that_jumps_either() {
    let alerts = many();
    let (place, store) = Place::with(&alerts);
    let refused = vec![refusal(&alerts[0], "no")];
    store
        .0
        .writer
        .lock()
        .note("http", done_up_to(6_400), &SettledRanges::default(), &refused.into())
        .unwrap();
    let letters = || place.reader().dead_letters(None, 10).unwrap().len();
    tidy_at(&store, keep_days(7), later(3_650, 0));
    assert_eq!(letters(), 1);
    tidy_at(&store, keep_days(7), later(8, 8));
    assert_eq!(letters(), 0);
}

#[test]
fn who_says_that_the_clock_is_right_has_it_his_way() {
    let (place, store) = Place::with(&many());
    tidy_at(&store, keep_days(7), later(0, 0));
    let trusting = RetentionPolicy { trust_clock: true, ..keep_days(7) };
    tidy_at(&store, trusting, later(3_650, 0));
    assert!(kept(&place) <= 64);
}

#[test]
fn a_store_that_nobody_wrote_to_for_long_is_not_emptied_at_once() {
    let (all, place) = (many(), Place::new());
    let store = place.open();
    put_before(&store, &all, 30);
    tidy_at(&store, keep_days(7), later(0, 0));
    assert_eq!(kept(&place), all.len());
}

#[test]
fn what_is_less_than_half_is_removed_after_a_pause() {
    let all = many();
    let place = Place::new();
    let store = place.open();
    put_before(&store, &all[..640], 10);
    put_before(&store, &all, 5);
    tidy_at(&store, keep_days(7), later(0, 0));
    assert!(kept(&place) <= all.len() + 64, "{}", kept(&place));
}
