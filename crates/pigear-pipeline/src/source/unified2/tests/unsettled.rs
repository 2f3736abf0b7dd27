//! Alerts that no lane is done with come again.

use super::*;

/// Never done.
struct Stuck;

impl Handler for Stuck {
    fn handle(&mut self, _: &[Arc<Alert>]) -> Result<Progress, Failure> {
        loop {
            thread::park();
        }
    }
}

#[test]
fn the_bookmark_stays_before_alerts_that_no_lane_is_done_with() {
    let log = Log::new();
    append(&log.path("u2.log"), &records([1, 2]));
    let stop = Stop::default();
    let mut pipeline = Pipeline::default();
    pipeline.drain = Duration::from_millis(10);
    pipeline.add("stuck", Box::new(Stuck), LaneSettings::default());
    let stats = pipeline.stats();
    let (source, stopped) = (log.open(Start::Beginning), stop.clone());
    let thread = thread::spawn(move || pipeline.run(vec![Box::new(source)], &stopped));
    until("the alerts are read", || stats.snapshot().received == 2);
    stop.request();
    let end = thread.join().unwrap().unwrap_err();
    assert!(matches!(end, PipelineError::LeftInLog { alerts: 2, place: "the log" }), "{end}");
    let stuck = stats.snapshot().handlers["stuck"];
    assert_eq!((stuck.dropped, stuck.waiting), (0, 2));
    append(&log.path("u2.log"), &records([3]));
    assert_eq!(log.read(Start::Bookmark).0, [1, 2, 3]);
}

/// A source that waits for room goes on when the lane is closed.
#[test]
fn what_comes_to_a_closed_lane_is_not_dropped_if_it_comes_again() {
    let log = Log::new();
    append(&log.path("u2.log"), &records(1..=5));
    let stop = Stop::default();
    let mut pipeline = Pipeline::default();
    pipeline.drain = Duration::from_millis(10);
    let small = LaneSettings { max_alerts: 2, ..LaneSettings::default() };
    pipeline.add("stuck", Box::new(Stuck), small);
    let stats = pipeline.stats();
    let (source, stopped) = (log.open(Start::Beginning), stop.clone());
    let thread = thread::spawn(move || pipeline.run(vec![Box::new(source)], &stopped));
    until("there is no room", || stats.snapshot().received == 3);
    stop.request();
    let end = thread.join().unwrap().unwrap_err();
    assert!(matches!(end, PipelineError::LeftInLog { alerts: 2.., .. }), "{end}");
    let stats = stats.snapshot();
    let stuck = stats.handlers["stuck"];
    assert_eq!((stuck.dropped, stuck.waiting), (0, stats.received));
    assert_eq!(log.read(Start::Bookmark).0, [1, 2, 3, 4, 5]);
}

/// Fails at the alert with this event id.
struct FailsAt(u32);

impl Handler for FailsAt {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        match alerts.iter().position(|alert| alert.message.event_id == self.0) {
            Some(handled) => Err(Failure::refused("no").after(handled)),
            None => Ok(Progress::All),
        }
    }
}

#[test]
fn what_an_error_kept_from_being_handled_comes_again() {
    let log = Log::new();
    log.read(Start::Bookmark);
    append(&log.path("u2.log"), &records(1..=3));
    let mut pipeline = Pipeline::default();
    pipeline.add("fails", Box::new(FailsAt(2)), LaneSettings::default());
    let source = log.open(Start::Bookmark).until(Until::End);
    let end = pipeline.run(vec![Box::new(source)], &Stop::default());
    assert!(matches!(end, Err(PipelineError::Handler { .. })), "{end:?}");
    let again = log.read(Start::Bookmark).0;
    assert!(again.ends_with(&[2, 3]), "{again:?}");
}

/// Has room for so many alerts.
struct Room(usize);

impl Handler for Room {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        let taken = self.0.min(alerts.len());
        self.0 -= taken;
        if taken == alerts.len() {
            Ok(Progress::All)
        } else {
            Err(Failure::no_room("full").after(taken))
        }
    }
}

#[test]
fn reading_to_the_end_does_not_wait_for_room_that_alerts_may_not_wait_for() {
    let log = Log::new();
    log.read(Start::Bookmark);
    append(&log.path("u2.log"), &records(1..=9));
    let mut pipeline = Pipeline::default();
    let drops = LaneSettings { when_full: WhenFull::DropNewest, ..LaneSettings::default() };
    pipeline.add("small", Box::new(Room(5)), drops);
    let stats = pipeline.stats();
    let source = log.open(Start::Bookmark).until(Until::End);
    let end = pipeline.run(vec![Box::new(source)], &Stop::default());
    let left_out = matches!(&end, Err(PipelineError::Source { source: SourceError::LeftOut, .. }));
    assert!(left_out, "{end:?}");
    let counted = stats.snapshot().handlers["small"];
    assert_eq!((counted.handled, counted.dropped), (5, 4));
    let again = log.read(Start::Bookmark).0;
    assert!(again.ends_with(&[6, 7, 8, 9]), "{again:?}");
}
