use std::time::Instant;

use bytesize::ByteSize;
use jiff::SignedDuration;

use super::layout::{BLOCK, SEGMENT, SEGMENT_BLOCKS};
use super::segment_index::SegmentIndex;
use super::*;
use crate::config::Begin;
use pigear_pipeline::{Batch, BatchPolicy, LaneSettings, Queue, Taken};

pub(super) fn many() -> Vec<Arc<Alert>> {
    let all: Vec<_> = recordings()
        .iter()
        .flat_map(|recording| alerts(recording, &AlertFactory::default()))
        .collect();
    all.iter().cycle().take(6_400).cloned().collect()
}

/// The same alerts, received so many days before, by the clock of whoever received them.
pub(super) fn aged(alerts: &[Arc<Alert>], days: i64) -> Vec<Arc<Alert>> {
    let aged = |alert: &Arc<Alert>| {
        let mut alert = Alert::clone(alert);
        alert.received -= SignedDuration::from_hours(24 * days);
        Arc::new(alert)
    };
    alerts.iter().map(aged).collect()
}

/// Stores alerts, as so many days before.
pub(super) fn put_before(store: &Store, alerts: &[Arc<Alert>], days: i64) {
    let first = store.0.writer.lock().last() + 1;
    put(store, alerts);
    let earlier = "UPDATE block SET stored = stored - ?1 WHERE id >= ?2";
    let connection = &store.0.writer.lock().connection;
    connection.execute(earlier, [days * 24 * 60 * 60, first / BLOCK]).unwrap();
}

pub(super) fn keep_days(days: u32) -> RetentionPolicy {
    RetentionPolicy { days: Some(days), ..RetentionPolicy::default() }
}

pub(super) fn keep_bytes(bytes: u64) -> RetentionPolicy {
    RetentionPolicy { bytes: Some(ByteSize(bytes)), ..RetentionPolicy::default() }
}

/// Tidies until there is nothing more to do.
pub(super) fn tidy(store: &Store, policy: RetentionPolicy) {
    tidy_at(store, policy, Clock::now());
}

/// The same, when the clocks say this.
pub(super) fn tidy_at(store: &Store, policy: RetentionPolicy, now: Clock) {
    while store.0.writer.lock().tidy(policy, now).unwrap() == Further::On {}
}

pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The complete segments whose index isn't that of their alerts, unless some of these were removed.
pub(super) fn wrongly_indexed(connection: &Connection) -> Vec<i64> {
    let ends = "SELECT min(id), max(id) FROM block";
    let (oldest, newest): (i64, i64) =
        connection.query_row(ends, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let whole = (oldest + SEGMENT_BLOCKS - 1) / SEGMENT_BLOCKS..newest / SEGMENT_BLOCKS;
    let expected = |segment| {
        let memory = Connection::open_in_memory().unwrap();
        memory.execute_batch("CREATE TABLE note (kind, segment, first, chunk)").unwrap();
        let last = segment * SEGMENT + SEGMENT - 1;
        let index = SegmentIndex::of_segment(connection, last).unwrap();
        index.write(segment, &memory).unwrap();
        chunks(&memory, segment)
    };
    whole.filter(|segment| chunks(connection, *segment) != expected(*segment)).collect()
}

/// The kind, the first key and the rest of each chunk of a segment's index.
fn chunks(connection: &Connection, segment: i64) -> Vec<(i64, Vec<u8>, Vec<u8>)> {
    let sql = "SELECT kind, first, chunk FROM note WHERE segment = ?1 ORDER BY kind, first";
    let mut select = connection.prepare(sql).unwrap();
    let rows = select.query_map([segment], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

/// What is indexed of blocks is what is in them.
pub(super) fn is_consistent(path: &Path) {
    let connection = Connection::open(path).unwrap();
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let alerts = number("SELECT count(*) FROM alert");
    assert_eq!(number("SELECT sum(n) FROM block"), alerts);
    let [oldest, newest] =
        ["min", "max"].map(|which| number(&format!("SELECT {which}(id) FROM block")));
    let segments = "SELECT count(DISTINCT segment) FROM note";
    assert_eq!(number(segments), newest / SEGMENT_BLOCKS - oldest / SEGMENT_BLOCKS);
    assert_eq!(wrongly_indexed(&connection), [0; 0]);
    assert_eq!(
        connection.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(),
        "ok"
    );
}

#[test]
fn a_store_that_is_too_large_loses_its_oldest_alerts_and_gives_space_back() {
    let all = many();
    let (place, store) = Place::with(&all);
    let full = fs::metadata(place.path()).unwrap().len()
        + fs::metadata(place.path().with_extension("db-wal")).unwrap().len();
    let limit = full / 4;
    tidy(&store, keep_bytes(limit));
    let ids = found(&mut place.reader(), &Criteria::default());
    assert!(ids.len() > all.len() / 10 && ids.len() < all.len() / 2, "{}", ids.len());
    assert!(ids.iter().rev().eq(&((ids[ids.len() - 1]..=all.len() as i64).collect::<Vec<_>>())));
    let size = fs::metadata(place.path()).unwrap().len();
    assert!(size <= limit, "{size} > {limit}");
    is_consistent(&place.path());
}

#[test]
fn what_is_too_old_is_removed_in_the_background() {
    let recent = many();
    let place = Place::new();
    let store = place.open();
    put_before(&store, &recent[..640], 8);
    put(&store, &recent);
    let policy = keep_days(7);
    let _tidying = store.tidy(policy).unwrap();
    until("the old alerts are gone", || {
        found(&mut place.reader(), &Criteria::default()).len() <= recent.len() + 64
    });
    assert!(found(&mut place.reader(), &Criteria::default()).len() >= recent.len());
    is_consistent(&place.path());
}

/// A sensor without a battery begins in 1970 when it starts; another's clock may be ahead.
#[test]
fn alerts_are_as_old_as_their_being_stored_whatever_the_clock_of_their_sensor() {
    let all = many();
    for days in [200, 20_000, -200] {
        let sensor = aged(&all, days);
        let stored = [&*sensor, &*all, &*sensor].concat();
        let (place, store) = Place::with(&stored);
        let old = RetentionPolicy { trust_clock: true, ..keep_days(7) };
        let now = Clock::now();
        let kept_on_day = |day: i64| {
            tidy_at(&store, old, Clock { wall: now.wall + day * 24 * 60 * 60, ..now });
            found(&mut place.reader(), &Criteria::default()).len()
        };
        assert_eq!([0, 6].map(kept_on_day), [stored.len(); 2], "{days}");
        assert!(kept_on_day(8) <= 64, "{days}");
    }
}

#[test]
fn what_is_removed_before_a_lane_got_it_counts_at_once() {
    let all = many();
    let place = Place::new();
    let store = place.open();
    let lane = store.queue("http", Begin::Now, LaneSettings::default(), None).unwrap();
    put(&store, &all);
    tidy(&store, keep_bytes(1_000_000));
    let left = found(&mut place.reader(), &Criteria::default()).len();
    let gone = all.len() - left;
    assert!(gone > 0);
    let state = || {
        let lane = place.reader().lanes().unwrap().remove(0);
        (lane.lag, lane.account.dropped)
    };
    let expected = (left as u64, gone as u64);
    // While the lane's handler is busy, and takes nothing.
    assert_eq!(state(), expected);
    assert_eq!(store.0.writer.lock().removed_unread["http"].get(), expected.1);
    assert_eq!((lane.waiting(), lane.take_lost().dropped), (all.len(), expected.1));
    assert_eq!((lane.waiting(), lane.take_lost().dropped), (left, 0));
    assert_eq!((lane.received(), state()), (all.len() as u64, expected));
    lane.abandon();
    drop((lane, store));
    assert_eq!(state(), expected);
    let store = place.open();
    let lane = store.queue("http", Begin::Now, LaneSettings::default(), None).unwrap();
    assert_eq!((lane.waiting(), lane.take_lost().dropped), (left, 0));
    assert_eq!(lane.earlier().unwrap().dropped, expected.1);
}

#[test]
fn what_a_lane_needs_is_removed_only_for_want_of_room() {
    let all = many();
    let place = Place::new();
    let store = place.open();
    let lane = store.queue("http", Begin::Now, LaneSettings::default(), None).unwrap();
    put_before(&store, &all, 8);
    let old = RetentionPolicy { trust_clock: true, ..keep_days(7) };
    assert_eq!(store.0.writer.lock().tidy(old, Clock::now()).unwrap(), Further::Enough);
    assert_eq!(found(&mut place.reader(), &Criteria::default()).len(), all.len());

    tidy(&store, keep_bytes(1_000_000));
    let left = found(&mut place.reader(), &Criteria::default());
    assert!(left.len() < all.len());
    let mut batch = Batch::default();
    assert_eq!(lane.take(&mut batch, BatchPolicy::default(), None), Taken::Alerts);
    assert_eq!(lane.take_lost().dropped, (all.len() - left.len()) as u64);
    assert_eq!(lane.waiting() + batch.alerts().len(), left.len());
}
