mod changing;
mod ending;

use std::sync::{Condvar, Mutex};

use pigear_alert::Alert;

use super::*;
use crate::alert_factory::AlertFactory;
use crate::deadline::{Deadline, Slept};
use crate::handler::{Context, Needs, Progress};
use crate::lane_times::LanePhase;
use crate::latency::Latency;
use crate::policy::{LaneSettings, WhenFull};
use crate::stats::Snapshot;
use crate::test_alerts::{datagram, until};

/// Hands in so many alerts, and then ends, or waits for being stopped.
struct Given {
    alerts: u32,
    and_then: AndThen,
}

#[derive(Clone, Copy, PartialEq)]
enum AndThen {
    End,
    Wait,
    Bad,
    Panic,
}

impl Source for Given {
    fn name(&self) -> String {
        "given".to_owned()
    }

    fn run(self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        let mut intake = fanout.intake(AlertFactory::default());
        for id in 1..=self.alerts {
            if let std::ops::ControlFlow::Break(end) = intake.datagram(&datagram(id), None) {
                return end;
            }
        }
        match self.and_then {
            AndThen::End => Ok(()),
            AndThen::Panic => panic!("broken"),
            AndThen::Bad => match intake.datagram(b"bad", None) {
                std::ops::ControlFlow::Break(end) => end,
                std::ops::ControlFlow::Continue(()) => Ok(()),
            },
            AndThen::Wait => {
                until("it is stopped", || stop.is_requested());
                Ok(())
            }
        }
    }
}

fn given(alerts: u32, and_then: AndThen) -> Vec<Box<dyn Source>> {
    vec![Box::new(Given { alerts, and_then })]
}

/// Takes all alerts, and counts.
#[derive(Clone, Default)]
struct Count(Arc<Mutex<Counted>>);

#[derive(Default)]
struct Counted {
    alerts: usize,
    finished: u32,
}

impl Handler for Count {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        self.0.lock().unwrap().alerts += alerts.len();
        Ok(Progress::All)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.0.lock().unwrap().finished += 1;
        Ok(())
    }
}

/// Refuses everything.
struct Refuse;

impl Handler for Refuse {
    fn handle(&mut self, _: &[Arc<Alert>]) -> Result<Progress, Failure> {
        Err(Failure::refused("no"))
    }
}

#[test]
fn how_long_alerts_and_handlers_take_is_counted_for_each_lane() {
    let mut pipeline = Pipeline { on_error: OnError::GoOn, ..Pipeline::default() };
    pipeline.add("count", Box::new(Count::default()), LaneSettings::default());
    pipeline.add("refuse", Box::new(Refuse), LaneSettings::default());
    let stats = pipeline.stats();
    let counted = |latency: &Latency| {
        latency.buckets.iter().map(|(_, count)| count).sum::<u64>() + latency.above
    };
    assert!(stats.timings().values().all(|timing| timing.phase == LanePhase::Starting));
    pipeline.run(given(3, AndThen::End), &Stop::default()).unwrap();
    let timings = stats.timings();
    assert!(timings.values().all(|timing| timing.phase == LanePhase::Ended));
    assert_eq!((counted(&timings["count"].handling), counted(&timings["refuse"].handling)), (3, 0));
    assert!((1..=3).contains(&counted(&timings["count"].delivery)));
    assert_eq!(counted(&timings["refuse"].delivery), 3);
    // These packets are of 1970.
    assert_eq!((stats.receive_delay().above, stats.receive_delay().sum), (3, 3.0 * 3_600.0));
}

/// Is busy until it is let go.
struct Stuck(Arc<(Mutex<bool>, Condvar)>);

impl Handler for Stuck {
    fn handle(&mut self, _: &[Arc<Alert>]) -> Result<Progress, Failure> {
        let (free, changed) = &*self.0;
        drop(changed.wait_while(free.lock().unwrap(), |free| !*free).unwrap());
        Ok(Progress::All)
    }
}

/// Waits for somebody with each batch, and gives up in time.
struct Waits {
    time: Duration,
    deadline: Deadline,
}

impl Waits {
    fn each(time: Duration) -> Self {
        Self { time, deadline: Deadline::default() }
    }
}

impl Handler for Waits {
    fn start(&mut self, context: Context) -> Result<(), Failure> {
        self.deadline = context.deadline;
        Ok(())
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        match self.deadline.sleep(self.time) {
            Slept::Fully => Ok(Progress::All),
            Slept::TimeUp => Err(Failure::time_up().after(alerts.len().min(1))),
        }
    }
}

struct Fails;

impl Handler for Fails {
    fn handle(&mut self, _: &[Arc<Alert>]) -> Result<Progress, Failure> {
        Err(Failure::refused("no"))
    }
}

struct ReaderGone;

impl Handler for ReaderGone {
    fn handle(&mut self, _: &[Arc<Alert>]) -> Result<Progress, Failure> {
        Err(Failure::reader_gone())
    }
}

/// When an impatient pipeline leaves handlers behind.
const LATE: Duration = Duration::from_millis(50);

/// For handlers that stay stuck: there is no need to wait long.
fn impatient() -> Pipeline {
    Pipeline { drain: LATE, ..Pipeline::default() }
}

fn small(when_full: WhenFull) -> LaneSettings {
    LaneSettings { max_alerts: 10, when_full, ..LaneSettings::default() }
}

#[track_caller]
fn adds_up(snapshot: &Snapshot) {
    for (name, lane) in &snapshot.handlers {
        let sum = lane.handled + lane.dropped + lane.failed + lane.waiting;
        assert_eq!(sum, snapshot.received, "{name}: {snapshot:?}");
        assert_eq!(lane.received, snapshot.received, "{name}: {snapshot:?}");
    }
}

/// Runs a pipeline that somebody stops once so many alerts are received.
fn run_and_stop_after(
    received: u64,
    pipeline: Pipeline,
    sources: Vec<Box<dyn Source>>,
    stop: &Stop,
) {
    let stats = pipeline.stats();
    thread::scope(|scope| {
        scope.spawn(|| {
            until("so many are received", || stats.snapshot().received == received);
            stop.request();
        });
        pipeline.run(sources, stop).unwrap();
    });
}

#[test]
fn every_lane_gets_every_alert_and_each_handler_is_finished_once() {
    let counts = [Count::default(), Count::default()];
    let mut pipeline = Pipeline::default();
    for count in &counts {
        pipeline.add("count", Box::new(count.clone()), LaneSettings::default());
    }
    let stats = pipeline.stats();
    pipeline.run(given(1_000, AndThen::End), &Stop::default()).unwrap();
    for count in counts {
        let counted = count.0.lock().unwrap();
        assert_eq!((counted.alerts, counted.finished), (1_000, 1));
    }
    let snapshot = stats.snapshot();
    assert_eq!(snapshot.received, 1_000);
    assert_eq!(snapshot.handlers.keys().collect::<Vec<_>>(), ["count", "count-2"]);
    adds_up(&snapshot);
}

#[test]
fn it_ends_at_the_limit_also_over_several_sources() {
    let count = Count::default();
    let mut pipeline = Pipeline { limit: Some(150), ..Pipeline::default() };
    pipeline.add("count", Box::new(count.clone()), LaneSettings::default());
    let stats = pipeline.stats();
    let sources = [given(100, AndThen::Wait), given(100, AndThen::Wait)];
    let stop = Stop::default();
    pipeline.run(sources.into_iter().flatten().collect(), &stop).unwrap();
    assert!(stop.is_requested());
    assert_eq!(stats.snapshot().received, 150);
    assert_eq!(count.0.lock().unwrap().alerts, 150);
}

#[test]
fn a_stuck_handler_is_left_behind_and_the_counters_add_up() {
    let free = Arc::new((Mutex::new(false), Condvar::new()));
    let mut pipeline = impatient();
    pipeline.add("stuck", Box::new(Stuck(Arc::clone(&free))), small(WhenFull::DropNewest));
    pipeline.add("count", Box::new(Count::default()), LaneSettings::default());
    pipeline.add("gone", Box::new(ReaderGone), LaneSettings::default());
    let stats = pipeline.stats();
    run_and_stop_after(100, pipeline, given(100, AndThen::End), &Stop::default());
    let snapshot = stats.snapshot();
    adds_up(&snapshot);
    assert_eq!(snapshot.handlers["stuck"].dropped, 100);
    assert_eq!(snapshot.handlers["count"].handled, 100);
    assert_eq!(snapshot.handlers["gone"].dropped, 100);

    // What a handler does after it was left behind counts no more.
    *free.0.lock().unwrap() = true;
    free.1.notify_all();
    until("its thread has ended", || Arc::strong_count(&free) == 1);
    assert_eq!(stats.snapshot(), snapshot);
}

/// Nobody is in a hurry when the sources have ended by themselves.
#[test]
fn a_slow_handler_has_all_the_time_after_the_last_alert() {
    let mut pipeline = Pipeline { drain: Duration::ZERO, ..Pipeline::default() };
    pipeline.add("slow", Box::new(Waits::each(Duration::from_millis(50))), LaneSettings::default());
    let stats = pipeline.stats();
    pipeline.run(given(100, AndThen::End), &Stop::default()).unwrap();
    assert_eq!(stats.snapshot().handlers["slow"].handled, 100);
}

#[test]
fn a_handler_that_waits_is_told_when_time_is_up() {
    let mut pipeline = Pipeline { drain: Duration::from_secs(2), ..Pipeline::default() };
    pipeline.add("waits", Box::new(Waits::each(Duration::from_secs(600))), LaneSettings::default());
    let stats = pipeline.stats();
    run_and_stop_after(100, pipeline, given(100, AndThen::End), &Stop::default());
    let snapshot = stats.snapshot();
    adds_up(&snapshot);
    // One of the first batch, unless that has only one.
    let waits = snapshot.handlers["waits"];
    assert!(waits.handled <= 1);
    assert_eq!(waits.handled + waits.dropped, 100);
}

#[test]
fn a_source_that_waits_for_a_stuck_handler_is_let_go() {
    let free = Arc::default();
    let mut pipeline = impatient();
    pipeline.limit = Some(1_000);
    pipeline.add("stuck", Box::new(Stuck(free)), small(WhenFull::Wait));
    let stats = pipeline.stats();
    // The lane is full then, and the next alert waits.
    run_and_stop_after(11, pipeline, given(1_000, AndThen::Wait), &Stop::default());
    let snapshot = stats.snapshot();
    adds_up(&snapshot);
    assert_eq!(snapshot.handlers["stuck"].dropped, snapshot.received);
}

#[test]
fn a_failing_handler_ends_it_or_does_not() {
    let mut pipeline = Pipeline::default();
    pipeline.add("fails", Box::new(Fails), LaneSettings::default());
    pipeline.add("count", Box::new(Count::default()), LaneSettings::default());
    let stats = pipeline.stats();
    let error = pipeline.run(given(10, AndThen::Wait), &Stop::default()).unwrap_err();
    assert_eq!(error.to_string(), "handler fails");
    adds_up(&stats.snapshot());

    let mut pipeline = Pipeline { on_error: OnError::GoOn, ..Pipeline::default() };
    pipeline.add("fails", Box::new(Fails), LaneSettings::default());
    let stats = pipeline.stats();
    pipeline.run(given(10, AndThen::End), &Stop::default()).unwrap();
    adds_up(&stats.snapshot());
    assert_eq!(stats.snapshot().handlers["fails"].failed, 10);
}

#[test]
fn it_ends_once_nobody_reads_any_output() {
    let mut pipeline = Pipeline::default();
    pipeline.add("gone", Box::new(ReaderGone), LaneSettings::default());
    let stats = pipeline.stats();
    pipeline.run(given(10, AndThen::Wait), &Stop::default()).unwrap();
    adds_up(&stats.snapshot());
}

#[test]
fn a_bad_datagram_ends_it_or_does_not() {
    let pipeline = Pipeline::default();
    let stats = pipeline.stats();
    let error = pipeline.run(given(1, AndThen::Bad), &Stop::default()).unwrap_err();
    assert!(matches!(error, PipelineError::Source { source: SourceError::Malformed(_), .. }));
    assert_eq!(stats.snapshot().malformed, 1);

    let pipeline = Pipeline { on_error: OnError::GoOn, ..Pipeline::default() };
    let stats = pipeline.stats();
    pipeline.run(given(1, AndThen::Bad), &Stop::default()).unwrap();
    assert_eq!((stats.snapshot().received, stats.snapshot().malformed), (1, 1));
}

#[test]
fn a_source_that_panics_is_a_failure() {
    let mut pipeline = Pipeline::default();
    pipeline.add("count", Box::new(Count::default()), LaneSettings::default());
    let stats = pipeline.stats();
    let error = pipeline.run(given(5, AndThen::Panic), &Stop::default()).unwrap_err();
    assert!(matches!(error, PipelineError::Source { source: SourceError::Panicked, .. }));
    adds_up(&stats.snapshot());
}

/// Takes its time, as people do: each alert waits until somebody says `next`.
struct Attended {
    says: Arc<(Mutex<u32>, Condvar)>,
    deadline: Deadline,
}

impl Handler for Attended {
    fn needs(&self) -> Needs {
        Needs { interactive: true, ..Needs::default() }
    }

    fn start(&mut self, context: Context) -> Result<(), Failure> {
        self.deadline = context.deadline;
        let says = Arc::clone(&self.says);
        self.deadline.on_announce(move || says.1.notify_all());
        Ok(())
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        let (said, changed) = &*self.says;
        for n in 0..alerts.len() {
            let waits = |said: &mut u32| *said == 0 && self.deadline.left().is_none();
            let mut said = changed.wait_while(said.lock().unwrap(), waits).unwrap();
            if *said == 0 {
                return Err(Failure::time_up().after(n));
            }
            *said -= 1;
        }
        Ok(Progress::All)
    }
}

fn attended() -> (Arc<(Mutex<u32>, Condvar)>, Box<Attended>) {
    let says = Arc::new((Mutex::new(0), Condvar::new()));
    let handler = Attended { says: Arc::clone(&says), deadline: Deadline::default() };
    (says, Box::new(handler))
}

#[test]
fn whoever_works_with_a_handler_has_all_the_time_that_it_takes() {
    let (says, handler) = attended();
    let mut pipeline = impatient();
    pipeline.limit = Some(100);
    pipeline.add("attended", handler, LaneSettings::default());
    pipeline.add("count", Box::new(Count::default()), LaneSettings::default());
    let stats = pipeline.stats();
    thread::scope(|scope| {
        scope.spawn(|| {
            until("the others are done", || stats.snapshot().handlers["count"].handled == 100);
            let done = std::time::Instant::now();
            until("the others had to be done", || done.elapsed() > 2 * LATE);
            *says.0.lock().unwrap() = 100;
            says.1.notify_all();
        });
        pipeline.run(given(200, AndThen::Wait), &Stop::default()).unwrap();
    });
    assert_eq!(stats.snapshot().handlers["attended"].handled, 100);
}

#[test]
fn whoever_works_with_a_handler_is_hurried_when_somebody_asks() {
    let (_says, handler) = attended();
    let mut pipeline = Pipeline { drain: Duration::from_secs(600), ..Pipeline::default() };
    pipeline.add("attended", handler, LaneSettings::default());
    let (stats, stop) = (pipeline.stats(), Stop::default());
    thread::scope(|scope| {
        scope.spawn(|| {
            until("all are received", || stats.snapshot().received == 100);
            stop.request();
        });
        pipeline.run(given(100, AndThen::End), &stop).unwrap();
    });
    let snapshot = stats.snapshot();
    adds_up(&snapshot);
    assert_eq!(snapshot.handlers["attended"].dropped, 100);
}

#[test]
fn quitting_ends_everything_without_a_failure() {
    struct Quits;

    impl Handler for Quits {
        fn handle(&mut self, _: &[Arc<Alert>]) -> Result<Progress, Failure> {
            Err(Failure::quit())
        }
    }

    let mut pipeline = Pipeline::default();
    pipeline.add("quits", Box::new(Quits), LaneSettings::default());
    pipeline.add("count", Box::new(Count::default()), LaneSettings::default());
    let stats = pipeline.stats();
    pipeline.run(given(10, AndThen::Wait), &Stop::default()).unwrap();
    let snapshot = stats.snapshot();
    adds_up(&snapshot);
    assert_eq!(snapshot.handlers["count"].handled, 10);
    assert!(snapshot.handlers["quits"].handled > 0);
}

#[test]
fn where_errors_do_not_end_it_a_source_fails_alone() {
    let mut pipeline = Pipeline { on_error: OnError::GoOn, ..Pipeline::default() };
    pipeline.add("count", Box::new(Count::default()), LaneSettings::default());
    let (stats, stop) = (pipeline.stats(), Stop::default());
    let sources = [given(2, AndThen::Panic), given(3, AndThen::Wait)].into_iter().flatten();
    let (sources, stopped) = (sources.collect(), stop.clone());
    let running = thread::spawn(move || pipeline.run(sources, &stopped));
    until("all alerts came", || stats.snapshot().handlers["count"].handled == 5);
    assert!(!running.is_finished());
    stop.request();
    let end = running.join().unwrap();
    assert!(matches!(end, Err(PipelineError::Source { .. })), "{end:?}");
}

/// Can't be dropped.
struct Undroppable;

impl Handler for Undroppable {
    fn handle(&mut self, _: &[Arc<Alert>]) -> Result<Progress, Failure> {
        Ok(Progress::All)
    }
}

impl Drop for Undroppable {
    fn drop(&mut self) {
        panic!("broken");
    }
}

#[test]
fn a_handler_that_panics_when_it_is_dropped_is_an_error() {
    let mut pipeline = Pipeline::default();
    pipeline.add("broken", Box::new(Undroppable), LaneSettings::default());
    let end = pipeline.run(given(2, AndThen::End), &Stop::default());
    assert!(matches!(end, Err(PipelineError::Handler { .. })), "{end:?}");
}
