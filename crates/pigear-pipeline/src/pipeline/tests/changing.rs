//! Lanes that come, go and change under load.

use std::ops::ControlFlow;

use super::*;
use crate::filter::FilterError;
use crate::pipeline::LaneChange;
use crate::{Filter, NewLane};

/// Sends as fast as it can until it is stopped.
struct Flood;

impl Source for Flood {
    fn name(&self) -> String {
        "flood".to_owned()
    }

    fn run(self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        let mut intake = fanout.patient_intake(AlertFactory::default());
        let mut id = 0;
        while !stop.is_requested() {
            id += 1;
            if let ControlFlow::Break(end) = intake.datagram(&datagram(id), None) {
                return end;
            }
        }
        Ok(())
    }
}

/// The event ids that all handlers of a lane got.
#[derive(Clone, Default)]
struct Got(Arc<Mutex<Vec<u32>>>);

/// Keeps the ids, and counts how many were started and finished.
struct Keep {
    got: Got,
    lives: Arc<Mutex<[u32; 2]>>,
}

impl Got {
    fn handler(&self, lives: &Arc<Mutex<[u32; 2]>>) -> Box<dyn Handler> {
        Box::new(Keep { got: self.clone(), lives: Arc::clone(lives) })
    }

    fn ids(&self) -> Vec<u32> {
        self.0.lock().unwrap().clone()
    }
}

impl Handler for Keep {
    fn start(&mut self, _: Context) -> Result<(), Failure> {
        self.lives.lock().unwrap()[0] += 1;
        Ok(())
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        let ids = alerts.iter().map(|alert| alert.message.event_id);
        self.got.0.lock().unwrap().extend(ids);
        Ok(Progress::All)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.lives.lock().unwrap()[1] += 1;
        Ok(())
    }
}

fn waits() -> LaneSettings {
    LaneSettings { max_alerts: 100, when_full: WhenFull::Wait, ..LaneSettings::default() }
}

const TIMES: u32 = 50;

#[test]
fn no_alert_is_lost_while_lanes_come_go_and_change_under_load() {
    let [stays, changes] = [Got::default(), Got::default()];
    let lives = Arc::default();
    let mut pipeline = Pipeline::default();
    pipeline.add("stays", stays.handler(&lives), waits());
    pipeline.add("changes", changes.handler(&lives), waits());
    let (changer, stats, stop) = (pipeline.changer(), pipeline.stats(), Stop::default());
    let others: Vec<_> = std::iter::repeat_with(Got::default).take(TIMES as usize).collect();
    thread::scope(|scope| {
        let run = scope.spawn(|| pipeline.run(vec![Box::new(Flood)], &stop));
        for (n, other) in others.iter().enumerate() {
            let before = stats.snapshot().received;
            until("alerts come", || stats.snapshot().received > before + 200);
            let changed = ChangedLane {
                name: "changes".to_owned(),
                handler: Some(changes.handler(&lives)),
                filters: Vec::new(),
                settings: waits(),
            };
            let added = NewLane {
                name: format!("other{n}"),
                handler: other.handler(&lives),
                config: waits().into(),
            };
            let removed = n.checked_sub(1).map(|before| format!("other{before}"));
            let change = LaneChange {
                added: vec![added],
                changed: vec![changed],
                removed: removed.into_iter().collect(),
            };
            changer.change(change).unwrap();
        }
        stop.request();
        run.join().unwrap().unwrap();
    });
    let counters = stats.snapshot();
    let all: Vec<_> = (1..=u32::try_from(counters.received).unwrap()).collect();
    assert_eq!(stays.ids(), all);
    assert_eq!(changes.ids(), all, "each once and in order, whichever handler got it");
    for name in ["stays", "changes"] {
        let lane = counters.handlers[name];
        assert_eq!((lane.received, lane.handled), (counters.received, counters.received));
    }
    for (n, other) in others.iter().enumerate() {
        let (ids, lane) = (other.ids(), counters.handlers[&format!("other{n}")]);
        assert!(ids.windows(2).all(|pair| pair[0] + 1 == pair[1]), "no gap");
        assert_eq!((ids.len() as u64, lane.waiting, lane.dropped), (lane.received, 0, 0));
    }
    assert_eq!(*lives.lock().unwrap(), [2 + 2 * TIMES; 2], "each handler is started and finished");
}

/// Lets through what the last filter left out, and the other way round.
struct Odd(bool);

impl Filter for Odd {
    fn passes(&mut self, alert: &Arc<Alert>) -> Result<bool, FilterError> {
        Ok((alert.message.event_id % 2 == 1) == self.0)
    }
}

#[test]
fn a_filter_changes_without_the_handler_and_the_account_adds_up() {
    let (got, lives) = (Got::default(), Arc::default());
    let mut pipeline = Pipeline::default();
    pipeline.add("one", got.handler(&lives), waits());
    let (changer, stats, stop) = (pipeline.changer(), pipeline.stats(), Stop::default());
    thread::scope(|scope| {
        let run = scope.spawn(|| pipeline.run(vec![Box::new(Flood)], &stop));
        for n in 0..TIMES {
            let before = stats.snapshot().received;
            until("alerts come", || stats.snapshot().received > before + 200);
            let filters: Vec<Box<dyn Filter>> = vec![Box::new(Odd(n % 2 == 0))];
            let (name, settings) = ("one".to_owned(), waits());
            let changed = ChangedLane { name, handler: None, filters, settings };
            let change = LaneChange { changed: vec![changed], ..LaneChange::default() };
            changer.change(change).unwrap();
        }
        stop.request();
        run.join().unwrap().unwrap();
    });
    let counters = stats.snapshot();
    let lane = counters.handlers["one"];
    assert_eq!(lane.received, counters.received);
    assert_eq!(lane.handled + lane.filtered.unwrap(), counters.received);
    assert_eq!(lane.handled, got.ids().len() as u64);
    assert_eq!(*lives.lock().unwrap(), [1, 1]);
}

#[test]
fn a_change_that_can_not_be_made_changes_nothing() {
    let (got, lives) = (Got::default(), Arc::default());
    let mut pipeline = Pipeline::default();
    pipeline.add("one", got.handler(&lives), waits());
    let (changer, stop) = (pipeline.changer(), Stop::default());
    let add = |name: &str| {
        let (name, handler) = (name.to_owned(), Got::default().handler(&lives));
        NewLane { name, handler, config: waits().into() }
    };
    thread::scope(|scope| {
        let run = scope.spawn(|| pipeline.run(vec![Box::new(Flood)], &stop));
        let taken = LaneChange { added: vec![add("two"), add("one")], ..LaneChange::default() };
        assert!(matches!(changer.change(taken), Err(ChangeError::Taken { name }) if name == "one"));
        let changed = ChangedLane {
            name: "three".to_owned(),
            handler: None,
            filters: Vec::new(),
            settings: waits(),
        };
        let gone = LaneChange { changed: vec![changed], ..LaneChange::default() };
        assert!(matches!(changer.change(gone), Err(ChangeError::Gone { name }) if name == "three"));
        let removed = LaneChange {
            removed: vec!["one".to_owned()],
            added: vec![add("two")],
            ..LaneChange::default()
        };
        changer.change(removed).unwrap();
        stop.request();
        run.join().unwrap().unwrap();
    });
    assert!(matches!(changer.change(LaneChange::default()), Err(ChangeError::Ended)));
}

#[test]
fn the_counters_of_a_lane_that_is_removed_and_added_again_continue() {
    let (got, lives) = (Got::default(), Arc::default());
    let mut pipeline = Pipeline::default();
    pipeline.add("stays", Got::default().handler(&lives), waits());
    let (changer, stats, stop) = (pipeline.changer(), pipeline.stats(), Stop::default());
    let add = || {
        let (name, handler) = ("comes".to_owned(), got.handler(&lives));
        let added = vec![NewLane { name, handler, config: waits().into() }];
        changer.change(LaneChange { added, ..LaneChange::default() }).unwrap();
    };
    let remove = || {
        let removed = vec!["comes".to_owned()];
        changer.change(LaneChange { removed, ..LaneChange::default() }).unwrap();
        until("it has ended", || !changer.is_ending("comes"));
    };
    let lane = || stats.snapshot().handlers["comes"];
    thread::scope(|scope| {
        let run = scope.spawn(|| pipeline.run(vec![Box::new(Flood)], &stop));
        let mut handled = 0;
        for _ in 0..3 {
            add();
            assert!(lane().handled >= handled, "it began anew");
            until("alerts come", || lane().handled > handled + 200);
            remove();
            handled = lane().handled;
            assert_eq!((got.ids().len() as u64, lane().received), (handled, handled));
            assert_eq!((lane().waiting, lane().dropped), (0, 0));
            let timing = stats.timings().remove("comes").unwrap();
            let observed = timing.handling.buckets.iter().map(|(_, count)| count).sum::<u64>();
            assert_eq!(observed + timing.handling.above, handled);
        }
        stop.request();
        run.join().unwrap().unwrap();
    });
}
