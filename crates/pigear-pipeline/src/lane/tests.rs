use std::sync::Mutex;

use super::*;
use crate::filter::{Filter, FilterError};
use crate::handler::Gather;
use crate::stats::{LaneSnapshot, Stats};
use crate::test_alerts::alert;

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
    /// Filtered, and let through after a failure.
    filter: Option<(u64, u64)>,
    told: Vec<u32>,
    finished: u32,
}

/// Has a handler work off ten alerts, which come in one batch.
fn work(
    on_error: OnError,
    handle: impl FnMut(&[u32]) -> Result<(), HandlerError> + Send + 'static,
) -> Outcome {
    work_filtered(on_error, Vec::new(), handle)
}

fn work_filtered(
    on_error: OnError,
    filters: Vec<Box<dyn Filter>>,
    handle: impl FnMut(&[u32]) -> Result<(), HandlerError> + Send + 'static,
) -> Outcome {
    work_with(on_error, filters, |told| Box::new(Script { told: told.clone(), handle }))
}

fn work_with(
    on_error: OnError,
    filters: Vec<Box<dyn Filter>>,
    handler: impl FnOnce(&Told) -> Box<dyn Handler>,
) -> Outcome {
    let told = Told::default();
    let stats = Stats::default();
    let (name, counters) = stats.add_lane("test");
    let filter = LaneFilter::new(&name, filters, &counters);
    let handler = handler(&told);
    let lane = Lane::new(name, LaneSettings::default(), counters, &*handler);
    (1..=10).for_each(|id| lane.push(&alert(id), 1));
    lane.close();
    let end = lane.work(Worker { handler, filter }, on_error);
    lane.leave_behind();
    let counters = stats.snapshot().handlers["test"];
    let LaneSnapshot { handled, dropped, failed, filtered, filter_failed, .. } = counters;
    let (ids, finished) = (told.ids.lock().unwrap().clone(), *told.finished.lock().unwrap());
    let filter = filtered.zip(filter_failed);
    Outcome { end, counted: [handled, dropped, failed], filter, told: ids, finished }
}

struct Pass<F>(F);

impl<F: FnMut(u32) -> Result<bool, FilterError> + Send> Filter for Pass<F> {
    fn passes(&mut self, alert: &Arc<Alert>) -> Result<bool, FilterError> {
        (self.0)(alert.message.event_id)
    }
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
    fn start(&mut self, _: &Deadline) {
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
    work_with(on_error, Vec::new(), |told| Box::new(Panics { at, told: told.clone() }))
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
    let handler = Script { told: Told::default(), handle: |_: &[u32]| Ok(()) };
    let lane = Lane::new(name, LaneSettings::default(), counters, &handler);
    lane.close();
    lane.push(&alert(1), 1);
    assert_eq!(stats.snapshot().handlers["test"].dropped, 1);
}

#[test]
fn for_want_of_room_an_alert_is_dropped_and_the_next_is_handled() {
    let no_room = |ids: &[u32]| match ids.first() {
        Some(1) => Err(HandlerError::no_room("full").failed(4)),
        _ => Ok(()),
    };
    let outcome = work(OnError::Stop, no_room);
    assert!(matches!(outcome.end, LaneEnd::Done), "{:?}", outcome.end);
    assert_eq!(outcome.counted, [6, 4, 0]);
}

#[test]
fn a_handler_gets_what_passes_all_filters() {
    let above_2 = Pass(|id| Ok(id > 2));
    let even = Pass(|id| Ok(id % 2 == 0));
    let outcome = work_filtered(OnError::Stop, vec![Box::new(above_2), Box::new(even)], |_| Ok(()));
    assert_eq!(outcome.told, [4, 6, 8, 10]);
    assert_eq!((outcome.counted, outcome.filter), ([4, 0, 0], Some((6, 0))));
}

#[test]
fn what_comes_again_after_an_error_is_filtered_once() {
    let odd = Pass(|id| Ok(id % 2 == 1));
    let outcome = work_filtered(OnError::GoOn, vec![Box::new(odd)], fail_at(5));
    assert_eq!(outcome.told, [1, 3, 5, 7, 9, 7, 9]);
    assert_eq!((outcome.counted, outcome.filter), ([4, 0, 1], Some((5, 0))));
}

#[test]
fn a_filter_that_fails_lets_the_alert_through() {
    let fails = Pass(|id| match id {
        1..=3 => Err(FilterError::new("no")),
        4 => panic!("broken"),
        _ => Ok(id > 9),
    });
    let outcome = work_filtered(OnError::Stop, vec![Box::new(fails)], |_| Ok(()));
    assert_eq!(outcome.told, [1, 2, 3, 4, 10]);
    assert_eq!((outcome.counted, outcome.filter), ([5, 0, 0], Some((5, 4))));
}

#[test]
fn a_handler_without_a_filter_has_no_counters_for_one() {
    assert_eq!(work(OnError::Stop, |_| Ok(())).filter, None);
}

#[test]
fn whoever_quits_has_dealt_with_the_batch() {
    for on_error in [OnError::Stop, OnError::GoOn] {
        let outcome = work(on_error, |_| Err(HandlerError::quit()));
        assert!(matches!(outcome.end, LaneEnd::Quit), "{:?}", outcome.end);
        assert_eq!((outcome.counted, outcome.finished), ([10, 0, 0], 1));
    }
}

#[test]
fn a_handler_sees_what_waits_for_it() {
    type Seen = Vec<(usize, Vec<u32>)>;

    #[derive(Default)]
    struct Watching(Option<Backlog>, Arc<Mutex<Seen>>);

    impl Handler for Watching {
        fn watch(&mut self, backlog: Backlog) {
            self.0 = Some(backlog);
        }

        fn gather(&self) -> Gather {
            Gather { most: 1, ..Gather::default() }
        }

        fn handle(&mut self, _: &[Arc<Alert>]) -> Result<(), HandlerError> {
            let backlog = self.0.as_ref().unwrap();
            let newest = backlog.newest(2).iter().map(|alert| alert.message.event_id).collect();
            assert!(!backlog.is_filtered());
            self.1.lock().unwrap().push((backlog.waiting(), newest));
            Ok(())
        }
    }

    let handler = Watching::default();
    let seen = Arc::clone(&handler.1);
    let (name, counters) = Stats::default().add_lane("test");
    let lane = Lane::new(name, LaneSettings::default(), counters, &handler);
    (1..=4).for_each(|id| lane.push(&alert(id), 1));
    lane.close();
    lane.work(Worker { handler: Box::new(handler), filter: None }, OnError::Stop);
    let expected = [(3, vec![3, 4]), (2, vec![3, 4]), (1, vec![4]), (0, Vec::new())];
    assert_eq!(*seen.lock().unwrap(), expected);
}
