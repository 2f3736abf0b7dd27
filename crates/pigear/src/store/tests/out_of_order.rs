//! Lanes that settle alerts out of order: what is settled is not delivered again, and the accounts agree.

use std::num::NonZeroU32;
use std::sync::Mutex;

use super::delivery::{Lane, numbered};
use super::keeping::{keep_days, many, put_before, tidy};
use super::*;
use crate::config::Begin;
use pigear_alert::AlertMessage;
use pigear_alert::wire::{Dialect, encode};
use pigear_pipeline::{
    Failure, LaneConfig, LaneSettings, LaneSnapshot, Pipeline, Progress, Queue, RecentEvents, Stop,
};

/// Alerts of a rule each; the last are the most severe.
fn rules(count: u32) -> Vec<Arc<Alert>> {
    let rule = |n| {
        let mut message = AlertMessage::default();
        (message.sig_generator, message.sig_id, message.priority) = (1, n, count - n + 1);
        let datagram = encode(&message, Dialect::Snort29);
        AlertFactory::default().take(&datagram, None, false).unwrap()
    };
    (1..=count).map(rule).collect()
}

/// Notes the rules of what it gets, and refuses all or nothing.
struct Receiver {
    got: Arc<Mutex<Vec<u32>>>,
    refuses: bool,
}

impl Handler for Receiver {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        self.got.lock().unwrap().extend(alerts.iter().map(|alert| alert.message.sig_id));
        if self.refuses { Err(Failure::refused("no")) } else { Ok(Progress::All) }
    }
}

/// A run without sources: it delivers what it may, and ends. Gives the rules of what was delivered, and the
/// counters.
fn run(place: &Place, per_minute: u32, refuses: bool) -> (Vec<u32>, LaneSnapshot) {
    let store = place.open();
    let per_minute = NonZeroU32::new(per_minute);
    let settings = LaneSettings { per_minute, ..LaneSettings::default() };
    let queue = store.queue("test", Begin::Start, settings, None).unwrap();
    let mut pipeline = Pipeline::default();
    let got = Arc::new(Mutex::new(Vec::new()));
    let receiver = Receiver { got: Arc::clone(&got), refuses };
    let queue: Option<Arc<dyn Queue>> = Some(Arc::new(queue));
    let config = LaneConfig { settings, queue, ..LaneConfig::default() };
    pipeline.add("test", Box::new(receiver), config);
    let storing = Box::new(store.handler(Unstorable::HandOn));
    pipeline.add("store", storing, LaneSettings::default());
    let stats = pipeline.stats();
    pipeline.run(Vec::new(), &Stop::default()).unwrap();
    store.close();
    let got = got.lock().unwrap().clone();
    (got, stats.snapshot().handlers["test"])
}

fn change(place: &Place, sql: &str) {
    Connection::open(place.path()).unwrap().execute_batch(sql).unwrap();
}

/// The next run is more than a minute later.
fn a_minute_passes(place: &Place) {
    change(place, "UPDATE lane SET sends = NULL");
}

fn ranges(place: &Place) -> i64 {
    let connection = Connection::open(place.path()).unwrap();
    connection.query_row("SELECT count(*) FROM settled", [], |row| row.get(0)).unwrap()
}

fn state(place: &Place) -> LaneState {
    let lanes = place.reader().lanes().unwrap();
    lanes.into_iter().find(|lane| lane.name == "test").unwrap()
}

#[test]
fn runs_with_a_limit_send_everything_once_and_the_accounts_agree() {
    let (place, store) = Place::with(&rules(25));
    drop(store);
    let mut sent = Vec::new();
    for n in 1..=7 {
        let (got, counted) = run(&place, 4, false);
        assert_eq!(got.len(), if n < 7 { 4 } else { 1 });
        sent.extend(got);
        let LaneState { lag, account, .. } = state(&place);
        assert_eq!((account.handled, lag), (sent.len() as u64, 25 - sent.len() as u64), "{n}");
        assert_eq!((counted.lag, counted.total), (Some(lag), Some(account)), "{n}");
        assert_eq!(counted.received, counted.handled + counted.waiting);
        a_minute_passes(&place);
    }
    // The most severe were first.
    assert_eq!(sent, (1..=25).rev().collect::<Vec<_>>());
    assert_eq!((run(&place, 4, false).0.len(), ranges(&place)), (0, 0));
}

#[test]
fn no_minute_has_more_messages_across_a_restart() {
    let (place, store) = Place::with(&rules(25));
    drop(store);
    assert_eq!(run(&place, 4, false).0.len(), 4);
    for _ in 0..2 {
        assert_eq!(run(&place, 4, false).0.len(), 0);
    }
    assert_eq!(run(&place, 6, false).0.len(), 2);
    // A clock that was set ahead by a year makes no difference.
    change(
        &place,
        "UPDATE lane SET sends = \
        json_set(sends, '$.at.wall', json_extract(sends, '$.at.wall') - 31536000000)",
    );
    assert_eq!(run(&place, 6, false).0.len(), 0);
    a_minute_passes(&place);
    assert_eq!(run(&place, 6, false).0.len(), 6);
}

#[test]
fn what_is_about_to_be_sent_counts_also_after_a_kill() {
    let (place, store) = Place::with(&numbered(0..5));
    let lane = Lane::new(&store, Begin::Start);
    lane.queue.sending(&[RecentEvents { age: Duration::ZERO, events: 3 }]);
    drop((lane, store));
    let store = place.open();
    let sent = Lane::new(&store, Begin::Start).queue.sent_recently();
    assert_eq!(sent.iter().map(|recent| recent.events).collect::<Vec<_>>(), [3]);
    assert!(sent[0].age < Duration::from_secs(60), "{sent:?}");
}

#[test]
fn what_is_refused_becomes_one_dead_letter_however_often_pigear_starts() {
    let (place, store) = Place::with(&rules(10));
    drop(store);
    for n in 1..=4 {
        run(&place, 3, true);
        let lane = state(&place);
        assert_eq!(lane.dead_letters, (3 * n).min(10), "{n}");
        assert_eq!((lane.account.failed, lane.lag), (lane.dead_letters, 10 - lane.dead_letters));
        a_minute_passes(&place);
    }
    let mut letters: Vec<_> =
        place.reader().dead_letters(None, 100).unwrap().iter().map(|l| l.alert_id).collect();
    letters.sort_unstable();
    assert_eq!(letters, (1..=10).collect::<Vec<_>>());
    // Sent again while others wait, each goes once it is accepted.
    redeliver(&place.path(), None).unwrap();
    assert_eq!(run(&place, 100, false).0.len(), 10);
    assert_eq!(state(&place).dead_letters, 0);
}

#[test]
fn what_was_settled_out_of_order_does_not_come_again_after_a_kill() {
    let (place, store) = Place::with(&numbered(0..10));
    let mut lane = Lane::new(&store, Begin::Start);
    let alerts = lane.next_alerts();
    lane.settle_ahead(&[3..5, 8..9], &[(4, &alerts[4], "no")]);
    assert_eq!(lane.lag(), 7);
    drop((lane, store));
    assert_eq!((state(&place).lag, state(&place).dead_letters), (7, 1));
    let store = place.open();
    put(&store, &numbered(10..12));
    let mut lane = Lane::new(&store, Begin::Start);
    assert_eq!((lane.queue.received(), lane.lag(), state(&place).lag), (9, 9, 9));
    assert_eq!(lane.next(), [0, 1, 2, 5, 6, 7, 9]);
    assert_eq!(lane.next(), [10, 11]);
    lane.settle(4, &[]);
    assert_eq!((state(&place).lag, ranges(&place)), (5, 1));
    lane.settle(5, &[]);
    assert_eq!((state(&place).lag, lane.lag(), ranges(&place)), (0, 0, 0));
    let account = state(&place).account;
    assert_eq!((account.handled, account.failed, account.sum()), (11, 1, 12));
}

#[test]
fn what_is_removed_within_a_range_is_not_counted_again() {
    let (place, store) = Place::with(&numbered(0..10));
    let mut lane = Lane::new(&store, Begin::Start);
    lane.next();
    lane.settle_ahead(std::slice::from_ref(&(2..8)), &[]);
    drop((lane, store));
    // 2 to 5 are gone, and of these only 2 was waited for.
    change(&place, "DELETE FROM alert WHERE id BETWEEN 2 AND 5");
    let store = place.open();
    let mut lane = Lane::new(&store, Begin::Start);
    assert_eq!(lane.next(), [0, 8, 9]);
    lane.settle(3, &[]);
    let LaneState { account, lag, .. } = state(&place);
    assert_eq!((account.handled, account.dropped, lag), (9, 1, 0));
}

#[test]
fn only_what_waits_is_kept_for_a_lane() {
    let place = Place::new();
    let store = place.open();
    let mut lane = Lane::new(&store, Begin::Start);
    put_before(&store, &many()[..640], 8);
    let all: usize =
        std::iter::repeat_with(|| lane.next_alerts().len()).take_while(|n| *n > 0).sum();
    assert_eq!(all, 640);
    // All but the first and 300.
    lane.settle_ahead(&[1..299, 300..640], &[]);
    let old = RetentionPolicy { trust_clock: true, ..keep_days(7) };
    let left = || found(&mut place.reader(), &Criteria::default()).len();
    tidy(&store, old);
    assert_eq!(left(), 640);
    // The first is removed for want of room: what waits now is in the fifth block.
    change(&place, "DELETE FROM alert WHERE id < 64; DELETE FROM block WHERE id = 0");
    tidy(&store, old);
    assert_eq!(left(), 641 - 4 * 64);
    lane.settle(1, &[]);
    lane.settle_ahead(std::slice::from_ref(&(299..300)), &[]);
    tidy(&store, old);
    assert_eq!(left(), 1);
}

#[test]
fn a_lane_that_is_dropped_loses_its_ranges_and_a_running_one_writes_them_anew() {
    let (place, store) = Place::with(&numbered(0..10));
    let mut lane = Lane::new(&store, Begin::Start);
    lane.next();
    lane.settle_ahead(&[2..4, 6..7], &[]);
    assert_eq!(ranges(&place), 2);
    assert!(drop_lane(&place.path(), "test").is_err(), "it is in use");
    assert_eq!(ranges(&place), 2);
    // An older Pigear drops it nevertheless.
    change(&place, "DELETE FROM lane; DELETE FROM settled");
    lane.settle_ahead(std::slice::from_ref(&(8..9)), &[]);
    assert_eq!((ranges(&place), state(&place).lag), (3, 6));
    drop((lane, store));
    assert_eq!(drop_lane(&place.path(), "test").unwrap().map(|lane| lane.waiting), Some(6));
    assert_eq!(ranges(&place), 0);
    let store = place.open();
    assert_eq!(Lane::new(&store, Begin::Start).lag(), 10);
}

#[test]
fn ranges_go_into_a_new_file_with_the_lane() {
    let (place, store) = Place::with(&numbered(0..10));
    let (mut lane, other) = (Lane::new(&store, Begin::Start), "other");
    lane.next();
    lane.settle_ahead(&[2..4, 6..8], &[]);
    change(&place, "INSERT INTO lane (name, done, begun) VALUES ('other', 3, 3)");
    change(&place, "INSERT INTO settled VALUES ('other', 5, 9)");
    fs::rename(place.path(), place.path().with_extension("old")).unwrap();
    put(&store, &numbered(10..12));
    lane.settle_ahead(std::slice::from_ref(&(4..5)), &[]);
    let lanes = place.reader().lanes().unwrap();
    let lags: Vec<_> = lanes.iter().map(|lane| (&*lane.name, lane.lag)).collect();
    assert_eq!(lags, [(other, 12 - 3 - 5), ("test", 12 - 5)]);
    drop((lane, store));
    let store = place.open();
    let mut lane = Lane::new(&store, Begin::Start);
    assert_eq!(lane.lag(), 7);
    assert_eq!(lane.next(), [10, 11]);
    lane.settle(2, &[]);
    // The others of the former file are gone.
    let LaneState { account, lag, .. } = state(&place);
    assert_eq!((account.handled, account.dropped, lag), (7, 5, 0));
}

#[test]
fn what_cannot_be_written_now_is_written_later_and_whole() {
    let (place, store) = Place::with(&numbered(0..10));
    let mut lane = Lane::new(&store, Begin::Start);
    let alerts = lane.next_alerts();
    change(
        &place,
        "CREATE TRIGGER full BEFORE INSERT ON settled BEGIN SELECT RAISE(ABORT, 'full'); END",
    );
    lane.settle_ahead(std::slice::from_ref(&(2..4)), &[(3, &alerts[3], "no")]);
    // Neither the range nor the dead letter nor the account.
    assert_eq!(
        (ranges(&place), state(&place).dead_letters, state(&place).account.sum()),
        (0, 0, 0)
    );
    change(&place, "DROP TRIGGER full");
    lane.settle_ahead(std::slice::from_ref(&(6..7)), &[]);
    assert_eq!(
        (ranges(&place), state(&place).dead_letters, state(&place).account.sum()),
        (2, 1, 3)
    );
}

#[test]
fn a_lane_that_no_longer_groups_goes_on_with_what_is_not_settled() {
    let (place, store) = Place::with(&rules(25));
    drop(store);
    run(&place, 4, false);
    // Zero is no limit here.
    let (got, counted) = run(&place, 0, false);
    assert_eq!(got, (1..=21).collect::<Vec<_>>());
    assert_eq!((counted.handled, counted.lag, ranges(&place)), (21, Some(0), 0));
}
