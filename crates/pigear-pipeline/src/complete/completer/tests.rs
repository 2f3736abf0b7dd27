use std::fs::{self, OpenOptions};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::thread;

use pigear_alert::wire::{Dialect, encode};
use pigear_alert::{Alert, AlertMessage};
use tempfile::TempDir;

use super::*;
use crate::complete::Completed;
use crate::handler::{Failure, Handler, Progress};
use crate::pipeline::{Pipeline, PipelineError};
use crate::policy::{LaneSettings, OnError};
use crate::source::unified2::{Spool, Start};
use crate::stats::Stats;
use crate::test_alerts::until;

/// Hands in an alert without a packet, and waits to be stopped.
struct Socket(AlertFactory);

impl Source for Socket {
    fn name(&self) -> String {
        "socket".to_owned()
    }

    fn run(self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        let datagram = encode(&AlertMessage::default(), Dialect::Snort3);
        assert!(fanout.intake(self.0.clone()).datagram(&datagram, None).is_continue());
        until("it is stopped", || stop.is_requested());
        Ok(())
    }
}

struct Takes;

impl Handler for Takes {
    fn handle(&mut self, _: &[Arc<Alert>]) -> Result<Progress, Failure> {
        Ok(Progress::All)
    }
}

/// A log in a directory of its own, and what completes alerts from it.
struct Room {
    dir: TempDir,
    completing: Completing,
    stop: Stop,
}

impl Room {
    fn new(wait: Duration) -> Self {
        let (completing, stop) = (Completing::new(wait, Completed::Lacking), Stop::default());
        let room = Self { dir: tempfile::tempdir().unwrap(), completing, stop };
        room.append(0..1);
        room
    }

    fn append(&self, event_ids: std::ops::Range<u32>) {
        let event = |id| [7, 52, 0, id, id, 0, 9, 1, 1, 1, 1, 0, 0, 0, 6 << 24];
        let log: Vec<_> = event_ids.flat_map(event).flat_map(u32::to_be_bytes).collect();
        let path = self.dir.path().join("u2.log");
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(&log).unwrap();
    }

    fn bookmark(&self) -> Vec<u8> {
        fs::read(self.dir.path().join(".u2.log.bookmark")).unwrap()
    }

    fn open(&self) -> Box<dyn Source> {
        self.open_with(Box::new(|_: &_| false))
    }

    fn open_with(&self, known: AlreadyHandled) -> Box<dyn Source> {
        let spool = Spool::at(&self.dir.path().join("u2.log")).unwrap();
        let completing = self.completing.clone();
        let log = LogToFollow { spool, start: Start::Bookmark, bookmark: None };
        Box::new(Completer::new(log, completing, known, AlertFactory::default()))
    }

    fn socket(&self) -> Box<dyn Source> {
        let completing = Some(self.completing.clone());
        Box::new(Socket(AlertFactory { completing, ..AlertFactory::default() }))
    }

    /// Runs these sources while something else is done.
    fn run(&self, sources: Vec<Box<dyn Source>>, meanwhile: impl FnOnce(&Stats)) -> Arc<Stats> {
        let mut pipeline = Pipeline::default();
        pipeline.add("takes", Box::new(Takes), LaneSettings::default());
        let stats = pipeline.stats();
        thread::scope(|scope| {
            let running = scope.spawn(|| pipeline.run(sources, &self.stop));
            let asked = AskedWhenDropped(&self.stop);
            meanwhile(&stats);
            drop(asked);
            running.join().unwrap().unwrap();
        });
        stats
    }
}

/// Also when what is waited for never comes, so that the test ends.
struct AskedWhenDropped<'a>(&'a Stop);

impl Drop for AskedWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.request();
    }
}

#[test]
fn the_bookmark_moves_although_some_event_always_waits() {
    let wait = Duration::from_millis(100);
    let room = Room::new(wait);
    let log = room.open();
    let begun = room.bookmark();
    room.run(vec![log], |_| {
        let (mut id, mut written) = (1, Instant::now());
        until("the bookmark moves", || {
            if written.elapsed() > wait / 5 {
                room.append(id..id + 1);
                (id, written) = (id + 1, Instant::now());
            }
            id > 3 && room.bookmark() != begun
        });
    });
}

#[test]
fn an_alert_that_waits_when_it_is_time_to_stop_goes_on_as_it_is() {
    let room = Room::new(Duration::from_secs(600));
    let stats = room.run(vec![room.open(), room.socket()], |_| {
        until("the alert waits", || room.completing.due().is_some());
    });
    let counters = stats.snapshot();
    assert_eq!((counters.received, counters.incomplete), (1, 1));
    assert_eq!(counters.handlers["takes"].handled, 1);
}

/// Hands in an alert without a packet, and another when the completer waits for none any more.
struct LateSocket(AlertFactory);

impl Source for LateSocket {
    fn name(&self) -> String {
        "late socket".to_owned()
    }

    fn run(self: Box<Self>, fanout: &Fanout, _: &Stop) -> Result<(), SourceError> {
        let datagram = encode(&AlertMessage::default(), Dialect::Snort3);
        let completing = self.0.completing.clone().unwrap();
        let mut intake = fanout.intake(self.0.clone());
        assert!(intake.datagram(&datagram, None).is_continue());
        until("the completer is gone", || completing.due().is_none());
        assert!(intake.datagram(&datagram, None).is_continue());
        Ok(())
    }
}

#[test]
fn an_alert_that_comes_when_the_completer_is_gone_goes_on_as_it_is() {
    let room = Room::new(Duration::from_secs(600));
    let completing = Some(room.completing.clone());
    let socket = LateSocket(AlertFactory { completing, ..AlertFactory::default() });
    let stats = room.run(vec![room.open(), Box::new(socket)], |_| {
        until("the alert waits", || room.completing.due().is_some());
    });
    let counters = stats.snapshot();
    assert_eq!((counters.received, counters.incomplete), (2, 2));
}

#[test]
fn alerts_that_wait_when_the_completer_fails_go_on_as_they_are() {
    let room = Room::new(Duration::from_secs(600));
    drop(room.open());
    room.append(1..50);
    let completing = room.completing.clone();
    let log = room.open_with(Box::new(move |_: &_| {
        until("the alert waits", || completing.due().is_some());
        panic!("as if the store's reader failed");
    }));
    let mut pipeline = Pipeline::default();
    pipeline.add("takes", Box::new(Takes), LaneSettings::default());
    let stats = pipeline.stats();
    let end = pipeline.run(vec![log, room.socket()], &room.stop);
    let failed = Err::<(), _>(PipelineError::Source {
        name: room.dir.path().join("u2.log").display().to_string(),
        source: SourceError::Panicked,
    });
    assert_eq!(format!("{end:?}"), format!("{failed:?}"));
    let counters = stats.snapshot();
    assert_eq!((counters.received, counters.incomplete), (1, 1));
    assert_eq!(counters.handlers["takes"].handled, 1);
}

#[test]
fn an_alert_that_finds_too_many_waiting_counts_as_incomplete() {
    const MANY: usize = 1 << 14;
    let stats = Arc::new(Stats::default());
    let fanout = Fanout::new(Vec::new(), Arc::clone(&stats), OnError::GoOn, None, Stop::default());
    let completing = Some(Completing::new(Duration::from_secs(600), Completed::Lacking));
    let mut intake = fanout.intake(AlertFactory { completing, ..AlertFactory::default() });
    let datagram = encode(&AlertMessage::default(), Dialect::Snort3);
    for _ in 0..=MANY {
        assert!(intake.datagram(&datagram, None).is_continue());
    }
    let counters = stats.snapshot();
    assert_eq!((counters.received, counters.incomplete), (1, 1));
}

/// Keeps the ids that it saw, the first once it may.
struct Keeps<F>(Arc<Mutex<Vec<u32>>>, F);

impl<F: FnMut() + Send> Handler for Keeps<F> {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        (self.1)();
        let ids = alerts.iter().map(|alert| alert.message.event_id);
        self.0.lock().unwrap().extend(ids);
        Ok(Progress::All)
    }
}

#[test]
fn what_was_logged_before_waits_for_room_and_holds_up_no_alert_of_the_socket() {
    let room = Room::new(Duration::from_millis(50));
    drop(room.open());
    room.append(1..100);
    let (slow, quick) = (Arc::default(), Arc::<Mutex<Vec<u32>>>::default());
    let seen = Arc::clone(&quick);
    let until_seen = move || until("the alert is seen", || seen.lock().unwrap().contains(&0));
    let mut pipeline = Pipeline::default();
    let settings = LaneSettings { max_alerts: 4, ..LaneSettings::default() };
    pipeline.add("slow", Box::new(Keeps(Arc::clone(&slow), until_seen)), settings);
    pipeline.add("quick", Box::new(Keeps(quick, || ())), LaneSettings::default());
    let stats = pipeline.stats();
    let sources = vec![room.open(), room.socket()];
    thread::scope(|scope| {
        let running = scope.spawn(|| pipeline.run(sources, &room.stop));
        let asked = AskedWhenDropped(&room.stop);
        until("all are handled", || stats.snapshot().handlers["slow"].handled >= 99);
        drop(asked);
        running.join().unwrap().unwrap();
    });
    // Only the socket's alert does not wait for room.
    let mut slow = slow.lock().unwrap().clone();
    slow.retain(|id| *id != 0);
    assert_eq!(slow, (1..100).collect::<Vec<_>>());
    assert!(stats.snapshot().handlers["slow"].dropped <= 1);
}

#[test]
fn what_was_logged_before_does_not_count_as_missed() {
    let room = Room::new(Duration::from_secs(600));
    drop(room.open());
    room.append(1..5);
    let stats = room.run(vec![room.open()], |stats| {
        until("all are read", || stats.snapshot().received == 4);
    });
    assert_eq!(stats.snapshot().missed, 0);
}

#[test]
fn what_was_logged_before_is_left_to_the_next_run_when_it_is_time_to_stop() {
    let room = Room::new(Duration::from_millis(1));
    drop(room.open());
    room.append(1..50_000);
    room.stop.request();
    let stats = room.run(vec![room.open()], |_| {});
    assert!(stats.snapshot().received < 20_000, "{:?}", stats.snapshot());
}
