use std::sync::Mutex;

use super::*;
use crate::sample::alert;
use crate::stats::{LaneSnapshot, Stats};

/// What a handler was told, and what it should do about some alerts.
#[derive(Clone, Default)]
struct Told {
    ids: Arc<Mutex<Vec<u32>>>,
    finished: Arc<Mutex<u32>>,
}

struct Script<F> {
    told: Told,
    handle: F,
}

impl<F: FnMut(&[u32]) -> Result<(), HandlerError> + Send> Handler for Script<F> {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<(), HandlerError> {
        let ids: Vec<_> = alerts.iter().map(|alert| alert.message.event_id).collect();
        self.told.ids.lock().unwrap().extend(&ids);
        (self.handle)(&ids)
    }

    fn finish(&mut self) -> Result<(), HandlerError> {
        *self.told.finished.lock().unwrap() += 1;
        Ok(())
    }
}

struct Outcome {
    end: LaneEnd,
    /// Handled, dropped, failed.
    counted: [u64; 3],
    told: Vec<u32>,
    finished: u32,
}

/// Has a handler work off ten alerts, which come in one batch.
fn work(
    on_error: OnError,
    handle: impl FnMut(&[u32]) -> Result<(), HandlerError> + Send + 'static,
) -> Outcome {
    work_with(on_error, |told| Box::new(Script { told: told.clone(), handle }))
}

fn work_with(on_error: OnError, handler: impl FnOnce(&Told) -> Box<dyn Handler>) -> Outcome {
    let told = Told::default();
    let stats = Stats::default();
    let (name, counters) = stats.add_lane("test");
    let lane = Lane::new(name, LaneSettings::default(), counters, false);
    (1..=10).for_each(|id| lane.push(&alert(id), 1));
    lane.close();
    let end = lane.work(handler(&told), on_error);
    lane.leave_behind();
    let LaneSnapshot { handled, dropped, failed } = stats.snapshot().handlers["test"];
    let (ids, finished) = (told.ids.lock().unwrap().clone(), *told.finished.lock().unwrap());
    Outcome { end, counted: [handled, dropped, failed], told: ids, finished }
}

fn fail_at(bad: u32) -> impl FnMut(&[u32]) -> Result<(), HandlerError> {
    move |ids| match ids.iter().position(|&id| id == bad) {
        Some(n) => Err(HandlerError::new("no").after(n)),
        None => Ok(()),
    }
}

#[test]
fn all_alerts_are_handled_and_the_handler_finished() {
    let outcome = work(OnError::Stop, |_| Ok(()));
    assert!(matches!(outcome.end, LaneEnd::Done));
    assert_eq!((outcome.counted, outcome.finished), ([10, 0, 0], 1));
}

#[test]
fn after_an_error_in_the_middle_the_rest_comes_again() {
    let outcome = work(OnError::GoOn, fail_at(4));
    assert!(matches!(outcome.end, LaneEnd::Done));
    assert_eq!((outcome.counted, outcome.finished), ([9, 0, 1], 1));
    let expected: Vec<u32> = (1..=10).chain(5..=10).collect();
    assert_eq!(outcome.told, expected);
}

#[test]
fn an_error_ends_the_lane_and_drops_the_rest() {
    let outcome = work(OnError::Stop, fail_at(4));
    assert!(matches!(outcome.end, LaneEnd::Failed(_)), "{:?}", outcome.end);
    assert_eq!((outcome.counted, outcome.finished), ([3, 6, 1], 1));
}

#[test]
fn every_alert_may_fail() {
    let outcome = work(OnError::GoOn, |_| Err(HandlerError::new("no")));
    assert!(matches!(outcome.end, LaneEnd::Done));
    assert_eq!((outcome.counted, outcome.finished), ([0, 0, 10], 1));
}

#[test]
fn a_handler_that_claims_too_much_is_taken_to_have_failed_at_the_last() {
    let outcome = work(OnError::GoOn, |_| Err(HandlerError::new("no").after(1_000)));
    assert_eq!(outcome.counted, [9, 0, 1]);
}

#[test]
fn a_panic_is_an_error() {
    let panics = |ids: &[u32]| if ids[0] == 1 { panic!("broken") } else { Ok(()) };
    let outcome = work(OnError::GoOn, panics);
    assert!(matches!(outcome.end, LaneEnd::Done));
    assert_eq!((outcome.counted, outcome.finished), ([9, 0, 1], 1));

    let outcome = work(OnError::Stop, panics);
    let LaneEnd::Failed(error) = outcome.end else { panic!("{:?}", outcome.end) };
    assert_eq!(error.to_string(), "panicked: broken");
    assert_eq!((outcome.counted, outcome.finished), ([0, 9, 1], 1));
}

/// Panics wherever it is told to, and counts what it handles.
struct Panics {
    at: &'static str,
    told: Told,
}

impl Panics {
    fn reach(&self, place: &str) {
        assert!(self.at != place, "broken at {place}");
    }
}

impl Handler for Panics {
    fn start(&mut self, _: &Ending) {
        self.reach("start");
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<(), HandlerError> {
        self.told.ids.lock().unwrap().extend(alerts.iter().map(|alert| alert.message.event_id));
        Ok(())
    }

    fn gather(&self) -> crate::Gather {
        self.reach("gather");
        crate::Gather::default()
    }

    fn finish(&mut self) -> Result<(), HandlerError> {
        *self.told.finished.lock().unwrap() += 1;
        Ok(())
    }
}

fn work_and_panic(on_error: OnError, at: &'static str) -> Outcome {
    work_with(on_error, |told| Box::new(Panics { at, told: told.clone() }))
}

#[test]
fn a_panic_at_the_start_is_an_error() {
    let outcome = work_and_panic(OnError::GoOn, "start");
    assert!(matches!(outcome.end, LaneEnd::Done));
    assert_eq!((outcome.counted, outcome.finished), ([10, 0, 0], 1));

    let outcome = work_and_panic(OnError::Stop, "start");
    let LaneEnd::Failed(error) = outcome.end else { panic!("{:?}", outcome.end) };
    assert_eq!(error.to_string(), "panicked: broken at start");
    assert_eq!((outcome.counted, outcome.finished), ([0, 10, 0], 1));
}

#[test]
fn a_panic_between_alerts_ends_the_lane() {
    for on_error in [OnError::Stop, OnError::GoOn] {
        let outcome = work_and_panic(on_error, "gather");
        assert!(matches!(outcome.end, LaneEnd::Failed(_)), "{:?}", outcome.end);
        assert_eq!((outcome.counted, outcome.finished), ([0, 10, 0], 1));
    }
}

#[test]
fn a_reader_that_is_gone_ends_the_lane_without_a_failure() {
    for on_error in [OnError::Stop, OnError::GoOn] {
        let outcome = work(on_error, |_| Err(HandlerError::reader_gone().after(3)));
        assert!(matches!(outcome.end, LaneEnd::ReaderGone), "{:?}", outcome.end);
        assert_eq!((outcome.counted, outcome.finished), ([3, 7, 0], 1));
    }
}

#[test]
fn what_comes_after_the_end_is_dropped() {
    let stats = Stats::default();
    let (name, counters) = stats.add_lane("test");
    let lane = Lane::new(name, LaneSettings::default(), counters, false);
    lane.close();
    lane.push(&alert(1), 1);
    assert_eq!(stats.snapshot().handlers["test"].dropped, 1);
}
