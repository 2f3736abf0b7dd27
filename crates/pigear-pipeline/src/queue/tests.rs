use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use super::*;
use crate::sample::{alert, until};

fn queue(alerts: usize, bytes: usize, when_full: WhenFull) -> Queue {
    Queue::new(Bounds { alerts, bytes }, when_full)
}

fn ids(batch: &Batch) -> Vec<u32> {
    batch.alerts().iter().map(|alert| alert.message.event_id).collect()
}

#[test]
fn alerts_come_out_as_they_went_in() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    for id in 1..=3 {
        assert_eq!(queue.push(alert(id), 1), Pushed::Queued);
    }
    let mut batch = Batch::default();
    assert!(queue.take(&mut batch));
    assert_eq!(ids(&batch), [1, 2, 3]);
}

#[test]
fn no_more_than_so_many_alerts_fit() {
    let queue = queue(2, 100, WhenFull::DropNewest);
    let pushed = [1, 2, 3].map(|id| queue.push(alert(id), 1));
    assert_eq!(pushed, [Pushed::Queued, Pushed::Queued, Pushed::Full]);
}

#[test]
fn no_more_than_so_many_bytes_fit() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    let pushed = [60, 41, 40, 1].map(|bytes| queue.push(alert(1), bytes));
    assert_eq!(pushed, [Pushed::Queued, Pushed::Full, Pushed::Queued, Pushed::Full]);
}

#[test]
fn an_alert_larger_than_the_bound_fits_into_an_empty_queue_only() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    assert_eq!(queue.push(alert(1), 1_000), Pushed::Queued);
    assert_eq!(queue.push(alert(2), 1), Pushed::Full);
    let mut batch = Batch::default();
    assert!(queue.take(&mut batch));
    assert_eq!(queue.push(alert(3), 1), Pushed::Full, "what the reader has in hand counts");
    queue.close();
    assert!(!queue.take(&mut batch));
    assert!(batch.alerts().is_empty());
}

#[test]
fn room_is_given_back_with_the_next_batch() {
    let queue = queue(2, 100, WhenFull::DropNewest);
    let mut batch = Batch::default();
    queue.push(alert(1), 50);
    assert!(queue.take(&mut batch));
    queue.push(alert(2), 50);
    assert_eq!(queue.push(alert(3), 1), Pushed::Full);
    assert!(queue.take(&mut batch));
    assert_eq!(ids(&batch), [2]);
    assert_eq!(queue.push(alert(4), 50), Pushed::Queued);
}

#[test]
fn a_batch_has_an_upper_bound() {
    let queue = queue(MAX_BATCH + 1, usize::MAX, WhenFull::DropNewest);
    (0..=MAX_BATCH).for_each(|_| assert_eq!(queue.push(alert(1), 1), Pushed::Queued));
    let mut batch = Batch::default();
    assert!(queue.take(&mut batch));
    assert_eq!(batch.alerts().len(), MAX_BATCH);
    assert!(queue.take(&mut batch));
    assert_eq!(batch.alerts().len(), 1);
}

#[test]
fn a_closed_queue_lets_nothing_in_and_gives_what_it_has() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    queue.push(alert(1), 1);
    queue.close();
    assert_eq!(queue.push(alert(2), 1), Pushed::Closed);
    let mut batch = Batch::default();
    assert!(queue.take(&mut batch));
    assert_eq!(ids(&batch), [1]);
    assert!(!queue.take(&mut batch));
}

#[test]
fn whoever_waits_for_room_is_let_in_by_the_reader() {
    let queue = queue(1, 100, WhenFull::Wait);
    queue.push(alert(1), 1);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| queue.push(alert(2), 1));
        let mut batch = Batch::default();
        assert!(queue.take(&mut batch));
        assert_eq!(ids(&batch), [1]);
        assert!(queue.take(&mut batch));
        assert_eq!(ids(&batch), [2]);
        assert_eq!(waiting.join().unwrap(), Pushed::Queued);
    });
}

#[test]
fn whoever_waits_for_room_is_let_go_when_the_queue_closes() {
    let queue = queue(1, 100, WhenFull::Wait);
    queue.push(alert(1), 1);
    thread::scope(|scope| {
        let (done, outcome) = channel();
        let queue = &queue;
        scope.spawn(move || done.send(queue.push(alert(2), 1)).unwrap());
        assert!(outcome.recv_timeout(Duration::from_millis(20)).is_err(), "it waits");
        queue.close();
        assert_eq!(outcome.recv_timeout(Duration::from_secs(20)).unwrap(), Pushed::Closed);
    });
}

#[test]
fn a_reader_that_waits_is_woken_by_an_alert_and_by_closing() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut batch = Batch::default();
            let mut taken = 0;
            while queue.take(&mut batch) {
                taken += batch.alerts().len();
            }
            taken
        });
        until("the reader sleeps", || queue.state().reader_sleeps);
        queue.push(alert(1), 1);
        until("it sleeps again", || queue.state().reader_sleeps);
        queue.close();
        assert_eq!(reader.join().unwrap(), 1);
    });
}

#[test]
fn what_waits_in_an_abandoned_queue_is_thrown_away() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    let mut batch = Batch::default();
    queue.push(alert(1), 1);
    assert!(queue.take(&mut batch));
    queue.push(alert(2), 1);
    queue.push(alert(3), 1);
    assert_eq!(queue.abandon(), 2);
    assert_eq!(queue.abandon(), 0);
    assert_eq!(queue.push(alert(4), 1), Pushed::Closed);
    assert!(!queue.take(&mut batch));
}

#[test]
fn a_reader_that_was_left_behind_settles_nothing_any_more() {
    let queue = queue(10, 100, WhenFull::DropNewest);
    let mut batch = Batch::default();
    (1..=3).for_each(|id| assert_eq!(queue.push(alert(id), 1), Pushed::Queued));
    assert!(queue.take(&mut batch));
    queue.push(alert(4), 1);
    assert_eq!(queue.settle(1, || "counted"), Some("counted"));
    assert_eq!(queue.leave_behind(), 3);
    assert_eq!(queue.settle(2, || "counted"), None);
    assert_eq!(queue.leave_behind(), 0);
}
