use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::Duration;

use std::sync::Arc;
use std::time::Instant;

use pigear_alert::Alert;

use super::open as open_lane;
use super::*;
use crate::backlog::Backlog;
use crate::filter::FilterError;
use crate::handler::{Context, Failure, Needs, Progress};
use crate::policy::{BatchPolicy, OnError, SourceMode};
use crate::stats::{LaneSnapshot, Stats};
use crate::test_alerts::alert;

mod account;
mod durable;
mod grouped;

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

impl<F: FnMut(&[u32]) -> Result<Progress, Failure> + Send> Handler for Script<F> {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        let ids: Vec<_> = alerts.iter().map(|alert| alert.message.event_id).collect();
        self.told.ids.lock().unwrap().extend(&ids);
        (self.handle)(&ids)
    }

    fn finish(&mut self) -> Result<(), Failure> {
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
    filtered_unknown: Option<u64>,
    told: Vec<u32>,
    finished: u32,
}

/// Has a handler work off ten alerts, which come in one batch.
fn work(
    on_error: OnError,
    handle: impl FnMut(&[u32]) -> Result<Progress, Failure> + Send + 'static,
) -> Outcome {
    work_filtered(on_error, Vec::new(), handle)
}

fn work_filtered(
    on_error: OnError,
    filters: Vec<Box<dyn Filter>>,
    handle: impl FnMut(&[u32]) -> Result<Progress, Failure> + Send + 'static,
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
    let parts = LaneParts { settings: LaneSettings::default(), filters, queue: None };
    let worker = open_lane(parts, handler(&told), |account| stats.add_lane("test", account));
    let lane = Arc::clone(worker.lane());
    (1..=10).for_each(|id| lane.push(&alert(id), 1, SourceMode::Live));
    lane.close();
    let end = worker.run(on_error);
    lane.leave_behind();
    let counters = stats.snapshot().handlers["test"];
    let LaneSnapshot { handled, dropped, failed, filtered, filter_failed, .. } = counters;
    let filtered_unknown = counters.filtered_unknown;
    adds_up(counters);
    let (ids, finished) = (told.ids.lock().unwrap().clone(), *told.finished.lock().unwrap());
    let filter = filtered.zip(filter_failed);
    let counted = [handled, dropped, failed];
    Outcome { end, counted, filter, filtered_unknown, told: ids, finished }
}

#[track_caller]
fn adds_up(lane: LaneSnapshot) {
    let LaneSnapshot { received, handled, dropped, failed, filtered, muted, waiting, .. } = lane;
    let left_out = filtered.unwrap_or_default() + muted.unwrap_or_default();
    assert_eq!(received, handled + dropped + failed + left_out + waiting, "{lane:?}");
}

struct Pass<F>(F);

impl<F: FnMut(u32) -> Result<bool, FilterError> + Send> Filter for Pass<F> {
    fn passes(&mut self, alert: &Arc<Alert>) -> Result<bool, FilterError> {
        (self.0)(alert.message.event_id)
    }
}

fn fail_at(bad: u32) -> impl FnMut(&[u32]) -> Result<Progress, Failure> {
    move |ids| match ids.iter().position(|&id| id == bad) {
        Some(n) => Err(Failure::refused("no").after(n)),
        None => Ok(Progress::All),
    }
}

#[test]
fn all_alerts_are_handled_and_the_handler_finished() {
    let outcome = work(OnError::Stop, |_| Ok(Progress::All));
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
    let outcome = work(OnError::GoOn, |_| Err(Failure::refused("no")));
    assert!(matches!(outcome.end, LaneEnd::Done));
    assert_eq!((outcome.counted, outcome.finished), ([0, 0, 10], 1));
}

#[test]
fn a_handler_that_claims_too_much_is_taken_to_have_failed_at_the_last() {
    let outcome = work(OnError::GoOn, |_| Err(Failure::refused("no").after(1_000)));
    assert_eq!(outcome.counted, [9, 0, 1]);
}

#[test]
fn a_panic_is_an_error() {
    let panics = |ids: &[u32]| if ids[0] == 1 { panic!("broken") } else { Ok(Progress::All) };
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
    fn needs(&self) -> Needs {
        self.reach("needs");
        Needs::default()
    }

    fn start(&mut self, _: Context) -> Result<(), Failure> {
        self.reach("start");
        Ok(())
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        self.told.ids.lock().unwrap().extend(alerts.iter().map(|alert| alert.message.event_id));
        Ok(Progress::All)
    }

    fn finish(&mut self) -> Result<(), Failure> {
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
fn a_reader_that_is_gone_ends_the_lane_without_a_failure() {
    for on_error in [OnError::Stop, OnError::GoOn] {
        let outcome = work(on_error, |_| Err(Failure::reader_gone().after(3)));
        assert!(matches!(outcome.end, LaneEnd::ReaderGone), "{:?}", outcome.end);
        assert_eq!((outcome.counted, outcome.finished), ([3, 7, 0], 1));
    }
}

#[test]
fn what_comes_after_the_end_is_dropped() {
    let stats = Stats::default();
    let handler = Box::new(Script { told: Told::default(), handle: |_: &[u32]| Ok(Progress::All) });
    let parts = LaneParts { settings: LaneSettings::default(), filters: Vec::new(), queue: None };
    let worker = open_lane(parts, handler, |account| stats.add_lane("test", account));
    let lane = worker.lane();
    lane.close();
    lane.push(&alert(1), 1, SourceMode::Live);
    assert_eq!(stats.snapshot().handlers["test"].dropped, 1);
}

#[test]
fn for_want_of_room_an_alert_is_dropped_and_the_next_is_handled() {
    let no_room = |ids: &[u32]| match ids.first() {
        Some(1) => Ok(Progress::First(NonZeroUsize::new(4).unwrap())),
        _ => Err(Failure::no_room("full").after(1)),
    };
    let outcome = work(OnError::Stop, no_room);
    assert!(matches!(outcome.end, LaneEnd::Done), "{:?}", outcome.end);
    assert_eq!(outcome.counted, [5, 5, 0]);
}

#[test]
fn a_handler_gets_what_passes_all_filters() {
    let above_2 = Pass(|id| Ok(id > 2));
    let even = Pass(|id| Ok(id % 2 == 0));
    let outcome = work_filtered(OnError::Stop, vec![Box::new(above_2), Box::new(even)], |_| {
        Ok(Progress::All)
    });
    assert_eq!(outcome.told, [4, 6, 8, 10]);
    assert_eq!((outcome.counted, outcome.filter), ([4, 0, 0], Some((6, 0))));
}

/// Lets through what is greater, and doesn't know it of multiples of three.
struct NotAlwaysKnown(u32, Option<&'static str>);

impl Filter for NotAlwaysKnown {
    fn passes(&mut self, alert: &Arc<Alert>) -> Result<bool, FilterError> {
        let id = alert.message.event_id;
        self.1 = id.is_multiple_of(3).then_some("the field is not known");
        Ok(id > self.0 && !id.is_multiple_of(3))
    }

    fn unknown(&self) -> Option<&str> {
        self.1
    }
}

#[test]
fn what_is_left_out_only_because_a_field_is_not_known_is_counted() {
    let unknown: Box<dyn Filter> = Box::new(NotAlwaysKnown(2, None));
    let outcome = work_filtered(OnError::Stop, vec![unknown], |_| Ok(Progress::All));
    assert_eq!(outcome.told, [4, 5, 7, 8, 10]);
    assert_eq!((outcome.filter, outcome.filtered_unknown), (Some((5, 0)), Some(3)));
}

#[test]
fn what_another_filter_leaves_out_too_is_not_left_out_for_an_unknown_field() {
    for order in [false, true] {
        let even: Box<dyn Filter> = Box::new(Pass(|id| Ok(id % 2 == 0)));
        let mut filters = vec![even, Box::new(NotAlwaysKnown(2, None))];
        if order {
            filters.reverse();
        }
        let outcome = work_filtered(OnError::Stop, filters, |_| Ok(Progress::All));
        assert_eq!(outcome.told, [4, 8, 10]);
        assert_eq!((outcome.filter, outcome.filtered_unknown), (Some((7, 0)), Some(1)));
    }
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
    let outcome = work_filtered(OnError::Stop, vec![Box::new(fails)], |_| Ok(Progress::All));
    assert_eq!(outcome.told, [1, 2, 3, 4, 10]);
    assert_eq!((outcome.counted, outcome.filter), ([5, 0, 0], Some((5, 4))));
}

#[test]
fn a_handler_without_a_filter_has_no_counters_for_one() {
    assert_eq!(work(OnError::Stop, |_| Ok(Progress::All)).filter, None);
}

#[test]
fn whoever_quits_has_dealt_with_the_batch() {
    for on_error in [OnError::Stop, OnError::GoOn] {
        let outcome = work(on_error, |_| Err(Failure::quit()));
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
        fn needs(&self) -> Needs {
            let batch = BatchPolicy { most: 1, ..BatchPolicy::default() };
            Needs { batch, ..Needs::default() }
        }

        fn start(&mut self, context: Context) -> Result<(), Failure> {
            self.0 = Some(context.backlog);
            Ok(())
        }

        fn handle(&mut self, _: &[Arc<Alert>]) -> Result<Progress, Failure> {
            let backlog = self.0.as_ref().unwrap();
            let newest = backlog.newest(2).iter().map(|alert| alert.message.event_id).collect();
            assert!(!backlog.is_filtered());
            self.1.lock().unwrap().push((backlog.waiting(), newest));
            Ok(Progress::All)
        }
    }

    let handler = Watching::default();
    let seen = Arc::clone(&handler.1);
    let parts = LaneParts { settings: LaneSettings::default(), filters: Vec::new(), queue: None };
    let worker = open_lane(parts, Box::new(handler), |_| "test".to_owned());
    let lane = Arc::clone(worker.lane());
    (1..=4).for_each(|id| lane.push(&alert(id), 1, SourceMode::Live));
    lane.close();
    worker.run(OnError::Stop);
    let expected = [(3, vec![3, 4]), (2, vec![3, 4]), (1, vec![4]), (0, Vec::new())];
    assert_eq!(*seen.lock().unwrap(), expected);
}
