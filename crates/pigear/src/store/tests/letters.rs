//! How many dead letters are kept, and which.

use super::keeping::{keep_bytes, keep_days, tidy, tidy_at};
use super::*;
use crate::config::Begin;
use clock::Clock;
use dead_letter::Refusal;

fn refusals(alerts: &[Arc<Alert>]) -> Vec<Refusal> {
    alerts.iter().map(|alert| refusal(alert, "401 Unauthorized")).collect()
}

/// Stores alerts, and has them refused by the lane `http`.
fn refuse_all(store: &Store, alerts: &[Arc<Alert>]) {
    let mut writer = store.0.writer.lock();
    let last = writer.append(alerts).unwrap();
    writer
        .note("http", done_up_to(last), &SettledRanges::default(), &refusals(alerts).into())
        .unwrap();
    drop(writer);
}

fn counted_bytes(place: &Place) -> (i64, i64) {
    let connection = Connection::open(place.path()).unwrap();
    let number = |sql| connection.query_row(sql, [], |row| row.get(0)).unwrap();
    (
        number("SELECT value FROM meta WHERE key = 'dead_letter_bytes'"),
        number("SELECT coalesce(sum(bytes), 0) FROM dead_letter"),
    )
}

#[test]
fn refused_alerts_take_a_part_of_the_room_and_stored_alerts_the_rest() {
    let (place, store) = Place::with(&[]);
    let limit = 8_000_000;
    let alerts = case("v2919/http");
    let many: Vec<_> = alerts.iter().cycle().take(2_000).cloned().collect();
    for _ in 0..30 {
        refuse_all(&store, &many);
        tidy(&store, keep_bytes(limit));
    }
    let mut reader = place.reader();
    let kept = found(&mut reader, &Criteria::default()).len();
    let letters = reader.dead_letters(None, 100_000).unwrap();
    println!("{kept} alerts, {} dead letters", letters.len());
    assert!(letters.len() > 1_000, "{}", letters.len());
    assert!(kept > 2 * letters.len(), "{kept} alerts, {} dead letters", letters.len());
    // Those that are left are the newest.
    assert_eq!(letters[0].id, 60_000);
    let lane = &reader.lanes().unwrap()[0];
    assert_eq!(lane.dead_letters, letters.len() as u64);
    assert_eq!(lane.removed_letters, 60_000 - lane.dead_letters);
    let (counted, is) = counted_bytes(&place);
    assert!(counted == is && counted <= limit.cast_signed() / 4, "{counted} {is}");
    store.close();
    drop((reader, store));
    let size = fs::metadata(place.path()).unwrap().len();
    assert!(size <= limit, "{size}");
}

#[test]
fn dead_letters_alone_make_no_alert_go() {
    let (place, store) = Place::with(&[]);
    let alerts = case("v2919/icmp_ping");
    put(&store, &alerts);
    let writer = || store.0.writer.lock();
    let last = writer().last();
    for _ in 0..200 {
        writer()
            .note("http", done_up_to(last), &SettledRanges::default(), &refusals(&alerts).into())
            .unwrap();
    }
    tidy(&store, keep_bytes(1_000_000));
    assert_eq!(found(&mut place.reader(), &Criteria::default()).len(), alerts.len());
    let letters = place.reader().dead_letters(None, 10_000).unwrap().len();
    assert!(letters > 100 && letters < 2_000, "{letters}");
}

#[test]
fn old_dead_letters_go_unless_they_are_to_be_sent_again() {
    let (place, store) = Place::with(&[]);
    refuse_all(&store, &case("v2919/http"));
    Connection::open(place.path())
        .unwrap()
        .execute_batch(
            "UPDATE dead_letter SET refused = refused - 8 * 86400 WHERE id < 4;
            UPDATE dead_letter SET again = 1 WHERE id = 2",
        )
        .unwrap();
    tidy_at(&store, keep_days(7), Clock::now());
    let letters = place.reader().dead_letters(None, 10).unwrap();
    let ids: Vec<_> = letters.iter().map(|letter| letter.id).collect();
    assert_eq!(ids, [6, 5, 4, 2]);
    assert_eq!(place.reader().lanes().unwrap()[0].removed_letters, 2);
    assert_eq!(store.removed_letters(), 2);
}

#[test]
fn for_want_of_room_those_to_be_sent_again_go_last() {
    let (place, store) = Place::with(&[]);
    refuse_all(&store, &case("v2919/http"));
    let connection = Connection::open(place.path()).unwrap();
    connection.execute_batch("UPDATE dead_letter SET again = 1 WHERE id IN (1, 3)").unwrap();
    let ids = || -> Vec<i64> {
        let letters = place.reader().dead_letters(None, 10).unwrap();
        letters.iter().map(|letter| letter.id).collect()
    };
    let all = ids().len();
    let bytes = |condition| {
        let sql = format!("SELECT sum(bytes) FROM dead_letter WHERE {condition}");
        connection.query_row(&sql, [], |row| row.get::<_, u64>(0)).unwrap()
    };
    // Room for the marked ones and the newest.
    tidy(&store, keep_bytes(4 * bytes("again OR id = 6")));
    assert_eq!((all, ids()), (6, vec![6, 3, 1]));
    tidy(&store, keep_bytes(4 * bytes("id = 3")));
    assert_eq!(ids(), [3]);
    tidy(&store, keep_bytes(0));
    assert!(ids().is_empty());
}

#[test]
fn a_dead_letter_may_be_about_many_alerts() {
    let alerts = case("v2919/http");
    let (place, store) = Place::with(&alerts);
    let mut group = Alert::clone(&alerts[0]);
    group.count = std::num::NonZeroU64::new(17);
    let refusal = refusal(&Arc::new(group), "no");
    store
        .0
        .writer
        .lock()
        .note("http", done_up_to(6), &SettledRanges::default(), &vec![refusal].into())
        .unwrap();
    let letter = place.reader().dead_letters(None, 10).unwrap().remove(0);
    assert_eq!(letter.count, 17);
    // If it is sent again it stands for as many.
    assert_eq!(letter.alert().unwrap().count.map(std::num::NonZeroU64::get), Some(17));
}

#[test]
fn a_mark_that_moves_leaves_the_rest_of_the_lane_as_it_is() {
    let (place, store) = Place::with(&case("v2919/http"));
    let mut writer = store.0.writer.lock();
    let opened = lanes::open(&writer.connection, "http", Begin::Now, Some("http://x")).unwrap();
    assert_eq!(opened.former_target, None);
    let account =
        pigear_pipeline::Totals { handled: 5, dropped: 4, failed: 3, filtered: 2, muted: 1 };
    writer
        .note(
            "http",
            lanes::Position { account, ..done_up_to(6) },
            &SettledRanges::default(),
            &vec![].into(),
        )
        .unwrap();
    let opened = lanes::open(&writer.connection, "http", Begin::Now, Some("http://x")).unwrap();
    assert_eq!((opened.position.account, opened.former_target), (account, None));
    drop(writer);
    let lane = place.reader().lanes().unwrap().remove(0);
    assert_eq!((lane.lag, lane.account, lane.target.as_deref()), (0, account, Some("http://x")));
}

#[test]
fn what_is_removed_before_it_is_sent_again_was_not_delivered() {
    let (place, store) = Place::with(&[]);
    refuse_all(&store, &case("v2919/http"));
    let sent = redeliver(&place.path(), None).unwrap();
    let became = || {
        let Resent { delivered, refused, waiting, removed, .. } =
            place.reader().resent(&sent).unwrap();
        [delivered, refused, waiting, removed]
    };
    assert_eq!(became(), [0, 0, 6, 0]);
    let change = Connection::open(place.path()).unwrap();
    // One is accepted, and two are removed as the retention policy does.
    change
        .execute_batch(
            "DELETE FROM dead_letter WHERE id <= 3; \
            UPDATE lane SET removed_letters = removed_letters + 2 WHERE name = 'http'",
        )
        .unwrap();
    assert_eq!(became(), [1, 0, 3, 2]);
    assert_eq!(drop_lane(&place.path(), "http").unwrap().unwrap().dead_letters, 3);
    assert_eq!(became(), [0, 0, 0, 6], "nobody knows what became of those that were gone before");
}
