use std::time::Instant;

use pigear_pipeline::{Gather, Journal, LaneSettings, Next, Outcome};

use super::*;
use crate::config::Begin;

pub(super) const AT_ONCE: Gather = Gather { enough: 1, most: 10, delay: Duration::ZERO };

pub(super) fn lane(store: &Store, begin: Begin) -> LaneJournal {
    store.journal("test", begin, LaneSettings::default()).unwrap()
}

/// What comes next.
fn next_alerts(lane: &LaneJournal) -> Vec<Arc<Alert>> {
    match lane.next(AT_ONCE, Some(Instant::now())) {
        Next::Alerts(alerts) => alerts,
        _ => Vec::new(),
    }
}

/// The event ids that come next.
pub(super) fn next(lane: &LaneJournal) -> Vec<u32> {
    next_alerts(lane).iter().map(|alert| alert.message.event_id).collect()
}

/// All were taken, and one of them and those behind it are still in hand.
fn taken(lane: &LaneJournal, settled: usize, in_hand: &Arc<Alert>) {
    let in_hand = Some(Arc::clone(in_hand));
    lane.settle(&Outcome { settled, in_hand, ..Outcome::default() });
}

pub(super) fn done(lane: &LaneJournal, settled: usize) {
    lane.settle(&Outcome { settled, ..Outcome::default() });
}

pub(super) fn refused(lane: &LaneJournal, settled: usize, which: &[usize]) {
    let refused = which.iter().map(|n| (*n, format!("no {n}"))).collect();
    lane.settle(&Outcome { settled, refused, ..Outcome::default() });
}

/// Alerts with these event ids.
pub(super) fn numbered(ids: std::ops::Range<u32>) -> Vec<Arc<Alert>> {
    let one = case("v2919/http").swap_remove(0);
    let with = |id| {
        let mut alert = Alert::clone(&one);
        alert.message.event_id = id;
        Arc::new(alert)
    };
    ids.map(with).collect()
}

#[test]
fn a_new_lane_begins_now_or_with_the_oldest() {
    let (_place, store) = Place::with(&numbered(0..5));
    let (now, start) = (
        store.journal("now", Begin::Now, LaneSettings::default()).unwrap(),
        store.journal("start", Begin::Start, LaneSettings::default()).unwrap(),
    );
    put(&store, &numbered(5..7));
    assert_eq!((now.lag(), start.lag()), (2, 7));
    assert_eq!(next(&now), [5, 6]);
    assert_eq!(next(&start), [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn what_was_not_settled_comes_again_in_the_same_batch() {
    let (place, store) = Place::with(&numbered(0..5));
    let first = lane(&store, Begin::Start);
    assert_eq!(next(&first), [0, 1, 2, 3, 4]);
    drop(first);
    drop(store);
    // As after a crash; and more has come.
    let store = place.open();
    put(&store, &numbered(5..9));
    let second = lane(&store, Begin::Now);
    assert_eq!(next(&second), [0, 1, 2, 3, 4]);
    done(&second, 2);
    assert_eq!(second.lag(), 7);
    assert_eq!(next(&second), [2, 3, 4]);
    done(&second, 3);
    assert_eq!(next(&second), [5, 6, 7, 8]);
    done(&second, 4);
    assert_eq!((next(&second), second.lag()), (vec![], 0));
}

#[test]
fn what_was_refused_is_a_dead_letter_and_can_be_sent_again() {
    let (place, store) = Place::with(&numbered(0..5));
    let lane = lane(&store, Begin::Start);
    assert_eq!(next(&lane), [0, 1, 2, 3, 4]);
    refused(&lane, 5, &[1, 3]);
    let mut reader = place.reader();
    let letters = reader.dead_letters(None, 10).unwrap();
    let told: Vec<_> =
        letters.iter().map(|l| (&*l.lane, l.alert_id, &*l.reason, l.again)).collect();
    assert_eq!(told, [("test", 4, "no 3", false), ("test", 2, "no 1", false)]);
    assert_eq!(written(letters[1].alert().unwrap()), written(&reader.get(2).unwrap().unwrap()));

    assert_eq!(redeliver(&place.path(), Some("other")).unwrap().lanes, []);
    assert_eq!(redeliver(&place.path(), None).unwrap().lanes, [("test".to_owned(), 2)]);
    assert!(reader.dead_letters(None, 10).unwrap().iter().all(|letter| letter.again));
    let again = lane.next(AT_ONCE, None);
    let Next::Alerts(again) = again else { panic!("{again:?}") };
    let ids: Vec<_> = again.iter().map(|alert| alert.message.event_id).collect();
    assert_eq!(ids, [1, 3]);
    // One is refused again, the other taken.
    refused(&lane, 2, &[0]);
    let left = reader.dead_letters(Some("test"), 10).unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!((&*left[0].reason, left[0].again, left[0].alert_id), ("no 0", false, 2));
    assert_eq!(next(&lane), [0_u32; 0]);
}

#[test]
fn what_a_handler_has_in_hand_comes_again_after_a_crash() {
    let (place, store) = Place::with(&numbered(0..15));
    let first = lane(&store, Begin::Start);
    let alerts = next_alerts(&first);
    assert_eq!(alerts.len(), 10);
    taken(&first, 10, &alerts[3]);
    assert_eq!(first.lag(), 12);
    // Reading goes on behind what was taken.
    assert_eq!(next(&first), [10, 11, 12, 13, 14]);
    taken(&first, 5, &alerts[6]);
    assert_eq!(first.lag(), 9);
    // An older one doesn't take the mark back, nor one that was never stored.
    taken(&first, 0, &alerts[1]);
    taken(&first, 0, &numbered(99..100)[0]);
    assert_eq!(first.lag(), 9);
    drop(first);
    drop(store);
    let store = place.open();
    let second = lane(&store, Begin::Now);
    assert_eq!(next(&second), [6, 7, 8, 9, 10, 11, 12, 13, 14]);
    done(&second, 9);
    assert_eq!(second.lag(), 0);
}

#[test]
fn what_is_refused_later_is_a_dead_letter_too() {
    let (place, store) = Place::with(&numbered(0..5));
    let lane = lane(&store, Begin::Start);
    let alerts = next_alerts(&lane);
    taken(&lane, 5, &alerts[0]);
    let refused_later = vec![(Arc::clone(&alerts[2]), "no".to_owned())];
    lane.settle(&Outcome { refused_later, ..Outcome::default() });
    let letters = place.reader().dead_letters(None, 10).unwrap();
    assert_eq!((letters.len(), letters[0].alert_id, &*letters[0].reason), (1, 3, "no"));
    assert_eq!(lane.lag(), 0);
}

#[test]
fn dead_letters_are_kept_until_the_handler_has_nothing_of_them_in_hand() {
    let (place, store) = Place::with(&numbered(0..5));
    let lane = lane(&store, Begin::Start);
    assert_eq!(next(&lane).len(), 5);
    refused(&lane, 5, &[1, 3]);
    let left = || place.reader().dead_letters(None, 10).unwrap().len();
    redeliver(&place.path(), None).unwrap();
    let Next::Alerts(letters) = lane.next(AT_ONCE, None) else { panic!() };
    taken(&lane, 2, &letters[0]);
    assert_eq!((left(), next(&lane)), (2, vec![]));
    put(&store, &numbered(5..7));
    let alerts = next_alerts(&lane);
    taken(&lane, 2, &letters[1]);
    assert_eq!(left(), 2);
    taken(&lane, 0, &alerts[0]);
    assert_eq!(left(), 0);
}

#[test]
fn lanes_are_listed_and_dropped() {
    let (place, store) = Place::with(&numbered(0..5));
    let first = lane(&store, Begin::Start);
    let second = store.journal("other", Begin::Now, LaneSettings::default()).unwrap();
    assert_eq!(next(&first).len(), 5);
    refused(&first, 3, &[0]);
    let states = place.reader().lanes().unwrap();
    let told: Vec<_> = states.iter().map(|l| (&*l.name, l.lag, l.dead_letters)).collect();
    assert_eq!(told, [("other", 0, 0), ("test", 2, 1)]);
    drop((first, second));
    assert_eq!(drop_lane(&place.path(), "none").unwrap(), None);
    assert_eq!(drop_lane(&place.path(), "test").unwrap(), Some(1));
    assert_eq!(place.reader().lanes().unwrap().len(), 1);
    assert_eq!(place.reader().dead_letters(None, 10).unwrap().len(), 0);
}

#[test]
fn what_cannot_be_stored_comes_from_memory_in_its_place() {
    let (place, store) = Place::with(&numbered(0..3));
    let lane = lane(&store, Begin::Start);
    store.0.progress.change(|state| state.hand_on(&numbered(3..5)));
    put(&store, &numbered(5..7));
    assert_eq!(lane.lag(), 7);
    assert_eq!(next(&lane), [0, 1, 2]);
    done(&lane, 3);
    assert_eq!(next(&lane), [3, 4]);
    refused(&lane, 2, &[1]);
    assert_eq!(next(&lane), [5, 6]);
    done(&lane, 2);
    assert_eq!(lane.lag(), 0);
    let letters = place.reader().dead_letters(None, 10).unwrap();
    assert_eq!(
        (letters.len(), letters[0].alert_id, letters[0].alert().unwrap().message.event_id),
        (1, 0, 4)
    );
}

#[test]
fn what_finds_no_room_in_memory_is_counted() {
    let (_place, store) = Place::with(&numbered(0..1));
    let settings = LaneSettings { max_alerts: 2, ..LaneSettings::default() };
    let lane = store.journal("test", Begin::Now, settings).unwrap();
    store.0.progress.change(|state| state.hand_on(&numbered(1..6)));
    assert_eq!((next(&lane), lane.take_lost(), lane.take_lost()), (vec![1, 2], 3, 0));
}

#[test]
fn few_alerts_wait_for_more_and_not_for_long() {
    let (_place, store) = Place::with(&numbered(0..3));
    let lane = lane(&store, Begin::Start);
    let gather = Gather { enough: 5, most: 5, delay: Duration::from_secs(600) };
    assert!(matches!(lane.next(gather, Some(Instant::now())), Next::Due));
    put(&store, &numbered(3..9));
    let Next::Alerts(alerts) = lane.next(gather, None) else { panic!() };
    assert_eq!(alerts.len(), 5);
    done(&lane, 5);
    let gather = Gather { delay: Duration::from_millis(5), ..gather };
    let Next::Alerts(alerts) = lane.next(gather, None) else { panic!() };
    assert_eq!(alerts.len(), 4);
}

#[test]
fn a_lane_ends_when_all_is_stored_and_read_or_time_is_up() {
    let (_place, store) = Place::with(&numbered(0..3));
    let lane = lane(&store, Begin::Start);
    lane.close();
    let gather = Gather { enough: 5, most: 5, delay: Duration::from_secs(600) };
    let Next::Alerts(alerts) = lane.next(gather, None) else { panic!() };
    assert_eq!(alerts.len(), 3);
    done(&lane, 3);
    store.handler().finish().unwrap();
    assert!(matches!(lane.next(gather, None), Next::Ended));

    let (_place, store) = Place::with(&numbered(0..3));
    let lane = store.journal("test", Begin::Start, LaneSettings::default()).unwrap();
    lane.end_by(Instant::now());
    assert!(matches!(lane.next(gather, None), Next::Ended));
}
