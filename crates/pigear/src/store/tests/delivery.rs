use std::time::Instant;

use pigear_pipeline::{
    Batch, BatchPolicy, LaneSettings, Queue, Refused, Settlement, Taken, Totals,
};

use super::*;
use crate::config::Begin;

pub(super) const AT_ONCE: BatchPolicy = BatchPolicy { enough: 1, most: 10, delay: Duration::ZERO };

/// A durable queue, and its reader.
pub(super) struct Lane {
    pub(super) queue: DurableQueue,
    /// How many alerts were taken and settled.
    taken: u64,
    settled: u64,
    /// Those of the others that were settled out of order, and how many of these were refused.
    ahead: u64,
    failed: u64,
}

impl Lane {
    pub(super) fn new(store: &Store, begin: Begin) -> Self {
        Self::with(store, begin, LaneSettings::default())
    }

    pub(super) fn with(store: &Store, begin: Begin, settings: LaneSettings) -> Self {
        Self::of(store.queue("test", begin, settings, None).unwrap())
    }

    fn of(queue: DurableQueue) -> Self {
        Self { queue, taken: 0, settled: 0, ahead: 0, failed: 0 }
    }

    pub(super) fn take(
        &mut self,
        policy: BatchPolicy,
        due: Option<Instant>,
    ) -> (Taken, Vec<Arc<Alert>>) {
        let mut batch = Batch::default();
        let taken = self.queue.take(&mut batch, policy, due);
        self.taken += batch.alerts().len() as u64;
        (taken, batch.alerts().to_vec())
    }

    /// What comes next, if it comes soon.
    pub(super) fn next_alerts(&mut self) -> Vec<Arc<Alert>> {
        self.take(AT_ONCE, Some(Instant::now() + Duration::from_millis(20))).1
    }

    /// The event ids that come next.
    pub(super) fn next(&mut self) -> Vec<u32> {
        self.next_alerts().iter().map(|alert| alert.message.event_id).collect()
    }

    /// The next alerts that were taken are settled, and of them these refused.
    pub(super) fn settle(&mut self, alerts: u64, refused: &[(u64, &Arc<Alert>, &str)]) {
        let refused = refused.iter().map(|&(place, alert, reason)| Refused {
            number: self.settled + place,
            alert: Arc::clone(alert),
            reason: reason.into(),
        });
        let refused = refused.collect();
        self.settled += alerts;
        let totals = Totals { handled: self.settled, ..Totals::default() };
        let settled = self.settled;
        self.queue.settle(&Settlement { settled, totals, refused, ..Settlement::default() });
    }

    /// Alerts behind the first unsettled one are settled, and of them these refused. Numbers count from the
    /// first alert that was taken.
    pub(super) fn settle_ahead(
        &mut self,
        ahead: &[std::ops::Range<u64>],
        refused: &[(u64, &Arc<Alert>, &str)],
    ) {
        self.ahead += ahead.iter().map(|range| range.end - range.start).sum::<u64>();
        let refused = refused.iter().map(|&(number, alert, reason)| Refused {
            number,
            alert: Arc::clone(alert),
            reason: reason.into(),
        });
        let refused: Vec<_> = refused.collect();
        let failed = self.failed + refused.len() as u64;
        self.failed = failed;
        let totals =
            Totals { handled: self.settled + self.ahead - failed, failed, ..Totals::default() };
        let (settled, ahead) = (self.settled, ahead.to_vec());
        self.queue.settle(&Settlement { settled, ahead, totals, refused });
    }

    pub(super) fn lag(&self) -> u64 {
        self.queue.waiting() as u64 + self.taken - self.settled - self.ahead
    }
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
    let queue = |name, begin| store.queue(name, begin, LaneSettings::default(), None).unwrap();
    let mut now = Lane::of(queue("now", Begin::Now));
    let mut start = Lane::of(queue("start", Begin::Start));
    put(&store, &numbered(5..7));
    assert_eq!((now.lag(), start.lag()), (2, 7));
    assert_eq!(now.next(), [5, 6]);
    assert_eq!(start.next(), [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_lane_that_ends_closes_no_other() {
    let (_place, store) = Place::with(&numbered(0..2));
    let one = store.queue("one", Begin::Start, LaneSettings::default(), None).unwrap();
    let mut other = Lane::new(&store, Begin::Start);
    one.close();
    one.abandon();
    assert!(one.is_closed() && !other.queue.is_closed());
    // Fewer alerts than wanted are waited for, as long as the lane itself is not closed.
    let policy = BatchPolicy { enough: 3, most: 10, delay: Duration::from_secs(3_600) };
    let due = Some(Instant::now() + Duration::from_millis(1));
    assert_eq!(other.take(policy, due).0, Taken::Due);
    other.queue.close();
    assert_eq!(other.take(policy, None).1.len(), 2);
}

#[test]
fn what_was_not_settled_comes_again_in_the_same_batch() {
    let (place, store) = Place::with(&numbered(0..5));
    let mut first = Lane::new(&store, Begin::Start);
    assert_eq!(first.next(), [0, 1, 2, 3, 4]);
    drop(first);
    drop(store);
    // As after a crash; and more has come.
    let store = place.open();
    put(&store, &numbered(5..9));
    let mut second = Lane::new(&store, Begin::Now);
    assert_eq!(second.next(), [0, 1, 2, 3, 4]);
    second.settle(2, &[]);
    assert_eq!(second.lag(), 7);
    second.settle(3, &[]);
    assert_eq!(second.next(), [5, 6, 7, 8]);
    second.settle(4, &[]);
    assert_eq!((second.next(), second.lag()), (vec![], 0));
}

#[test]
fn what_was_refused_is_a_dead_letter_and_can_be_sent_again() {
    let (place, store) = Place::with(&numbered(0..5));
    let mut lane = Lane::new(&store, Begin::Start);
    let alerts = lane.next_alerts();
    lane.settle(5, &[(1, &alerts[1], "no 1"), (3, &alerts[3], "no 3")]);
    let mut reader = place.reader();
    let letters = reader.dead_letters(None, 10).unwrap();
    let told: Vec<_> =
        letters.iter().map(|l| (&*l.lane, l.alert_id, &*l.reason, l.again)).collect();
    assert_eq!(told, [("test", 4, "no 3", false), ("test", 2, "no 1", false)]);
    assert_eq!(written(letters[1].alert().unwrap()), written(&reader.get(2).unwrap().unwrap()));

    assert_eq!(redeliver(&place.path(), Some("other")).unwrap().lanes, []);
    assert_eq!(redeliver(&place.path(), None).unwrap().lanes, [("test".to_owned(), 2)]);
    assert!(reader.dead_letters(None, 10).unwrap().iter().all(|letter| letter.again));
    let (_, again) = lane.take(AT_ONCE, None);
    let ids: Vec<_> = again.iter().map(|alert| alert.message.event_id).collect();
    assert_eq!((ids, lane.lag()), (vec![1, 3], 2));
    // One is refused again, the other taken.
    lane.settle(2, &[(0, &again[0], "no 0")]);
    let left = reader.dead_letters(Some("test"), 10).unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!((&*left[0].reason, left[0].again, left[0].alert_id), ("no 0", false, 2));
    assert_eq!((lane.next(), lane.lag()), (vec![], 0));
}

#[test]
fn what_a_lane_has_not_settled_comes_again_after_a_crash() {
    let (place, store) = Place::with(&numbered(0..15));
    let mut first = Lane::new(&store, Begin::Start);
    assert_eq!(first.next().len(), 10);
    first.settle(3, &[]);
    assert_eq!(first.lag(), 12);
    // Reading goes on behind what was taken.
    assert_eq!(first.next(), [10, 11, 12, 13, 14]);
    first.settle(3, &[]);
    assert_eq!(first.lag(), 9);
    drop(first);
    drop(store);
    let store = place.open();
    let mut second = Lane::new(&store, Begin::Now);
    assert_eq!(second.next(), [6, 7, 8, 9, 10, 11, 12, 13, 14]);
    second.settle(9, &[]);
    assert_eq!(second.lag(), 0);
}

#[test]
fn dead_letters_are_kept_until_they_are_settled() {
    let (place, store) = Place::with(&numbered(0..5));
    let mut lane = Lane::new(&store, Begin::Start);
    let alerts = lane.next_alerts();
    lane.settle(5, &[(1, &alerts[1], "no"), (3, &alerts[3], "no")]);
    let left = || place.reader().dead_letters(None, 10).unwrap().len();
    redeliver(&place.path(), None).unwrap();
    assert_eq!(lane.take(AT_ONCE, None).1.len(), 2);
    assert_eq!((left(), lane.next()), (2, vec![]));
    put(&store, &numbered(5..7));
    assert_eq!(lane.next(), [5, 6]);
    assert_eq!(left(), 2);
    lane.settle(1, &[]);
    assert_eq!(left(), 1);
    lane.settle(1, &[]);
    assert_eq!((left(), lane.lag()), (0, 2));
}

#[test]
fn lanes_are_listed_and_dropped() {
    let (place, store) = Place::with(&numbered(0..5));
    let mut first = Lane::new(&store, Begin::Start);
    let second = store.queue("other", Begin::Now, LaneSettings::default(), None).unwrap();
    let alerts = first.next_alerts();
    first.settle(3, &[(0, &alerts[0], "no")]);
    let states = place.reader().lanes().unwrap();
    let told: Vec<_> = states.iter().map(|l| (&*l.name, l.lag, l.dead_letters)).collect();
    assert_eq!(told, [("other", 0, 0), ("test", 2, 1)]);
    assert!(matches!(
        drop_lane(&place.path(), "test").unwrap_err().source,
        StoreProblem::LaneInUse { process: Some(id), .. } if id == std::process::id()
    ));
    drop((first, second, store));
    assert_eq!(drop_lane(&place.path(), "none").unwrap(), None);
    assert_eq!(
        drop_lane(&place.path(), "test").unwrap(),
        Some(DroppedLane { waiting: 2, dead_letters: 1 })
    );
    assert_eq!(place.reader().lanes().unwrap().len(), 1);
    assert_eq!(place.reader().dead_letters(None, 10).unwrap().len(), 0);
}

#[test]
fn what_cannot_be_stored_comes_from_memory_in_its_place() {
    let (place, store) = Place::with(&numbered(0..3));
    let mut lane = Lane::new(&store, Begin::Start);
    store.0.progress.change(|state| state.hand_on(&numbered(3..5)));
    put(&store, &numbered(5..7));
    assert_eq!(lane.lag(), 7);
    assert_eq!(lane.next(), [0, 1, 2]);
    lane.settle(3, &[]);
    let unstored = lane.next_alerts();
    assert_eq!(unstored.len(), 2);
    lane.settle(2, &[(1, &unstored[1], "no")]);
    assert_eq!(lane.next(), [5, 6]);
    lane.settle(2, &[]);
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
    let mut lane = Lane::with(&store, Begin::Now, settings);
    store.0.progress.change(|state| state.hand_on(&numbered(1..6)));
    assert_eq!(lane.queue.received(), 5);
    let lost = |lane: &Lane| lane.queue.take_lost();
    assert_eq!((lane.next(), lost(&lane).dropped, lost(&lane).dropped), (vec![1, 2], 3, 0));
}

#[test]
fn what_waits_in_memory_alone_is_lost_with_the_process_and_counted() {
    let (place, store) = Place::with(&numbered(0..2));
    let mut lane = Lane::new(&store, Begin::Start);
    store.0.progress.change(|state| state.hand_on(&numbered(2..5)));
    assert_eq!(lane.next(), [0, 1]);
    let policy = BatchPolicy { most: 1, ..AT_ONCE };
    assert_eq!(lane.take(policy, None).1.len(), 1);
    // One was taken, and two wait.
    assert_eq!(lane.queue.abandon(), 3);
    store.0.progress.change(|state| state.hand_on(&numbered(5..6)));
    assert_eq!(lane.queue.take_lost().dropped, 1, "what comes later is counted too");
    assert_eq!(place.reader().lanes().unwrap()[0].account.dropped, 4);
}

#[test]
fn few_alerts_wait_for_more_and_not_for_long() {
    let (_place, store) = Place::with(&numbered(0..3));
    let mut lane = Lane::new(&store, Begin::Start);
    let policy = BatchPolicy { enough: 5, most: 5, delay: Duration::from_secs(600) };
    assert_eq!(lane.take(policy, Some(Instant::now())).0, Taken::Due);
    put(&store, &numbered(3..9));
    assert_eq!(lane.take(policy, None).1.len(), 5);
    lane.settle(5, &[]);
    let policy = BatchPolicy { delay: Duration::from_millis(5), ..policy };
    assert_eq!(lane.take(policy, None).1.len(), 4);
}

#[test]
fn what_is_due_comes_before_a_backlog() {
    let (_place, store) = Place::with(&numbered(0..9));
    let mut lane = Lane::new(&store, Begin::Start);
    assert_eq!(lane.take(AT_ONCE, Some(Instant::now())).0, Taken::Due);
    assert_eq!(lane.next().len(), 9);
}

#[test]
fn a_lane_ends_when_all_is_stored_and_read_or_time_is_up() {
    let (_place, store) = Place::with(&numbered(0..3));
    let mut lane = Lane::new(&store, Begin::Start);
    lane.queue.close();
    let policy = BatchPolicy { enough: 5, most: 5, delay: Duration::from_secs(600) };
    assert_eq!(lane.take(policy, None).1.len(), 3);
    lane.settle(3, &[]);
    store.handler(Unstorable::HandOn).finish().unwrap();
    assert_eq!(lane.take(policy, None).0, Taken::Closed);

    let (_place, store) = Place::with(&numbered(0..3));
    let mut lane = Lane::new(&store, Begin::Start);
    lane.queue.end_by(Instant::now());
    assert_eq!(lane.take(policy, None).0, Taken::Closed);
}
