use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::filter::{Filter, FilterError};
use crate::handler::Gather;
use crate::stats::Stats;
use crate::test_alerts::alert;

/// Ten alerts, in memory.
#[derive(Default)]
struct Ten {
    done: Mutex<usize>,
    refused: Mutex<Vec<(usize, String)>>,
    refused_later: Mutex<Vec<(u32, String)>>,
    /// The alerts that the handler had in hand each time.
    in_hand: Mutex<Vec<Option<u32>>>,
}

impl Journal for Ten {
    fn next(&self, _: Gather, _: Option<Instant>) -> Next {
        let done = u32::try_from(*self.done.lock().unwrap()).unwrap();
        match done {
            10 => Next::Ended,
            done => Next::Alerts((done..10.min(done + 4)).map(alert).collect()),
        }
    }

    fn settle(&self, outcome: &Outcome) {
        let mut done = self.done.lock().unwrap();
        let refused = outcome.refused.iter().map(|(n, reason)| (*done + n, reason.clone()));
        self.refused.lock().unwrap().extend(refused);
        *done += outcome.settled;
        let later = outcome.refused_later.iter();
        let later = later.map(|(alert, reason)| (alert.message.event_id, reason.clone()));
        self.refused_later.lock().unwrap().extend(later);
        let in_hand = outcome.in_hand.as_ref().map(|alert| alert.message.event_id);
        self.in_hand.lock().unwrap().push(in_hand);
    }

    fn lag(&self) -> u64 {
        10 - *self.done.lock().unwrap() as u64
    }

    fn close(&self) {}

    fn end_by(&self, _: Instant) {}
}

struct Script<F>(F);

impl<F: FnMut(&[u32]) -> Result<(), HandlerError> + Send> Handler for Script<F> {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<(), HandlerError> {
        let ids: Vec<_> = alerts.iter().map(|alert| alert.message.event_id).collect();
        (self.0)(&ids)
    }
}

/// Has a handler work off the journal; returns it, and what was counted: handled, failed, lag.
fn work(
    on_error: OnError,
    handle: impl FnMut(&[u32]) -> Result<(), HandlerError> + Send + 'static,
) -> (LaneEnd, Arc<Ten>, [u64; 3]) {
    work_filtered(on_error, Vec::new(), handle)
}

/// The same with filters.
fn work_filtered(
    on_error: OnError,
    filters: Vec<Box<dyn Filter>>,
    handle: impl FnMut(&[u32]) -> Result<(), HandlerError> + Send + 'static,
) -> (LaneEnd, Arc<Ten>, [u64; 3]) {
    let (journal, stats) = (Arc::new(Ten::default()), Stats::default());
    let (name, counters) = stats.add_lane("test");
    let _ = counters.journal.set(journal.clone());
    let filter = LaneFilter::new(&name, filters, &counters);
    let lane = DurableLane::new(name, journal.clone(), counters, false);
    let end = lane.work(Worker { handler: Box::new(Script(handle)), filter }, on_error);
    let counted = stats.snapshot().handlers["test"];
    (end, journal, [counted.handled, counted.failed, counted.lag.unwrap()])
}

#[test]
fn everything_is_handled_in_order() {
    let told = Arc::new(Mutex::new(Vec::<u32>::new()));
    let seen = Arc::clone(&told);
    let (end, _, counted) = work(OnError::Stop, move |ids| {
        seen.lock().unwrap().extend(ids);
        Ok(())
    });
    assert!(matches!(end, LaneEnd::Done), "{end:?}");
    assert_eq!(counted, [10, 0, 0]);
    assert_eq!(*told.lock().unwrap(), (0..10).collect::<Vec<_>>());
}

#[test]
fn what_is_refused_is_kept_with_the_reason_and_the_rest_is_handled() {
    for on_error in [OnError::Stop, OnError::GoOn] {
        let (end, journal, counted) = work(on_error, |ids| match *ids {
            [4, ..] => Err(HandlerError::new("no").after(1).failed(2)),
            [9, ..] => panic!("oh"),
            [8, ..] => Err(HandlerError::new("not that").after(1)),
            _ => Ok(()),
        });
        assert!(matches!(end, LaneEnd::Done), "{end:?}");
        assert_eq!(counted, [7, 3, 0]);
        let refused = journal.refused.lock().unwrap().clone();
        assert_eq!(refused, [(5, "no".into()), (6, "no".into()), (9, "not that".into())]);
    }
}

#[test]
fn a_panic_is_a_refusal() {
    let (_, journal, counted) = work(OnError::Stop, |ids| match *ids {
        [0, ..] => panic!("oh"),
        _ => Ok(()),
    });
    assert_eq!(counted, [9, 1, 0]);
    assert_eq!(*journal.refused.lock().unwrap(), [(0, "panicked: oh".into())]);
}

#[test]
fn what_is_not_handled_when_time_is_up_stays() {
    let (end, journal, counted) = work(OnError::Stop, |ids| match *ids {
        [4, ..] => Err(HandlerError::time_up().after(2)),
        _ => Ok(()),
    });
    assert!(matches!(end, LaneEnd::Done), "{end:?}");
    assert_eq!(counted, [6, 0, 4]);
    assert_eq!(*journal.refused.lock().unwrap(), []);
}

#[test]
fn a_reader_that_has_gone_away_ends_the_lane() {
    let (end, _, counted) = work(OnError::Stop, |_| Err(HandlerError::reader_gone()));
    assert!(matches!(end, LaneEnd::ReaderGone), "{end:?}");
    assert_eq!(counted, [0, 0, 10]);
}

#[test]
fn a_lane_that_is_up_does_not_begin_another_batch() {
    let (journal, stats) = (Arc::new(Ten::default()), Stats::default());
    let (name, counters) = stats.add_lane("test");
    let lane = DurableLane::new(name, journal.clone(), counters, false);
    lane.end_by(Instant::now().checked_sub(Duration::from_millis(1)).unwrap());
    let handler = Box::new(Script(|_: &[u32]| Ok(())));
    lane.work(Worker { handler, filter: None }, OnError::Stop);
    assert_eq!(journal.lag(), 6);
}

struct Odd;

impl Filter for Odd {
    fn passes(&mut self, alert: &Arc<Alert>) -> Result<bool, FilterError> {
        Ok(alert.message.event_id % 2 == 1)
    }
}

#[test]
fn what_does_not_pass_the_filters_is_settled_with_what_is_before_it() {
    let (_, journal, counted) = work_filtered(OnError::Stop, vec![Box::new(Odd)], |ids| {
        assert!(ids.iter().all(|id| id % 2 == 1));
        match *ids {
            [5, ..] => Err(HandlerError::new("no").after(1)),
            _ => Ok(()),
        }
    });
    assert_eq!(counted, [4, 1, 0]);
    assert_eq!(*journal.refused.lock().unwrap(), [(7, "no".into())]);
    let (end, journal, counted) = work_filtered(OnError::Stop, vec![Box::new(Odd)], |ids| {
        if ids.contains(&7) { Err(HandlerError::time_up().after(1)) } else { Ok(()) }
    });
    assert!(matches!(end, LaneEnd::Done), "{end:?}");
    // 0 to 6 are done with.
    assert_eq!((counted, journal.lag()), ([3, 0, 3], 3));
}

#[test]
fn whoever_quits_has_dealt_with_the_batch() {
    let (end, journal, _) = work(OnError::Stop, |_| Err(HandlerError::quit()));
    assert!(matches!(end, LaneEnd::Quit), "{end:?}");
    assert_eq!(journal.lag(), 6);
}

struct PanicsAtStart;

impl Handler for PanicsAtStart {
    fn start(&mut self, _: &Deadline) {
        panic!("no");
    }

    fn handle(&mut self, _: &[Arc<Alert>]) -> Result<(), HandlerError> {
        Ok(())
    }
}

#[test]
fn a_handler_that_panics_at_the_start_ends_the_lane_and_loses_nothing() {
    let (journal, stats) = (Arc::new(Ten::default()), Stats::default());
    let (name, counters) = stats.add_lane("test");
    let lane = DurableLane::new(name, journal.clone(), counters, false);
    let worker = Worker { handler: Box::new(PanicsAtStart), filter: None };
    let end = lane.work(worker, OnError::GoOn);
    assert!(matches!(end, LaneEnd::Failed(error) if error.to_string() == "panicked: no"));
    assert_eq!(journal.lag(), 10);
}

/// Has some alerts in hand, and at the end refuses one of them.
#[derive(Default)]
struct Gatherer(Vec<Arc<Alert>>);

impl Handler for Gatherer {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<(), HandlerError> {
        self.0.extend_from_slice(alerts);
        if self.0.len() > 4 {
            self.0.drain(..3);
        }
        Ok(())
    }

    fn in_hand(&self) -> Option<Arc<Alert>> {
        self.0.first().cloned()
    }

    fn finish(&mut self) -> Result<(), HandlerError> {
        let refused = self.0.drain(..1).map(|alert| (alert, "no".to_owned())).collect();
        Err(HandlerError::new("one was refused").about(refused))
    }
}

#[test]
fn what_a_handler_still_has_in_hand_is_told_and_what_is_refused_later() {
    let (journal, stats) = (Arc::new(Ten::default()), Stats::default());
    let (name, counters) = stats.add_lane("test");
    let lane = DurableLane::new(name, journal.clone(), counters, false);
    let worker = Worker { handler: Box::new(Gatherer::default()), filter: None };
    let end = lane.work(worker, OnError::Stop);
    assert!(matches!(end, LaneEnd::Done), "{end:?}");
    assert_eq!(*journal.in_hand.lock().unwrap(), [Some(0), Some(3), Some(6), Some(7)]);
    assert_eq!(*journal.refused_later.lock().unwrap(), [(6, "no".into())]);
}
