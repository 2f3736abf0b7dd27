use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use super::*;
use crate::policy::MAX_BATCH;
use crate::test_alerts::{alert, until};

fn queue(alerts: usize, bytes: usize, when_full: WhenFull) -> MemoryQueue {
    MemoryQueue::new(Bounds { alerts, bytes }, when_full)
}

fn take(queue: &MemoryQueue, batch: &mut Batch) -> Taken {
    queue.take(batch, BatchPolicy::default(), None)
}

fn ids(batch: &Batch) -> Vec<u32> {
    batch.alerts().iter().map(|alert| alert.message.event_id).collect()
}

#[test]
fn alerts_come_out_as_they_went_in() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    for id in 1..=3 {
        assert_eq!(queue.push(alert(id), 1, SourceMode::Live), Pushed::Queued);
    }
    let mut batch = Batch::default();
    assert_eq!(take(&queue, &mut batch), Taken::Alerts);
    assert_eq!(ids(&batch), [1, 2, 3]);
}

#[test]
fn no_more_than_so_many_alerts_fit() {
    let queue = queue(2, 100, WhenFull::DropNewest);
    let pushed = [1, 2, 3].map(|id| queue.push(alert(id), 1, SourceMode::Live));
    assert_eq!(pushed, [Pushed::Queued, Pushed::Queued, Pushed::Full]);
}

#[test]
fn no_more_than_so_many_bytes_fit() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    let pushed = [60, 41, 40, 1].map(|bytes| queue.push(alert(1), bytes, SourceMode::Live));
    assert_eq!(pushed, [Pushed::Queued, Pushed::Full, Pushed::Queued, Pushed::Full]);
}

#[test]
fn an_alert_larger_than_the_bound_fits_into_an_empty_queue_only() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    assert_eq!(queue.push(alert(1), 1_000, SourceMode::Live), Pushed::Queued);
    assert_eq!(queue.push(alert(2), 1, SourceMode::Live), Pushed::Full);
    let mut batch = Batch::default();
    assert_eq!(take(&queue, &mut batch), Taken::Alerts);
    assert_eq!(
        queue.push(alert(3), 1, SourceMode::Live),
        Pushed::Full,
        "what the reader has in hand counts"
    );
    queue.close();
    assert_eq!(take(&queue, &mut batch), Taken::Closed);
    assert!(batch.alerts().is_empty());
}

#[test]
fn room_is_given_back_with_the_next_batch() {
    let queue = queue(2, 100, WhenFull::DropNewest);
    let mut batch = Batch::default();
    queue.push(alert(1), 50, SourceMode::Live);
    assert_eq!(take(&queue, &mut batch), Taken::Alerts);
    queue.push(alert(2), 50, SourceMode::Live);
    assert_eq!(queue.push(alert(3), 1, SourceMode::Live), Pushed::Full);
    assert_eq!(take(&queue, &mut batch), Taken::Alerts);
    assert_eq!(ids(&batch), [2]);
    assert_eq!(queue.push(alert(4), 50, SourceMode::Live), Pushed::Queued);
}

#[test]
fn a_batch_has_an_upper_bound() {
    let queue = queue(MAX_BATCH + 1, usize::MAX, WhenFull::DropNewest);
    (0..=MAX_BATCH)
        .for_each(|_| assert_eq!(queue.push(alert(1), 1, SourceMode::Live), Pushed::Queued));
    let mut batch = Batch::default();
    assert_eq!(take(&queue, &mut batch), Taken::Alerts);
    assert_eq!(batch.alerts().len(), MAX_BATCH);
    assert_eq!(take(&queue, &mut batch), Taken::Alerts);
    assert_eq!(batch.alerts().len(), 1);
}

#[test]
fn a_closed_queue_lets_nothing_in_and_gives_what_it_has() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    queue.push(alert(1), 1, SourceMode::Live);
    queue.close();
    assert_eq!(queue.push(alert(2), 1, SourceMode::Live), Pushed::Closed);
    let mut batch = Batch::default();
    assert_eq!(take(&queue, &mut batch), Taken::Alerts);
    assert_eq!(ids(&batch), [1]);
    assert_eq!(take(&queue, &mut batch), Taken::Closed);
}

#[test]
fn whoever_waits_for_room_is_let_in_by_the_reader() {
    let queue = queue(1, 100, WhenFull::Wait);
    queue.push(alert(1), 1, SourceMode::Live);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| queue.push(alert(2), 1, SourceMode::Live));
        let mut batch = Batch::default();
        assert_eq!(take(&queue, &mut batch), Taken::Alerts);
        assert_eq!(ids(&batch), [1]);
        assert_eq!(take(&queue, &mut batch), Taken::Alerts);
        assert_eq!(ids(&batch), [2]);
        assert_eq!(waiting.join().unwrap(), Pushed::Queued);
    });
}

#[test]
fn whoever_waits_for_room_is_let_go_when_the_queue_closes() {
    let queue = queue(1, 100, WhenFull::Wait);
    queue.push(alert(1), 1, SourceMode::Live);
    thread::scope(|scope| {
        let (done, outcome) = channel();
        let queue = &queue;
        scope.spawn(move || done.send(queue.push(alert(2), 1, SourceMode::Live)).unwrap());
        assert!(outcome.recv_timeout(Duration::from_millis(20)).is_err(), "it waits");
        queue.close();
        assert_eq!(outcome.recv_timeout(Duration::from_secs(20)).unwrap(), Pushed::Closed);
    });
}

#[test]
fn a_reader_that_waits_is_woken_by_an_alert_and_by_closing() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    thread::scope(|scope| {
        let queue = &queue;
        let reader = scope.spawn(move || {
            let mut batch = Batch::default();
            let mut taken = 0;
            while take(queue, &mut batch) == Taken::Alerts {
                taken += batch.alerts().len();
            }
            taken
        });
        until("the reader sleeps", || queue.state().wakes_at.is_some());
        queue.push(alert(1), 1, SourceMode::Live);
        until("it sleeps again", || queue.state().wakes_at.is_some());
        queue.close();
        assert_eq!(reader.join().unwrap(), 1);
    });
}

#[test]
fn what_waits_in_an_abandoned_queue_is_thrown_away() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    let mut batch = Batch::default();
    queue.push(alert(1), 1, SourceMode::Live);
    assert_eq!(take(&queue, &mut batch), Taken::Alerts);
    queue.push(alert(2), 1, SourceMode::Live);
    queue.push(alert(3), 1, SourceMode::Live);
    assert_eq!(queue.abandon(), 2);
    assert_eq!(queue.abandon(), 0);
    assert_eq!(queue.push(alert(4), 1, SourceMode::Live), Pushed::Closed);
    assert_eq!(take(&queue, &mut batch), Taken::Closed);
}

/// Takes once, and says how many there were.
fn gathered(queue: &MemoryQueue, policy: BatchPolicy, due: Option<Instant>) -> (Taken, usize) {
    let mut batch = Batch::default();
    let taken = queue.take(&mut batch, policy, due);
    (taken, batch.alerts().len())
}

const LONG: Duration = Duration::from_secs(600);

#[test]
fn a_reader_gets_no_more_than_it_wants() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    (1..=5).for_each(|id| assert_eq!(queue.push(alert(id), 1, SourceMode::Live), Pushed::Queued));
    let gather = BatchPolicy { enough: 2, most: 4, delay: LONG };
    assert_eq!(gathered(&queue, gather, None), (Taken::Alerts, 4));
}

#[test]
fn a_reader_waits_until_there_is_enough() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    let gather = BatchPolicy { enough: 3, most: 3, delay: LONG };
    thread::scope(|scope| {
        let reader = scope.spawn(|| gathered(&queue, gather, None));
        (1..=3)
            .for_each(|id| assert_eq!(queue.push(alert(id), 1, SourceMode::Live), Pushed::Queued));
        assert_eq!(reader.join().unwrap(), (Taken::Alerts, 3));
    });
}

#[test]
fn a_reader_waits_no_longer_than_it_would() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    queue.push(alert(1), 1, SourceMode::Live);
    let gather = BatchPolicy { enough: 3, most: 3, delay: Duration::from_millis(1) };
    assert_eq!(gathered(&queue, gather, None), (Taken::Alerts, 1));
}

#[test]
fn a_reader_that_waits_for_more_gets_what_there_is_at_the_end() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    queue.push(alert(1), 1, SourceMode::Live);
    queue.close();
    let gather = BatchPolicy { enough: 3, most: 3, delay: LONG };
    assert_eq!(gathered(&queue, gather, None), (Taken::Alerts, 1));
    assert_eq!(gathered(&queue, gather, None), (Taken::Closed, 0));
}

#[test]
fn a_reader_with_something_due_is_woken() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    let due = Some(Instant::now() + Duration::from_millis(1));
    assert_eq!(gathered(&queue, BatchPolicy::default(), due), (Taken::Due, 0));
}

#[test]
fn what_is_due_comes_before_alerts_until_the_queue_is_closed() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    queue.push(alert(1), 1, SourceMode::Live);
    let later = Some(Instant::now() + LONG);
    let now = Some(Instant::now());
    assert_eq!(gathered(&queue, BatchPolicy::default(), now), (Taken::Due, 0));
    assert_eq!(gathered(&queue, BatchPolicy::default(), later), (Taken::Alerts, 1));
    queue.push(alert(2), 1, SourceMode::Live);
    queue.close();
    assert_eq!(gathered(&queue, BatchPolicy::default(), now), (Taken::Alerts, 1));
    assert_eq!(gathered(&queue, BatchPolicy::default(), now), (Taken::Closed, 0));
}

#[test]
fn what_was_turned_away_is_settled_after_what_was_in_the_queue_then() {
    let queue = queue(2, 100, WhenFull::DropNewest);
    (1..=4).for_each(|id| assert_ne!(queue.push(alert(id), 1, SourceMode::Live), Pushed::Closed));
    assert_eq!(queue.settled(), 0);
    let mut batch = Batch::default();
    assert_eq!(take(&queue, &mut batch), Taken::Alerts);
    settle(&queue, 1);
    assert_eq!(queue.settled(), 1);
    settle(&queue, 2);
    assert_eq!(queue.settled(), 4);
    queue.push(alert(5), 1, SourceMode::Live);
    assert_eq!(queue.settled(), 5, "what the reader is done with still takes room");
}

fn settle(queue: &MemoryQueue, settled: u64) {
    queue.settle(&Settlement { settled, ..Settlement::default() });
}

#[test]
fn every_alert_is_received_whatever_becomes_of_it() {
    let queue = queue(2, 100, WhenFull::DropNewest);
    (1..=4).for_each(|id| assert_ne!(queue.push(alert(id), 1, SourceMode::Live), Pushed::Closed));
    queue.close();
    assert_eq!(queue.push(alert(5), 1, SourceMode::Live), Pushed::Closed);
    assert_eq!(queue.received(), 5);
}

#[test]
fn what_is_due_comes_while_others_are_waited_for() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    queue.push(alert(1), 1, SourceMode::Live);
    let policy = BatchPolicy { enough: 3, most: 3, delay: LONG };
    let due = Some(Instant::now() + Duration::from_millis(1));
    assert_eq!(gathered(&queue, policy, due), (Taken::Due, 0));
}

#[test]
fn the_oldest_alert_in_memory_waits_or_is_in_hand() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    assert_eq!(queue.oldest_in_memory(), None);
    let alerts = [1, 2].map(alert);
    for alert in &alerts {
        queue.push(Arc::clone(alert), 1, SourceMode::Live);
    }
    let received = |n: usize| Some(alerts[n].received);
    assert_eq!(queue.oldest_in_memory(), received(0));
    let mut batch = Batch::default();
    let one = BatchPolicy { enough: 1, most: 1, delay: Duration::ZERO };
    assert_eq!(queue.take(&mut batch, one, None), Taken::Alerts);
    assert_eq!(queue.oldest_in_memory(), received(0), "the reader has it");
    assert_eq!(queue.take(&mut batch, one, None), Taken::Alerts);
    assert_eq!(queue.oldest_in_memory(), received(1));
    queue.close();
    assert_eq!(queue.take(&mut batch, one, None), Taken::Closed);
    assert_eq!(queue.oldest_in_memory(), None);
}

#[test]
fn a_full_queue_is_taken_though_the_handler_wants_more() {
    let patient = BatchPolicy { enough: 100, most: 100, delay: Duration::from_secs(60) };
    let few = queue(2, 100, WhenFull::DropNewest);
    let pushed = [1, 2].map(|id| few.push(alert(id), 1, SourceMode::Live));
    assert_eq!(pushed, [Pushed::Queued; 2]);
    assert_eq!(few.take(&mut Batch::default(), patient, None), Taken::Alerts);
    let large = queue(10, 100, WhenFull::DropNewest);
    let pushed = [1, 2].map(|id| large.push(alert(id), 60, SourceMode::Live));
    assert_eq!(pushed, [Pushed::Queued, Pushed::Full]);
    assert_eq!(large.take(&mut Batch::default(), patient, None), Taken::Alerts);
}
