//! What becomes of dead letters that can't be written, or read, and of what a lane never gets.

use std::num::NonZeroU64;
use std::sync::mpsc;
use std::time::Instant;

use super::delivery::{AT_ONCE, Lane, numbered};
use super::keeping::until;
use super::*;
use crate::config::Begin;
use pigear_pipeline::Queue;

/// Changes the store behind Pigear's back.
fn change(place: &Place, sql: &str) {
    Connection::open(place.path()).unwrap().execute_batch(sql).unwrap();
}

/// From now on a change of dead letters fails, as on a full disk.
fn refuse_changes(place: &Place, what: &str) {
    let sql = format!(
        "CREATE TRIGGER full BEFORE {what} ON dead_letter BEGIN SELECT RAISE(ABORT, 'full'); END"
    );
    change(place, &sql);
}

fn allow_changes(place: &Place) {
    change(place, "DROP TRIGGER full");
}

fn letters(place: &Place) -> Vec<DeadLetter> {
    place.reader().dead_letters(None, 10_000).unwrap()
}

/// Two dead letters, of the alerts 2 and 4.
fn with_two_letters() -> (Place, Store, Lane) {
    let (place, store) = Place::with(&numbered(0..5));
    let mut lane = Lane::new(&store, Begin::Start);
    let alerts = lane.next_alerts();
    lane.settle(5, &[(1, &alerts[1], "no 1"), (3, &alerts[3], "no 3")]);
    (place, store, lane)
}

#[test]
fn what_was_taken_back_gives_no_alert_the_rule_of_another() {
    let (place, store) = Place::with(&[]);
    let (refused, other) = (&case("v2919/http")[0], &case("v2919/icmp_ping")[0]);
    refuse_changes(&place, "INSERT");
    let note = || {
        store.0.writer.lock().note(
            "test",
            done_up_to(0),
            &SettledRanges::default(),
            &vec![refusal(refused, "no")].into(),
        )
    };
    note().unwrap_err();
    allow_changes(&place);
    put(&store, std::slice::from_ref(other));
    put(&store, std::slice::from_ref(refused));
    note().unwrap();
    let mut reader = place.reader();
    assert_eq!(written(&reader.get(2).unwrap().unwrap()), written(refused));
    assert_eq!(written(letters(&place)[0].alert().unwrap()), written(refused));
}

#[test]
fn a_group_that_is_refused_is_a_letter_of_its_own() {
    let (place, store, mut lane) = with_two_letters();
    redeliver(&place.path(), None).unwrap();
    let (_, again) = lane.take(AT_ONCE, None);
    put(&store, &numbered(5..6));
    assert_eq!(lane.next(), [5]);
    let mut group = Alert::clone(&again[0]);
    group.count = NonZeroU64::new(3);
    lane.settle(3, &[(0, &Arc::new(group), "no group")]);
    let left = letters(&place);
    let told: Vec<_> = left.iter().map(|l| (&*l.reason, l.count, l.again)).collect();
    assert_eq!(told, [("no group", 3, false)]);
}

#[test]
fn a_letter_that_cannot_be_read_stops_neither_the_others_nor_the_lane() {
    let (place, store, mut lane) = with_two_letters();
    redeliver(&place.path(), None).unwrap();
    change(&place, "UPDATE dead_letter SET reason = CAST(x'ff41' AS TEXT) WHERE alert = 2");
    let reasons: Vec<_> = letters(&place).into_iter().map(|letter| letter.reason).collect();
    assert_eq!(reasons, ["no 3", "\u{fffd}A"]);
    change(&place, "UPDATE dead_letter SET alert = 'x' WHERE alert = 2");
    assert_eq!(letters(&place).len(), 1);
    put(&store, &numbered(5..6));
    let mut delivered = lane.take(AT_ONCE, None).1;
    delivered.extend(lane.take(AT_ONCE, None).1);
    let mut ids: Vec<_> = delivered.iter().map(|alert| alert.message.event_id).collect();
    ids.sort_unstable();
    assert_eq!(ids, [3, 5]);
}

#[test]
fn lanes_go_on_when_no_letter_can_be_read() {
    let (place, store, former) = with_two_letters();
    drop(former);
    let mut lane = Lane::new(&store, Begin::Start);
    change(&place, "ALTER TABLE dead_letter RENAME TO hidden");
    put(&store, &numbered(5..6));
    assert_eq!(lane.take(AT_ONCE, Some(Instant::now() + Duration::from_millis(500))).1.len(), 1);
}

#[test]
fn letters_are_sent_once_while_that_cannot_be_noted() {
    let (place, _store, mut lane) = with_two_letters();
    redeliver(&place.path(), None).unwrap();
    assert_eq!(lane.take(AT_ONCE, None).1.len(), 2);
    refuse_changes(&place, "DELETE");
    lane.settle(2, &[]);
    let later = Instant::now() + Duration::from_millis(1_500);
    assert_eq!(lane.take(AT_ONCE, Some(later)).1.len(), 0);
    allow_changes(&place);
    until("they are removed", || {
        assert_eq!(lane.next(), [0_u32; 0]);
        letters(&place).is_empty()
    });
}

#[test]
fn no_mark_moves_past_what_has_no_letter_yet() {
    let (place, store) = Place::with(&numbered(0..6));
    let mut lane = Lane::new(&store, Begin::Start);
    change(&place, "UPDATE alert SET data = x'' WHERE id = 3");
    refuse_changes(&place, "INSERT");
    assert_eq!(lane.next(), [0, 1]);
    lane.settle(2, &[]);
    assert_eq!(lane.next(), [3, 4, 5]);
    lane.settle(3, &[]);
    drop((lane, store));
    allow_changes(&place);
    assert_eq!(letters(&place).len(), 0);
    let store = place.open();
    let mut lane = Lane::new(&store, Begin::Start);
    let mut again = 0;
    until("all is done with", || {
        let batch = lane.next().len() as u64;
        lane.settle(batch, &[]);
        again += batch;
        lane.lag() == 0
    });
    assert!(again >= 3, "{again}");
    let damaged: Vec<_> = letters(&place).iter().map(|letter| letter.alert_id).collect();
    assert_eq!(damaged, [3]);
}

#[test]
fn refusals_are_kept_until_they_are_written() {
    let (place, store) = Place::with(&numbered(0..20));
    let mut lane = Lane::new(&store, Begin::Start);
    let alerts = lane.next_alerts();
    refuse_changes(&place, "INSERT");
    let refused: Vec<_> = (0..1_100).map(|_| (0, &alerts[0], "no")).collect();
    lane.settle(10, &refused);
    assert_eq!(lane.next(), [0_u32; 0], "no more is let in meanwhile");
    allow_changes(&place);
    let mut delivered = 0;
    until("the rest is delivered", || {
        delivered += lane.next().len();
        delivered == 10
    });
    assert_eq!(letters(&place).len(), 1_100);
}

#[test]
fn what_became_of_letters_is_noted_in_the_file_that_they_came_from() {
    let (place, _store, mut lane) = with_two_letters();
    redeliver(&place.path(), None).unwrap();
    let (_, again) = lane.take(AT_ONCE, None);
    let (other, other_store, other_lane) = with_two_letters();
    drop((other_lane, other_store));
    fs::rename(other.path(), place.path()).unwrap();
    lane.settle(2, &[(0, &again[0], "no again")]);
    let reasons: Vec<_> = letters(&place).into_iter().map(|letter| letter.reason).collect();
    assert_eq!(reasons, ["no again", "no 3", "no 1"]);
}

#[test]
fn what_is_gone_is_counted_once() {
    let (place, store) = Place::with(&numbered(0..15));
    let mut lane = Lane::new(&store, Begin::Start);
    change(&place, "DELETE FROM alert WHERE id BETWEEN 4 AND 6 OR id BETWEEN 12 AND 13");
    let account = || place.reader().lanes().unwrap()[0].account;
    assert_eq!(lane.next(), [0, 1, 2, 6, 7, 8, 9]);
    assert_eq!(lane.next(), [10, 13, 14]);
    assert_eq!((account().dropped, lane.queue.take_lost().dropped), (5, 5));
    lane.settle(3, &[]);
    drop((lane, store));
    let store = place.open();
    let mut lane = Lane::new(&store, Begin::Start);
    assert_eq!(lane.lag(), 7);
    assert_eq!(lane.next().len(), 7);
    assert_eq!(lane.queue.take_lost().dropped, 0);
    lane.settle(7, &[]);
    assert_eq!((account().dropped, lane.lag()), (5, 0));
}

#[test]
fn what_is_damaged_while_others_are_in_flight_is_a_letter_at_once_and_counts_once() {
    let (place, store) = Place::with(&numbered(0..12));
    let mut lane = Lane::new(&store, Begin::Start);
    change(&place, "UPDATE alert SET data = x'' WHERE id = 11");
    assert_eq!(lane.next().len(), 10);
    assert_eq!(lane.next(), [11]);
    let account = || place.reader().lanes().unwrap()[0].account;
    assert_eq!((account().failed, lane.queue.take_lost().failed), (1, 1));
    assert_eq!(letters(&place).len(), 1);
    lane.settle(10, &[]);
    assert_eq!((account().failed, letters(&place).len()), (1, 1));
    lane.settle(1, &[]);
    assert_eq!(lane.lag(), 0);
}

#[test]
fn the_end_does_not_wait_for_what_is_being_removed() {
    let (enter, entered) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let tidy = move || {
        enter.send(()).unwrap();
        let _ = released.recv_timeout(Duration::from_secs(20));
        Ok(Further::Enough)
    };
    let retention = Retention::start(Path::new("alerts.db"), "remove old alerts", tidy).unwrap();
    entered.recv().unwrap();
    let begun = Instant::now();
    drop(retention);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop(release);
}

#[test]
fn what_memory_loses_at_the_end_is_in_the_account() {
    let (place, store) = Place::with(&numbered(0..2));
    let lane = Lane::new(&store, Begin::Start);
    store.0.progress.change(|state| state.hand_on(&numbered(2..5)));
    assert_eq!(lane.queue.abandon(), 3);
    assert_eq!(place.reader().lanes().unwrap()[0].account.dropped, 3);
}
