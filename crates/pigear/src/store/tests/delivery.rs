use std::time::Instant;

use pigear_pipeline::{Gather, Journal, LaneSettings, Next, Outcome};

use super::*;
use crate::config::Begin;

const AT_ONCE: Gather = Gather { enough: 1, most: 10, delay: Duration::ZERO };

fn lane(store: &Store, begin: Begin) -> LaneJournal {
    store.journal("test", begin, LaneSettings::default()).unwrap()
}

/// The event ids that come next.
fn next(lane: &LaneJournal) -> Vec<u32> {
    match lane.next(AT_ONCE, Some(Instant::now())) {
        Next::Alerts(alerts) => alerts.iter().map(|alert| alert.message.event_id).collect(),
        _ => Vec::new(),
    }
}

fn done(lane: &LaneJournal, settled: usize) {
    lane.settle(&Outcome { settled, refused: Vec::new() });
}

fn refused(lane: &LaneJournal, settled: usize, which: &[usize]) {
    let refused = which.iter().map(|n| (*n, format!("no {n}"))).collect();
    lane.settle(&Outcome { settled, refused });
}

/// Alerts with these event ids.
fn numbered(ids: std::ops::Range<u32>) -> Vec<Arc<Alert>> {
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
    assert_eq!(written(&letters[1].alert), written(&reader.get(2).unwrap().unwrap()));

    assert_eq!(redeliver(&place.path(), Some("other")).unwrap(), []);
    assert_eq!(redeliver(&place.path(), None).unwrap(), [("test".to_owned(), 2)]);
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
    assert_eq!((letters.len(), letters[0].alert_id, letters[0].alert.message.event_id), (1, 0, 4));
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
    store.keeper().finish().unwrap();
    assert!(matches!(lane.next(gather, None), Next::Ended));

    let (_place, store) = Place::with(&numbered(0..3));
    let lane = store.journal("test", Begin::Start, LaneSettings::default()).unwrap();
    lane.end_by(Instant::now());
    assert!(matches!(lane.next(gather, None), Next::Ended));
}
