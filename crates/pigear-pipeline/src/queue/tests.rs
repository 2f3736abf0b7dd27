use std::thread;
use std::time::Duration;

use pigear_alert::AlertMessage;
use pigear_alert::wire::{Decoder, Dialect, encode};

use super::*;

const LONG: Duration = Duration::from_secs(60);

fn queue() -> Queue {
    Queue::new(Bounds { alerts: 100, bytes: usize::MAX }, WhenFull::DropNewest)
}

fn push(queue: &Queue, n: usize) {
    let datagram = encode(&AlertMessage::default(), Dialect::Snort3);
    for _ in 0..n {
        let decoded = Decoder::default().decode(&datagram).unwrap();
        let alert = Alert::new(decoded, Arc::default(), Arc::default());
        assert_eq!(queue.push(Arc::new(alert), 1), Pushed::Queued);
    }
}

fn take(queue: &Queue, gather: Gather, due: Option<Instant>) -> (Taken, usize) {
    let mut batch = Batch::default();
    let taken = queue.take(&mut batch, gather, due);
    (taken, batch.alerts().len())
}

#[test]
fn a_reader_that_gathers_nothing_gets_what_there_is() {
    let queue = queue();
    push(&queue, 3);
    assert_eq!(take(&queue, Gather::default(), None), (Taken::Alerts, 3));
}

#[test]
fn a_reader_gets_no_more_than_it_wants() {
    let queue = queue();
    push(&queue, 5);
    let gather = Gather { enough: 2, most: 4, delay: LONG };
    assert_eq!(take(&queue, gather, None), (Taken::Alerts, 4));
}

#[test]
fn a_reader_waits_until_there_is_enough() {
    let queue = queue();
    let gather = Gather { enough: 3, most: 3, delay: LONG };
    thread::scope(|scope| {
        let reader = scope.spawn(|| take(&queue, gather, None));
        (0..3).for_each(|_| push(&queue, 1));
        assert_eq!(reader.join().unwrap(), (Taken::Alerts, 3));
    });
}

#[test]
fn a_reader_waits_no_longer_than_it_would() {
    let queue = queue();
    push(&queue, 1);
    let gather = Gather { enough: 3, most: 3, delay: Duration::from_millis(1) };
    assert_eq!(take(&queue, gather, None), (Taken::Alerts, 1));
}

#[test]
fn a_reader_that_waits_for_more_gets_what_there_is_at_the_end() {
    let queue = queue();
    push(&queue, 1);
    queue.close();
    let gather = Gather { enough: 3, most: 3, delay: LONG };
    assert_eq!(take(&queue, gather, None), (Taken::Alerts, 1));
    assert_eq!(take(&queue, gather, None), (Taken::Closed, 0));
}

#[test]
fn a_reader_with_something_due_is_woken() {
    let queue = queue();
    let due = Some(Instant::now() + Duration::from_millis(1));
    assert_eq!(take(&queue, Gather::default(), due), (Taken::Due, 0));
    push(&queue, 1);
    assert_eq!(take(&queue, Gather::default(), due), (Taken::Alerts, 1));
}
